"""Time the PRISM iteration and evaluation against the slow reference, in one run, and compare numbers.

    python measurements/speed.py [--frames 8 --size 64] [--classes 21] [--batch-real 16] [--vpc 1]

Both sides do the same work on the same generated pixels: normalise real clips, their features, the synthetic
forward and backward, the criterion and the update. Rounds alternate; medians and their ratio are printed.
"""

import argparse
from typing import NamedTuple

import numpy as np
import torch

import reference
from clock import Clock, Do, Spread, ratio
from vidcondense import networks
from vidcondense.base.compute import Compute, choose, generator, normalise
from vidcondense.data.batches import IMAGENET_MEAN, IMAGENET_STD
from vidcondense.insertion.kinds import Gradient
from vidcondense.networks.loss import Labels
from vidcondense.networks.passes import backward, scored
from vidcondense.objectives.distribution_matching import distribution_matching
from vidcondense.synthetic import KeyFrames


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    defaults = {"frames": 8, "size": 64, "classes": 21, "batch-real": 16, "vpc": 1, "rounds": 3}
    for name, default in defaults.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--precision", default="auto", choices=["auto", "float32", "bfloat16"])
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    compute = choose("cpu", options.precision)
    print(
        f"torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}, {options.threads} threads, "
        f"ours in {compute.precision}"
    )
    print(
        f"{options.classes} classes, {options.batch_real} real clips each, VPC {options.vpc}, "
        f"{options.frames}x{options.size}x{options.size}"
    )
    clock = Clock(compute.device)
    for dtype in sorted({torch.float32, compute.dtype}, key=str):
        rate = clock.product_rate(dtype)
        print(f"ceiling: product of two 4096x4096 matrices in {dtype}: {rate:.0f} GFLOP/s")
    work = Work(
        Shape(options.frames, options.size, options.classes, options.batch_real, options.vpc), compute
    )
    for name, (slow, fast) in work.parts().items():
        compare(clock, name, slow, fast, options.rounds)
    work.check()


class Shape(NamedTuple):
    """Of clips and batches."""

    frames: int
    size: int
    classes: int
    batch_real: int
    vpc: int = 1


class Work:
    """The same pixels, weights and key frames for both sides, all on the device."""

    def __init__(self, shape: Shape, compute: Compute) -> None:
        self.compute, device = compute, compute.device
        frames, size, self.classes, batch_real, vpc = shape
        rng = np.random.default_rng(0)
        drawn = rng.integers(0, 256, (self.classes, batch_real, frames, size, size, 3), dtype=np.uint8)
        self.pixels = torch.from_numpy(drawn).to(device).movedim(-1, -3)
        videos = self.classes * vpc
        self.start = torch.randn(videos, frames, 3, size, size, generator=generator(0)).to(device)
        self.labels = torch.arange(self.classes, device=device).repeat_interleave(vpc)
        self.drawn = networks.build("minic3d", self.classes, frames, size)
        self.network = networks.build("minic3d", self.classes, frames, size).requires_grad_(False)
        self.network.to(device, compute.dtype)
        networks.channels_last(self.network)
        self.chunk = self.network.chunk(compute)
        self.trained = networks.build("minic3d", self.classes, frames, size)
        networks.initialise(self.trained, generator(1))
        networks.channels_last(self.trained.to(device))
        self.theirs = reference.ReferenceNetwork(self.classes, size).to(device)
        self.synthetic = KeyFrames(self.start.clone(), self.labels)
        self.synthetic.values.requires_grad_()
        self.insertion = Gradient(Gradient.Settings(warm_up=0.0, cool_down=0.0, threshold=-1.0), 10)
        self.optimiser = torch.optim.SGD([self.synthetic.values], lr=1.0, momentum=0.95)
        self.keys = [self.start[c, [0, frames - 1]].clone().requires_grad_() for c in range(videos)]
        self.positions = [[0, frames - 1] for _ in range(videos)]
        self.their_optimiser = torch.optim.SGD(self.keys, lr=1.0, momentum=0.95)
        self.our_step = torch.optim.SGD(self.trained.parameters(), lr=0.001)
        self.their_step = torch.optim.SGD(self.theirs.parameters(), lr=0.001)

    def parts(self) -> dict[str, tuple[Do, Do]]:
        """What is timed, by name: the yardstick's and ours."""
        return {
            "PRISM iteration": (self.reference_iteration, self.iteration),
            "evaluation step": (self.reference_train, self.train),
            "evaluation test": (self.reference_test, self.test),
        }

    def real(self):  # type: ignore[no-untyped-def]
        """Chunks of normalised clips and labels across classes, as `RealBatch.read` gives them."""
        flat, labels = self.pixels.flatten(0, 1), self.labels.unique().repeat_interleave(self.pixels.shape[1])
        for clips, target in zip(flat.split(self.chunk), labels.split(self.chunk), strict=True):
            yield normalise(clips, IMAGENET_MEAN, IMAGENET_STD, self.compute), target

    def iteration(self) -> tuple[float, torch.Tensor]:
        """Ours."""
        networks.initialise(self.drawn, generator(0, "network"))
        self.network.load_state_dict(self.drawn.state_dict())
        clips = self.synthetic.render()
        loss, gradient = distribution_matching(self.network, self.real(), clips, self.labels, self.chunk)
        self.insertion.step(0, self.synthetic, gradient)
        self.synthetic.pull_back(gradient)
        self.optimiser.step()
        return loss, gradient

    def reference_iteration(self) -> tuple[float, torch.Tensor]:
        """The yardstick's."""
        network = reference.ReferenceNetwork(self.classes, self.start.shape[-1]).requires_grad_(False)
        network.to(self.compute.device)
        with torch.no_grad():
            clips = reference.render([k.detach() for k in self.keys], self.positions, self.start.shape[1])
        loss, gradient = reference.match(network, list(self.pixels), clips)
        reference.candidates(gradient, self.positions)
        for c, times in enumerate(self.positions):
            self.keys[c].grad = gradient[c, times]
        self.their_optimiser.step()
        return loss, gradient

    def train(self) -> None:
        """One training step of an evaluation network on the condensed clips, ours."""
        self.our_step.zero_grad()
        backward(self.trained, self.start, Labels(self.labels), self.compute)
        self.our_step.step()

    def reference_train(self) -> None:
        """The yardstick's."""
        reference.train_step(self.theirs, self.their_step, self.start, self.labels)

    def test(self) -> None:
        """Scores of all real clips, ours."""
        with torch.no_grad():
            for clips, _ in self.real():
                scored(self.trained, clips, self.compute)

    def reference_test(self) -> None:
        """The yardstick's, in the published batches of 64."""
        for clips in self.pixels.flatten(0, 1).split(64):
            reference.scores(self.theirs, clips)

    def agreement(self) -> tuple[float, float, torch.Tensor]:
        """Both sides on the same weights: their losses, and the cosine of every frame's two gradients."""
        networks.initialise(self.drawn, generator(0, "network"))
        self.network.load_state_dict(self.drawn.state_dict())
        layers = {"features.0": "conv1", "features.3": "conv2", "features.6": "conv3", "logit": "logit"}
        ours = self.drawn.state_dict()
        self.theirs.load_state_dict(
            {f"{a}.{p}": ours[f"{b}.{p}"] for a, b in layers.items() for p in ("weight", "bias")}
        )
        expected, slow = reference.match(self.theirs, list(self.pixels), self.start)
        loss, fast = distribution_matching(self.network, self.real(), self.start, self.labels, self.chunk)
        return expected, loss, torch.nn.functional.cosine_similarity(slow.flatten(2), fast.flatten(2), dim=2)

    def check(self) -> None:
        """Print how far both sides agree."""
        expected, loss, cosine = self.agreement()
        print(
            f"same weights: loss {loss:.4f} against {expected:.4f}; "
            f"cosine of frame gradients at least {cosine.min():.4f}, mean {cosine.mean():.4f}"
        )


def compare(clock: Clock, name: str, slow: Do, fast: Do, rounds: int) -> None:
    """Alternate both; print medians, range and ratio."""
    times = clock.in_turn({"reference": slow, "ours": fast}, rounds)
    median = {label: Spread.of(values).median for label, values in times.items()}
    ratios = ratio(times["reference"], times["ours"])
    print(
        f"{name}: reference {median['reference']:.3f} s, ours {median['ours']:.3f} s, ratio "
        f"{ratios.median:.2f} ({ratios.least:.2f} to {ratios.most:.2f} over {rounds} rounds)"
    )


if __name__ == "__main__":
    main()

"""How close each stage comes to what this processor can do: achieved rate over the ceiling of its kind.

    python measurements/stages.py [--frames 8 --size 64] [--classes 21] [--batch-real 8] [--rounds 5]

Ceilings, measured first: a product of large matrices (GFLOP/s), and a copy in memory (GB/s, bytes read and
written). Work is counted as the plain method would need it: a convolution's multiplications by pixels, not by
the zeros around a clip, whatever algorithm does it. Times are the best of the rounds.
"""

import argparse
import math
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from clock import Clock
from vidcondense import networks, toys
from vidcondense.base.compute import choose, generator, normalise
from vidcondense.data.batches import IMAGENET_MEAN, IMAGENET_STD, sample
from vidcondense.data.prepare import prepare
from vidcondense.data.store import ClipStore
from vidcondense.networks import cpu
from vidcondense.networks.base import VideoNetwork
from vidcondense.networks.loss import Labels
from vidcondense.networks.optimiser import low_pass
from vidcondense.networks.passes import backward, scored
from vidcondense.recipes import load as recipe
from vidcondense.run.state import State


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default in (("frames", 8), ("size", 64), ("classes", 21), ("batch-real", 8), ("rounds", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(options, made_store(options, Path(folder)))


def made_store(options: argparse.Namespace, folder: Path) -> ClipStore:
    """Generated clips of the wanted shape."""
    classes = min(options.classes, 12)  # motion has no more; batches count as if there were that many
    source = toys.generate(
        "motion",
        folder / "clips",
        train_per_class=options.batch_real * math.ceil(options.classes / classes),
        test_per_class=1,
        classes=classes,
        frames=2 * options.frames,
        size=options.size,
    )
    prepare(source, folder / "store", frames=options.frames, size=options.size, progress=False)
    return ClipStore.open(folder / "store")


def measure(options: argparse.Namespace, store: ClipStore) -> None:
    compute, rounds = choose("cpu"), options.rounds
    clock = Clock(compute.device)
    product, copy = clock.product_rate(compute.dtype, rounds=rounds), clock.copy_rate(rounds=rounds)
    print(
        f"torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}, {torch.get_num_threads()} "
        f"threads, {compute.precision}; {options.frames}x{options.size}x{options.size}, "
        f"{options.classes} classes, {options.batch_real} real clips each"
    )
    print(f"ceilings: {product:.0f} GFLOP/s in a matrix product, {copy:.1f} GB/s in a copy\n")
    print(f"{'stage':34} {'ms':>8} {'achieved':>14} {'of ceiling':>10}")
    clips = options.classes * options.batch_real
    network = networks.build("minic3d", options.classes, options.frames, options.size).requires_grad_(False)
    networks.initialise(network, generator(0))
    networks.channels_last(network.to(compute.dtype))
    chunk = network.chunk(compute)
    rng = np.random.default_rng(0)
    per_class = options.batch_real * math.ceil(options.classes / len(store.class_names))
    batch = sample(store, per_class, 0.0, rng)
    videos, starts = batch.videos[:clips], batch.starts[:clips]
    pixels = store.read(videos, starts)
    clip_bytes, clip_flop = pixels[0].numel(), useful_flop(network, normal(pixels[:1], compute))

    def line(name: str, work: float, ceiling: float, unit: str, do: Callable[[], object]) -> None:
        seconds = clock.best(do, rounds)
        rate = work / seconds / 1e9
        print(f"{name:34} {seconds * 1e3:8.1f} {rate:8.1f} {unit:5} {rate / ceiling:10.0%}", flush=True)

    line(
        "sample (read from the store)",
        2 * clips * clip_bytes,
        copy,
        "GB/s",
        lambda: store.read(videos, starts),
    )
    moved = clips * clip_bytes * (1 + compute.dtype.itemsize)

    def normalise_all() -> None:  # one piece after another, as in an iteration: none is kept
        for part in pixels.split(chunk):
            normal(part, compute)

    line("normalise", moved, copy, "GB/s", normalise_all)
    parts = [normal(part, compute) for part in pixels.split(chunk)]
    with torch.no_grad():
        for layer in ("conv1", "conv2", "conv3"):
            flop = clips * clip_flop[layer]
            inputs = [layer_input(network, layer, part) for part in parts]
            window = (1, 2, 2) if layer == "conv1" else (2, 2, 2)
            line(
                f"  {layer} forward and pooling",
                flop,
                product,
                "GFLOP",
                lambda i=inputs, w=window, n=layer: [cpu.stage(getattr(network, n), x, w) for x in i],
            )
        line(
            "real forward",
            clips * sum(clip_flop.values()),
            product,
            "GFLOP",
            lambda: [network.embed(part) for part in parts],
        )
    synthetic_stages(options, store, line, sum(clip_flop.values()), copy, product)
    evaluation_stages(options, line, sum(clip_flop.values()), product, parts)


def synthetic_stages(
    options: argparse.Namespace,
    store: ClipStore,
    line: Callable[..., None],
    flop: float,
    copy: float,
    product: float,
) -> None:
    """What happens to synthetic clips in an iteration."""
    compute = choose("cpu")
    chosen = recipe.load("prism_small", vpc=1, overrides={"insertion.warm_up": 0.0})
    state = State.start(store, chosen, compute)
    few, count = len(state.synthetic.labels), options.classes
    network = networks.build("minic3d", count, options.frames, options.size).requires_grad_(False)
    line(
        "draw a network",
        4 * network.weights,
        copy,
        "GB/s",
        lambda: networks.initialise(network, generator(0)),
    )
    networks.channels_last(network.to(compute.dtype))
    clips = torch.randn(count, options.frames, options.size, options.size, 3).movedim(-1, 2)

    def there_and_back() -> None:
        leaf = clips.to(compute.dtype).requires_grad_()
        torch.autograd.grad(network.embed(leaf).float().square().sum(), leaf)

    line("synthetic forward and backward", 2 * count * flop, product, "GFLOP", there_and_back)
    gradient = torch.randn_like(state.synthetic.render())
    moved = 4 * gradient.numel()
    line(
        f"insertion ({few} clips)",
        moved,
        copy,
        "GB/s",
        lambda: state.insertion.step(50, state.synthetic, gradient),
    )
    state.synthetic.pull_back(gradient)
    line(f"low-pass filter ({few} clips)", 2 * moved, copy, "GB/s", lambda: low_pass(gradient, 4.0))
    line(f"update ({few} clips)", 7 * moved, copy, "GB/s", lambda: state.optimiser.step(0))


def evaluation_stages(
    options: argparse.Namespace,
    line: Callable[..., None],
    flop: float,
    product: float,
    parts: list[torch.Tensor],
) -> None:
    """Training on condensed clips, and testing."""
    compute = choose("cpu")
    network = networks.build("minic3d", options.classes, options.frames, options.size)
    networks.initialise(network, generator(0))
    networks.channels_last(network)
    clips = torch.randn(options.classes, options.frames, options.size, options.size, 3).movedim(-1, 2)
    labels = torch.arange(options.classes)
    line(
        "evaluation: training step",
        3 * len(clips) * flop,
        product,
        "GFLOP",
        lambda: backward(network, clips, Labels(labels), compute),
    )
    with torch.no_grad():
        count = sum(map(len, parts))
        line(
            "evaluation: test",
            count * flop,
            product,
            "GFLOP",
            lambda: [scored(network, part, compute) for part in parts],
        )


def normal(pixels: torch.Tensor, compute: object) -> torch.Tensor:
    return normalise(pixels, IMAGENET_MEAN, IMAGENET_STD, compute)  # type: ignore[arg-type]


def layer_input(network: VideoNetwork, layer: str, clips: torch.Tensor) -> torch.Tensor:
    """What a layer of miniC3D gets."""
    seen: list[torch.Tensor] = []
    kept = cpu.stage

    def spy(module: nn.Conv3d, x: torch.Tensor, window: tuple[int, int, int]) -> torch.Tensor:
        if module is getattr(network, layer):
            seen.append(x)
        return kept(module, x, window)

    networks.minic3d.stage = spy
    try:
        network.embed(clips)
    finally:
        networks.minic3d.stage = kept
    return seen[0]


def useful_flop(network: VideoNetwork, clip: torch.Tensor) -> dict[str, float]:
    """FLOP of each convolution for one clip, without products by the zeros around it."""
    found = {}
    with torch.no_grad():
        for layer in ("conv1", "conv2", "conv3"):
            module, x = getattr(network, layer), layer_input(network, layer, clip)
            y = module(x)
            taps = math.prod(
                sum(
                    0 <= position * module.stride[d] - module.padding[d] + tap < x.shape[2 + d]
                    for position in range(y.shape[2 + d])
                    for tap in range(module.kernel_size[d])
                )
                for d in range(3)
            )
            found[layer] = 2.0 * x.shape[1] * y.shape[1] * taps
    return found


if __name__ == "__main__":
    main()

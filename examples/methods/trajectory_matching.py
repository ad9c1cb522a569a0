"""Trajectory matching (MTT) by hand: training on synthetic clips leads where training on real clips led.

    python examples/methods/trajectory_matching.py STORE EXPERTS [ITERATIONS]

The same numbers as `vidcondense condense STORE --recipe mtt_small --precision float32 --set
objective.experts=EXPERTS`; experts are trained into the folder EXPERTS first.
"""

import sys
from pathlib import Path

import numpy as np
import torch

from vidcondense import ClipStore, networks
from vidcondense.base.compute import choose, derive_seed, generator, root_seed
from vidcondense.coresets.random import Random
from vidcondense.experts.settings import ExpertSettings
from vidcondense.experts.training import train
from vidcondense.networks.flat import FlatNetwork
from vidcondense.networks.optimiser import Adam, low_pass
from vidcondense.objectives.inner_loop import InnerLoop


def condense(
    store: ClipStore,
    experts_folder: Path,
    iterations: int,
    *,
    experts: ExpertSettings,
    start_epochs: int = 8,
    steps: int = 5,
    seed: int = 0,
) -> tuple[torch.Tensor, float]:
    """Synthetic clips (video, time, 3, height, width), one per class, and the step size learned with them."""
    seed, compute = root_seed(seed, store.split), choose("cpu", "float32")
    trained = train(store, experts_folder, experts, seed=seed, compute=compute)
    network = networks.draw("minic3d", store.shape, generator(seed)).requires_grad_(False).eval()
    start = Random.default().select(store, 1, np.random.default_rng(derive_seed(seed, "coreset")))
    clips, labels = next(iter(start.read(store, compute, len(start.videos))))
    frames, rate = clips.contiguous().requires_grad_(), torch.tensor(0.05).requires_grad_()
    learned = {"frames": frames, "step_size": rate}
    settings = Adam.Settings(learning_rate=0.1, momentum=0.9, schedule="cosine", low_pass=4.0)
    optimiser = Adam(settings, learned, iterations, {"step_size": 0.01})
    for iteration in range(iterations):
        rng = np.random.default_rng(derive_seed(seed, "trajectory", iteration))
        expert, epoch = int(rng.integers(trained.count)), int(rng.integers(start_epochs))
        begin, target = trained.weights(expert, epoch), trained.weights(expert, epoch + 1)
        batches = [torch.arange(len(labels))] * steps
        shown, step_size = learned["frames"].detach(), learned["step_size"]
        loop = InnerLoop(
            FlatNetwork(network), shown, labels, batches, step_size.item(), compute, network.chunk(compute)
        )
        points = loop.walk(begin)
        apart = (begin - target).square().sum()
        loss = (points[-1] - target).square().sum() / apart
        gradient, slope = loop.walk_back(points, 2 * (points[-1] - target) / apart, exact=True)
        learned["frames"].grad = low_pass(gradient, settings.low_pass)
        step_size.grad = torch.full_like(step_size, slope)
        optimiser.step(iteration)
        step_size.data.clamp_(min=1e-3)
        print(f"{iteration}: loss {loss.item():.4g}, step size {step_size.item():.4g}")
    return learned["frames"].detach(), step_size.item()


if __name__ == "__main__":
    few = ExpertSettings(count=2, epochs=12, batch=32, learning_rate=0.03)
    condense(ClipStore.open(sys.argv[1]), Path(sys.argv[2]), int([*sys.argv, 20][3]), experts=few)

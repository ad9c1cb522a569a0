"""Distribution matching by hand: every frame is learned, so that mean features agree with real clips'.

    python examples/methods/dm.py STORE [ITERATIONS]

The same numbers as `vidcondense condense STORE --recipe dm --precision float32`,
with parts that each work alone.
"""

import sys

import numpy as np
import torch

from vidcondense import ClipStore, networks
from vidcondense.base.compute import choose, derive_seed, generator, root_seed
from vidcondense.coresets.random import Random
from vidcondense.data.batches import sample
from vidcondense.networks.optimiser import Sgd
from vidcondense.objectives.distribution_matching import distribution_matching


def condense(
    store: ClipStore,
    iterations: int,
    *,
    vpc: int = 1,
    batch: int = 64,
    step_size: float = 30.0,
    momentum: float = 0.5,
    seed: int = 0,
) -> torch.Tensor:
    """Synthetic clips (video, time, 3, height, width) of all classes after so many updates."""
    seed = root_seed(seed, store.split)
    compute = choose("cpu", "float32")
    start = Random.default().select(store, vpc, np.random.default_rng(derive_seed(seed, "coreset")))
    clips, labels = next(iter(start.read(store, compute, len(start.videos))))
    clips = clips.contiguous().requires_grad_()
    optimiser = Sgd(Sgd.Settings(learning_rate=step_size, momentum=momentum), {"frames": clips}, iterations)
    for iteration in range(iterations):
        network = networks.draw("minic3d", store.shape, generator(seed, "network", iteration))
        chunk = network.requires_grad_(False).chunk(compute)
        rng = np.random.default_rng(derive_seed(seed, "real", iteration))
        real = sample(store, batch, 0.5, rng).read(store, compute, chunk)
        loss, clips.grad = distribution_matching(network, real, clips.detach(), labels, chunk)
        optimiser.step(iteration)
        print(f"{iteration}: loss {loss:.4g}")
    return clips.detach()


if __name__ == "__main__":
    condense(ClipStore.open(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 5000)

"""PRISM by hand: key frames with interpolation between, more of them where gradients disagree.

    python examples/methods/prism.py STORE [ITERATIONS]

The same numbers as `vidcondense condense STORE --recipe prism --precision float32`,
with parts that each work alone.
"""

import sys

import numpy as np
import torch

from vidcondense import ClipStore, networks
from vidcondense.base.compute import choose, derive_seed, generator, root_seed
from vidcondense.data.batches import sample
from vidcondense.insertion.kinds import Gradient
from vidcondense.networks.optimiser import Sgd
from vidcondense.objectives.distribution_matching import distribution_matching
from vidcondense.synthetic import KeyFrames


def condense(
    store: ClipStore, iterations: int, *, vpc: int = 1, batch: int = 64, step_size: float = 1.0, seed: int = 0
) -> KeyFrames:
    """Synthetic videos of all classes after so many updates."""
    seed = root_seed(seed, store.split)
    compute = choose("cpu", "float32")
    classes, frames, size = store.shape
    labels = torch.arange(classes).repeat_interleave(vpc)
    noise = torch.randn((len(labels), frames, 3, size, size), generator=generator(seed, "noise"))
    videos = KeyFrames(noise, labels, initial=2)
    insertion = Gradient(Gradient.Settings(threshold=0.0), iterations, seed)
    optimiser = Sgd(Sgd.Settings(learning_rate=step_size), videos.parameters, iterations)
    for iteration in range(iterations):
        network = networks.draw("minic3d", store.shape, generator(seed, "network", iteration))
        chunk = network.requires_grad_(False).chunk(compute)
        rng = np.random.default_rng(derive_seed(seed, "real", iteration))
        real = sample(store, batch, 0.5, rng).read(store, compute, chunk)
        loss, gradient = distribution_matching(network, real, videos.render(), labels, chunk)
        inserted = insertion.step(iteration, videos, gradient)
        videos.pull_back(gradient)
        optimiser.step(iteration)
        print(
            f"{iteration}: loss {loss:.4g}, {len(inserted)} frames inserted, {videos.key_frames} key frames"
        )
    return videos


if __name__ == "__main__":
    condense(ClipStore.open(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 5000)

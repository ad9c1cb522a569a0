"""Static and dynamic memories (Wang et al.) by hand: images first, then motions that move them.

    python examples/methods/static_dynamic.py STORE [ITERATIONS STATIC_ITERATIONS]

The same numbers as `vidcondense condense STORE --recipe wang --precision float32`,
with parts that each work alone.
"""

import sys

import numpy as np
import torch

from vidcondense import ClipStore, networks
from vidcondense.base.compute import choose, derive_seed, generator, root_seed
from vidcondense.condensed.hallucinator import CHOICES, initial
from vidcondense.data.batches import sample
from vidcondense.networks.optimiser import Sgd
from vidcondense.objectives.distribution_matching import distribution_matching
from vidcondense.synthetic import Start, StaticDynamic


def condense(
    store: ClipStore, iterations: int, static_iterations: int, *, batch: int = 64, seed: int = 0
) -> StaticDynamic:
    """Two images and two motions for each class, and the convolution that joins them."""
    seed = root_seed(seed, store.split)
    compute = choose("cpu", "float32")
    classes, frames, size = store.shape
    noise, begin = generator(seed, "noise"), Start(store, 1, seed, compute)
    motions = torch.randn((classes * CHOICES, frames, 1, size, size), generator=noise)
    images = begin.images(CHOICES, "real", noise)
    videos = StaticDynamic(images, motions, initial(generator(seed, "hallucinator")), begin.labels())
    rates = {"static": 1.0, "dynamic": 1e-4, "hallucinator_weight": 1e-5, "hallucinator_bias": 1e-5}
    stages = (
        ("static", store.stills(), 0, static_iterations),
        ("dynamic", store, static_iterations, iterations),
    )
    for stage, clips, first, count in stages:
        videos.enter(stage)  # what is learned, and labels, become those of the stage
        optimiser = Sgd(Sgd.Settings(), videos.parameters, count, rates)
        for iteration in range(first, first + count):
            network = networks.draw("minic3d", store.shape, generator(seed, "network", iteration))
            chunk = network.requires_grad_(False).chunk(compute)
            rng = np.random.default_rng(derive_seed(seed, "real", iteration))
            real = sample(clips, batch, 0.5, rng).read(clips, compute, chunk)
            videos.draw(generator(seed, "draw", iteration))  # which image goes with which motion
            loss, gradient = distribution_matching(network, real, videos.render(), videos.labels, chunk)
            videos.pull_back(gradient)
            optimiser.step(iteration - first)
            print(f"{iteration} ({stage}): loss {loss:.4g}")
    return videos


if __name__ == "__main__":
    counts = [int(word) for word in sys.argv[2:4]] if len(sys.argv) > 3 else [5000, 3000]
    condense(ClipStore.open(sys.argv[1]), *counts)

"""Gradient matching (DC) by hand: real and synthetic clips pull the weights of a network the same way.

    python examples/methods/gradient_matching.py STORE [ITERATIONS]

The same numbers as `vidcondense condense STORE --recipe dc`, with parts that each work alone.
"""

import sys

import numpy as np
import torch

from vidcondense import ClipStore, networks
from vidcondense.base.compute import choose, derive_seed, generator, root_seed
from vidcondense.data.batches import sample
from vidcondense.networks.optimiser import Sgd
from vidcondense.objectives.gradient_matching import cosine, gradient_matching


def condense(
    store: ClipStore, iterations: int, *, vpc: int = 1, batch: int = 64, step_size: float = 0.1, seed: int = 0
) -> torch.Tensor:
    """Synthetic clips (video, time, 3, height, width) of all classes after so many updates."""
    seed = root_seed(seed, store.split)
    compute = choose("cpu", "float32")
    classes, frames, size = store.shape
    labels = torch.arange(classes).repeat_interleave(vpc)
    clips = torch.randn(
        (len(labels), frames, 3, size, size), generator=generator(seed, "noise")
    ).requires_grad_()
    settings = Sgd.Settings(learning_rate=step_size, momentum=0.5)
    optimiser = Sgd(settings, {"frames": clips}, iterations)
    for iteration in range(iterations):
        network = networks.draw("minic3d", store.shape, generator(seed, "network", iteration)).eval()
        chunk = network.chunk(compute)
        rng = np.random.default_rng(derive_seed(seed, "real", iteration))
        real = sample(store, batch, 0.5, rng).read(store, compute, chunk)
        loss, clips.grad = gradient_matching(network, real, clips.detach(), labels, cosine, chunk)
        optimiser.step(iteration)
        print(f"{iteration}: loss {loss:.4g}")
    return clips.detach()


if __name__ == "__main__":
    condense(ClipStore.open(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1000)

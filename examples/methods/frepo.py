"""Kernel ridge regression (FRePo) by hand: a few clips and learned labels predict all real clips.

    python examples/methods/frepo.py STORE [ITERATIONS]

The same numbers as `vidcondense condense STORE --recipe frepo`, with parts that each work alone.
"""

import sys
from functools import partial

import numpy as np
import torch

from vidcondense import ClipStore
from vidcondense.base.compute import choose, derive_seed, generator, root_seed
from vidcondense.coresets.random import Random
from vidcondense.data.batches import sample
from vidcondense.networks.loss import Targets
from vidcondense.networks.optimiser import Adam
from vidcondense.objectives import Context
from vidcondense.objectives.kernel_ridge_regression import kernel_ridge_regression, start_targets
from vidcondense.objectives.trained import TrainedNetwork


def condense(
    store: ClipStore, iterations: int, *, batch: int = 10, pool: int = 10, updates: int = 100, seed: int = 0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Synthetic clips (video, time, 3, height, width), one per class, and their targets (video, class)."""
    seed = root_seed(seed, store.split)
    compute = choose("cpu", "float32")
    start = Random.default().select(store, 1, np.random.default_rng(derive_seed(seed, "coreset")))
    clips, _ = next(iter(start.read(store, compute, len(start.videos))))
    clips = clips.contiguous().requires_grad_()
    targets = start_targets(len(store.class_names), 1).requires_grad_()
    settings = Adam.Settings(learning_rate=0.001, momentum=0.9, schedule="cosine")
    optimiser = Adam(settings, {"frames": clips, "targets": targets}, iterations, {"targets": 0.001})
    adam = partial(Adam, Adam.Settings(learning_rate=0.0003, momentum=0.9))
    members = [TrainedNetwork(Context(store, compute, seed=seed), adam) for _ in range(pool)]
    for number, member in enumerate(members):
        member.draw(number, 0)
    ages = [number * (updates // pool) for number in range(pool)]
    chunk = members[0].network.chunk(compute)
    for iteration in range(iterations):
        number = int(torch.randint(pool, (), generator=generator(seed, "pool", iteration)))
        member = members[number]
        rng = np.random.default_rng(derive_seed(seed, "real", iteration))
        real = sample(store, batch, 0.5, rng).read(store, compute, chunk)
        loss, clips.grad, targets.grad = kernel_ridge_regression(
            member.network, real, clips.detach(), targets.detach(), chunk=chunk
        )
        optimiser.step(iteration)
        ages[number] += 1
        if ages[number] >= updates:  # a network that has learned enough makes room for a new one
            member.draw(number, iteration + 1)
            ages[number] = 0
        else:
            member.step(clips.detach(), Targets(targets.detach()), chunk)
        print(f"{iteration}: loss {loss:.4g}")
    return clips.detach(), targets.detach()


if __name__ == "__main__":
    condense(ClipStore.open(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 10000)

"""Herding by hand: real clips whose mean feature stays near that of their class.

    python examples/methods/herding.py STORE [VPC]

The same clips as `vidcondense condense STORE --recipe herding`, with parts that each work alone.
"""

import sys

import numpy as np
import torch

from vidcondense import ClipStore, networks
from vidcondense.base.compute import choose, derive_seed, generator, root_seed
from vidcondense.coresets.herding import herding
from vidcondense.data.batches import RealBatch


def condense(store: ClipStore, vpc: int = 1, *, seed: int = 0) -> torch.Tensor:
    """Real clips (video, time, 3, height, width), normalised, `vpc` of each class."""
    seed = root_seed(seed, store.split)
    compute = choose("cpu", "float32")
    weights = generator(derive_seed(seed, "features"), "weights")
    network = networks.draw("minic3d", store.shape, weights).eval().requires_grad_(False)
    rng = np.random.default_rng(derive_seed(seed, "coreset"))
    kept: list[torch.Tensor] = []
    for label, videos in enumerate(store.by_class("train")):
        starts = store.random_starts(videos, rng)  # one window of each video
        windows = RealBatch.unflipped(store, videos, starts)
        clips = torch.cat([part for part, _ in windows.read(store, compute, network.chunk(compute))])
        features = torch.cat([network.embed(part) for part in clips.split(network.chunk(compute))])
        rows = herding(features.double().numpy(), vpc)
        kept.append(clips[rows])
        print(f"{store.class_names[label]}: {', '.join(store.paths[videos[row]] for row in rows)}")
    return torch.cat(kept)


if __name__ == "__main__":
    condense(ClipStore.open(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1)

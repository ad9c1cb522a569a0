"""How much of what random networks see is the class, and how much depends on motion.

    python measurements/separability.py STORE... [--networks 3] [--per-class 16]

Features are the embeddings of randomly initialised networks, as distribution matching compares them. For each
store, as shares of the variance of features within a class (summed over features, mean over classes):

- class: the variance of the classes' means. A mean over n clips carries a noise of 1 / n.
- reversed, still, ends: mean squared change of a clip's features when its frames are reversed in time, when
  its first frame is repeated, and when all but the two end frames are interpolated.
"""

import argparse
import statistics
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vidcondense import networks
from vidcondense.base.compute import Compute, choose, generator
from vidcondense.data.batches import RealBatch, sample
from vidcondense.data.store import ClipStore
from vidcondense.networks.base import VideoNetwork

UNSEEN = 777  # a seed of its own


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("stores", type=Path, nargs="+")
    parser.add_argument("--networks", type=int, default=3)
    parser.add_argument("--per-class", type=int, default=16)
    options = parser.parse_args()
    print("| store | class | reversed | still | ends |\n|---|---|---|---|---|")
    for path in options.stores:
        store = ClipStore.open(path)
        rows = [shares(store, number, options.per_class) for number in range(options.networks)]
        columns = zip(*rows, strict=True)
        cells = [f"{statistics.mean(column):.3f} ± {statistics.stdev(column):.3f}" for column in columns]
        print(f"| {path.name} | {' | '.join(cells)} |", flush=True)


def shares(store: ClipStore, number: int, per_class: int) -> list[float]:
    """Class, reversed, still and ends for one network."""
    compute = choose()
    network = networks.build("minic3d", len(store.class_names), store.frames, store.size)
    networks.initialise(network.requires_grad_(False), generator(UNSEEN, number))
    networks.channels_last(network.to(compute.device, compute.dtype))
    batch = sample(store, per_class, 0.0, np.random.default_rng(number))
    labels = torch.from_numpy(batch.labels)
    features = embedded(network, store, batch, compute, lambda clips: clips)
    parts = [features[labels == label] for label in range(len(store.class_names))]
    within = torch.stack([part.var(0).sum() for part in parts]).mean()
    noise = torch.stack([part.var(0).sum() / len(part) for part in parts]).mean()
    between = torch.stack([part.mean(0) for part in parts]).var(0).sum() - noise
    changes = [reverse, still, ends]
    moved = [embedded(network, store, batch, compute, change) - features for change in changes]
    return [(between / within).item(), *((m.square().sum(1).mean() / within).item() for m in moved)]


def embedded(
    network: VideoNetwork,
    store: ClipStore,
    batch: RealBatch,
    compute: Compute,
    change: Callable[[Tensor], Tensor],
) -> Tensor:
    """Features (clip, feature) float32 of a batch's clips after a change to each."""
    chunk = network.chunk(compute)
    return torch.cat(
        [network.embed(change(clips)).float().cpu() for clips, _ in batch.read(store, compute, chunk)]
    )


def reverse(clips: Tensor) -> Tensor:
    """Frames in reverse order."""
    return clips.flip(1)


def still(clips: Tensor) -> Tensor:
    """The first frame at all times."""
    return clips[:, :1].expand_as(clips)


def ends(clips: Tensor) -> Tensor:
    """The two end frames with linear interpolation between."""
    weight = torch.linspace(0, 1, clips.shape[1], device=clips.device, dtype=clips.dtype).view(-1, 1, 1, 1)
    return clips[:, :1] * (1 - weight) + clips[:, -1:] * weight


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    main()

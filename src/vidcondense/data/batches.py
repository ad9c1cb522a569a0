"""Batches of real clips: which windows to take, and how networks get them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vidcondense.base.compute import Compute, normalise
from vidcondense.data.sampling import random_starts
from vidcondense.data.store import ClipStore

RealClips = Iterable[tuple[Tensor, Tensor]]
"""Chunks of real clips (video, time, 3, height, width), normalised, and their labels (video,)."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class RealBatch:
    """Windows of real videos, not yet read.

    Attributes:
        videos: (clip,) int64, indices into the store.
        starts: (clip,) int64, the first frame of each window.
        flips: (clip,) bool, whether to mirror it.
        labels: (clip,) int64, ascending.
    """

    videos: NDArray[np.int64]
    starts: NDArray[np.int64]
    flips: NDArray[np.bool_]
    labels: NDArray[np.int64]

    @staticmethod
    def unflipped(store: ClipStore, videos: NDArray[np.int64], starts: NDArray[np.int64]) -> "RealBatch":
        """Windows of videos of a store, as they are."""
        return RealBatch(videos, starts, np.zeros(len(videos), dtype=np.bool_), store.labels[videos])

    def of(self, part: range) -> "RealBatch":
        """Those of the classes in `part`."""
        rows = (self.labels >= part.start) & (self.labels < part.stop)
        return RealBatch(self.videos[rows], self.starts[rows], self.flips[rows], self.labels[rows])

    def read(self, store: ClipStore, compute: Compute, chunk: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield normalised clips (video, time, 3, height, width) and labels, `chunk` clips at a time."""
        for first in range(0, len(self.videos), chunk):
            part = slice(first, first + chunk)
            clips = normalise(
                store.read(self.videos[part], self.starts[part]), IMAGENET_MEAN, IMAGENET_STD, compute
            )
            flips = torch.from_numpy(self.flips[part])
            if bool(flips.any()):
                clips[flips] = clips[flips].flip(-1)
            yield clips, torch.from_numpy(self.labels[part]).to(compute.device)


def sample(store: ClipStore, per_class: int, flip: float, rng: np.random.Generator) -> RealBatch:
    """Draw up to `per_class` training videos of each class without replacement, each at a random start.

    What is drawn of a class does not depend on which classes the store is limited to (`ClipStore.only`).

    Args:
        store: the real videos.
        per_class: clips per class; all of a class that has fewer.
        flip: probability of mirroring a clip.
        rng: source of all choices.
    """
    chosen = [
        rng.choice(videos, size=min(per_class, len(videos)), replace=False)
        for videos in store.whole.by_class("train")
    ]
    videos = np.concatenate(chosen).astype(np.int64)
    drawn = RealBatch(
        videos,
        random_starts(store.lengths[videos], store.frames, store.stride, rng),
        store.random_flips(len(videos), flip, rng),
        store.labels[videos],
    )
    return drawn.of(store.part)


def windows_by_class(store: ClipStore, rng: np.random.Generator) -> list[RealBatch]:
    """One random window of every training video, a batch per class.

    As in `sample`, what is drawn of a class does not depend on which classes the store is limited to.
    """
    drawn = [
        RealBatch.unflipped(store, videos, store.random_starts(videos, rng))
        for videos in store.whole.by_class("train")
    ]
    return drawn[store.part.start : store.part.stop]

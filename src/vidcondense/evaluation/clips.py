"""What networks are trained on: condensed clips, the same or drawn anew in each epoch, or real clips."""

from abc import ABC, abstractmethod
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vidcondense.base.compute import Compute, derive_seed, generator
from vidcondense.condensed import CondensedVideos
from vidcondense.data.batches import RealBatch
from vidcondense.data.store import ClipStore
from vidcondense.networks.loss import Goals, Labels, SoftLabels, Targets

FLIP = 0.5
"""Probability of mirroring a clip where nothing else is said and direction does not matter."""


class TrainingClips(ABC):
    """Labelled clips as a protocol reads them: by number, a batch at a time."""

    @abstractmethod
    def __len__(self) -> int:
        """The number of clips in an epoch."""

    @property
    @abstractmethod
    def goals(self) -> Goals:
        """What networks are trained towards, of every clip."""

    @property
    def flip(self) -> float:
        """Probability with which a rule that changes clips may mirror one; 0 where they come mirrored."""
        return 0.0

    @abstractmethod
    def read(self, chosen: Tensor, seed: int, epoch: int) -> tuple[Tensor, Goals]:
        """One batch.

        Args:
            chosen: (clip,) int64 on the CPU, numbers of clips in 0..len - 1.
            seed: the network's, of what is drawn anew in each epoch.
            epoch: counted from 0.

        Returns:
            clips (clip, time, 3, height, width) float32, normalised, and their `goals`.
        """


class MemoryClips(TrainingClips):
    """Clips in memory; of videos with several clips each epoch shows one at random (Wang et al.).

    Args:
        clips: (clip, time, 3, height, width) float32, normalised, those of a video one after another.
        goals: what networks are trained towards.
        per_video: clips of each video.
        flip: probability of mirroring for rules that do; 0 where direction decides.
    """

    def __init__(self, clips: Tensor, goals: Goals, per_video: int = 1, flip: float = 0.0) -> None:
        self._clips, self._goals, self._per_video, self._flip = clips, goals, per_video, flip

    @property
    def flip(self) -> float:
        return self._flip

    @property
    def goals(self) -> Goals:
        return self._goals

    def __len__(self) -> int:
        """The number of videos."""
        return len(self._goals) // self._per_video

    def read(self, chosen: Tensor, seed: int, epoch: int) -> tuple[Tensor, Goals]:
        rng = generator(seed, "variant", epoch)
        variant = torch.randint(self._per_video, (len(self),), generator=rng)
        clips = chosen * self._per_video + variant[chosen]
        return self._clips[clips], self._goals[clips]


def goals_of(condensed: CondensedVideos) -> Goals:
    """What networks are trained towards on a condensed set: learned targets, soft labels or labels."""
    if condensed.targets is not None:
        return Targets(condensed.targets)
    if condensed.soft_labels is not None:
        levels = condensed.soft_labels.float()
        return SoftLabels(levels / levels.sum(1, keepdim=True))
    return Labels(condensed.labels)


class StoreClips(TrainingClips):
    """All training videos of a store's split, one window of each per epoch, read when its turn comes.

    Args:
        store: the real videos; pixels stay on disk but for the batch in hand.
        flip: probability of mirroring a clip.
        compute: where batches go.
    """

    def __init__(self, store: ClipStore, flip: float, compute: Compute) -> None:
        self._store, self._flip = store, flip
        self._videos = store.select("train")
        self._exact = compute.exact
        self._drawn = lru_cache(maxsize=1)(self._draw)

    @property
    def goals(self) -> Goals:
        """See TrainingClips; labels."""
        return Labels(torch.from_numpy(self._store.labels[self._videos]))

    def __len__(self) -> int:
        return len(self._videos)

    def read(self, chosen: Tensor, seed: int, epoch: int) -> tuple[Tensor, Goals]:
        """See TrainingClips; each epoch has a random start and flip of each video."""
        starts, flips = self._drawn(seed, epoch)
        index = chosen.numpy()
        videos = self._videos[index]
        batch = RealBatch(videos, starts[index], flips[index], self._store.labels[videos])
        clips, labels = next(batch.read(self._store, self._exact, len(index)))
        return clips, Labels(labels)

    def _draw(self, seed: int, epoch: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        rng = np.random.default_rng(derive_seed(seed, "windows", epoch))
        starts = self._store.random_starts(self._videos, rng)
        return starts, self._store.random_flips(len(self), self._flip, rng)

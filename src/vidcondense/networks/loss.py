"""What networks are trained towards, and how far their scores are from it."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Goals(ABC):
    """What a network should answer for each of some clips.

    Attributes:
        values: a row for each clip.
    """

    values: Tensor

    def __len__(self) -> int:
        """The number of clips."""
        return len(self.values)

    def __getitem__(self, chosen: Tensor) -> Self:
        """Those of some clips, by number: (clip,) int64."""
        return replace(self, values=self.values[chosen])

    def split(self, clips: int) -> Sequence[Self]:
        """The same in pieces of so many clips, the last one perhaps smaller."""
        return [replace(self, values=part) for part in self.values.split(clips)]

    def to(self, device: torch.device) -> Self:
        """The same on a device."""
        return replace(self, values=self.values.to(device))

    @abstractmethod
    def loss(self, scores: Tensor, smoothing: float = 0.0) -> Tensor:
        """The training loss of scores (clip, class) float32, summed over clips.

        Args:
            scores: of the same clips.
            smoothing: share of a label that is spread over all classes (Szegedy et al. 2016, section 7).
        """

    @abstractmethod
    def guessing(self, classes: int) -> float:
        """The mean loss per clip of the best answer that does not look at the clip."""


class Labels(Goals):
    """Labels (clip,) int64, for cross-entropy."""

    def loss(self, scores: Tensor, smoothing: float = 0.0) -> Tensor:
        return F.cross_entropy(scores, self.values, reduction="sum", label_smoothing=smoothing)

    def guessing(self, classes: int) -> float:
        """See Goals; labels count as evenly spread over the classes."""
        return math.log(classes)


class SoftLabels(Goals):
    """Probabilities (clip, class) float32, the sum of a row 1, for cross-entropy; learned unsmoothed."""

    def loss(self, scores: Tensor, smoothing: float = 0.0) -> Tensor:
        return F.cross_entropy(scores, self.values, reduction="sum")

    def guessing(self, classes: int) -> float:
        mean = self.values.mean(0)
        return -torch.xlogy(mean, mean).sum().item()


class Targets(Goals):
    """Regression targets (clip, class) float32, for half the squared distance, summed over classes.

    As in FRePo (Zhou et al. 2022). The derivative with respect to a score is then score - target, as it is
    probability - label for cross-entropy, so that step sizes mean the same. They are learned unsmoothed.
    """

    def loss(self, scores: Tensor, smoothing: float = 0.0) -> Tensor:
        return 0.5 * (scores - self.values).square().sum()

    def guessing(self, classes: int) -> float:
        return self.loss(self.values.mean(0)).item() / len(self)


def centred_one_hot(labels: Tensor, classes: int) -> Tensor:
    """Labels (clip,) int64 as regression targets (clip, class) float32: 1 - 1/C for the class, else -1/C."""
    return F.one_hot(labels, classes).to(torch.float32) - 1 / classes

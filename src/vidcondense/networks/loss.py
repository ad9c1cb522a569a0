"""How far a network's scores are from what it is trained towards: labels, or learned targets."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def summed_loss(scores: Tensor, goals: Tensor, smoothing: float = 0.0) -> Tensor:
    """The training loss, summed over clips.

    Args:
        scores: (clip, class) float32.
        goals: labels (clip,) int64 for cross-entropy, or targets (clip, class) float32 for half the squared
            distance, summed over classes (FRePo, Zhou et al. 2022). The derivative with respect to a score
            is then score - target, as it is probability - label for cross-entropy, so that step sizes
            mean the same.
        smoothing: share of a label that is spread over all classes (Szegedy et al. 2016, section 7); targets
            are learned as they are.
    """
    if goals.is_floating_point():
        return 0.5 * (scores - goals).square().sum()
    return F.cross_entropy(scores, goals, reduction="sum", label_smoothing=smoothing)


def guessing_loss(goals: Tensor, classes: int) -> float:
    """The mean loss per clip of the best answer that does not look at the clip.

    Args:
        goals: see `summed_loss`; labels count as evenly spread over the classes.
        classes: their number.
    """
    if goals.is_floating_point():
        return summed_loss(goals.mean(0), goals).item() / len(goals)
    return math.log(classes)


def centred_one_hot(labels: Tensor, classes: int) -> Tensor:
    """Labels (clip,) int64 as regression targets (clip, class) float32: 1 - 1/C for the class, else -1/C."""
    return F.one_hot(labels, classes).to(torch.float32) - 1 / classes

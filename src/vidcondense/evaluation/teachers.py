"""Soft labels: what networks trained on all real clips answer to the clips of a condensed set."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from msgspec import Meta
from torch import Tensor

from vidcondense.base.compute import Compute, derive_seed, generator
from vidcondense.base.settings import Count, Positive, Settings
from vidcondense.data.augmentation import Augmentation
from vidcondense.data.store import ClipStore
from vidcondense.evaluation.clips import FLIP, StoreClips
from vidcondense.evaluation.protocols import Strong, train_network
from vidcondense.evaluation.training import Advance
from vidcondense.networks import turns
from vidcondense.networks.base import VideoNetwork
from vidcondense.networks.passes import scored

STEPS, MOST_LEVEL = 15, 255
PIECE = 64
"""Clips of which all views are in memory at once."""


@dataclass(frozen=True, kw_only=True)
class TeacherSettings(Settings):
    """Networks trained on all real clips by the rule of `strong`, whose answers become soft labels."""

    family: ClassVar[str] = "teachers"
    count: Count = 0
    """Teachers of each kind; 0: none, and labels are classes."""
    network: str = Strong.usual_network
    """Which networks; of several, joined by "+", each kind has `count`."""
    steps: Positive = 360
    """Training steps of each."""
    views: Positive = 8
    """Changed copies of a clip that are answered, whose mean is its label; the first is the clip itself."""
    temperature: Annotated[float, Meta(gt=0.0, le=100.0)] = 1.0
    """Scores are divided by it: above 1, labels are softer (Hinton et al. 2015)."""

    @property
    def names(self) -> tuple[str, ...]:
        """The network of each teacher."""
        return turns(self.network) * self.count


def train_teacher(
    store: ClipStore, settings: TeacherSettings, number: int, seed: int, compute: Compute, advance: Advance
) -> tuple[VideoNetwork, float]:
    """One teacher, and its loss at the end.

    Args:
        store: the real videos, of which it sees the training videos of all classes.
        settings: how.
        number: which of `settings.names`.
        seed: of its weights and training.
        compute: where, and how precisely.
        advance: is told the loss of each step.
    """
    clips = StoreClips(store.whole, flip(store), compute)
    rule, own = Strong().of_length(settings.steps), derive_seed(seed, "teacher", number)
    return train_network(settings.names[number], store.whole, clips, rule, compute, own, advance)


def flip(store: ClipStore) -> float:
    """Probability of mirroring a clip: none where the store says that direction matters."""
    return FLIP * store.mirror


def answers(
    teachers: Sequence[VideoNetwork],
    clips: Tensor,
    *,
    flip: float,
    settings: TeacherSettings,
    seed: int,
    compute: Compute,
) -> Tensor:
    """The mean answer of several networks to several views of each clip.

    Args:
        teachers: with one class for each column.
        clips: (clip, time, 3, height, width) float32, normalised as real clips are.
        flip: probability of mirroring a view.
        settings: how many views, and the temperature.
        seed: of the views.
        compute: where the clips are, and how precisely networks run.

    Returns:
        (clip, class) float32, probabilities.
    """
    rng, numbers = generator(seed, "views"), torch.arange(len(clips))
    changes = [Augmentation().draw(len(clips), flip, rng) for _ in range(1, settings.views)]
    found = []
    for piece in numbers.split(PIECE):
        shown = [clips[piece], *(change.at(piece).of(clips[piece]) for change in changes)]
        scores = [scored(teacher, one, compute) for teacher in teachers for one in shown]
        found.append((torch.stack(scores) / settings.temperature).softmax(2).mean(0).cpu())
    return torch.cat(found)


def levels(probabilities: Tensor) -> Tensor:
    """Probabilities (clip, class) as `CondensedVideos.soft_labels`: uint8, the highest of a clip 255.

    They are multiples of 17, so that half a byte says which.
    """
    steps = (probabilities / probabilities.amax(1, keepdim=True) * STEPS).round()
    return (steps * (MOST_LEVEL // STEPS)).to(torch.uint8)

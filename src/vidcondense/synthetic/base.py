"""What every representation of the synthetic set offers."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from vidcondense.base.compute import Compute
from vidcondense.condensed import CondensedVideos
from vidcondense.coresets.selection import Embed
from vidcondense.data.store import ClipStore
from vidcondense.recipes.recipe import Recipe


class Synthetic(ABC):
    """A synthetic set that is being learned.

    Attributes:
        labels: (video,) int64, ascending: the class of each rendered clip.
    """

    labels: Tensor

    couples_classes: ClassVar[str] = ""
    """Why classes cannot be condensed apart from each other; empty where they can."""

    @classmethod
    @abstractmethod
    def start(cls, recipe: Recipe, store: ClipStore, compute: Compute, embed: Embed) -> Self:
        """The set before the first iteration, on the device.

        Args:
            recipe: the method; `start.start_clips` gives the clips that it says to start from.
            store: the real videos.
            compute: where the set goes.
            embed: features of real clips, for a coreset that selects by them.
        """

    @property
    @abstractmethod
    def parameters(self) -> dict[str, Tensor]:
        """What the optimiser updates, float32 by name; `pull_back` sets their `grad`.

        The name decides which of a recipe's step sizes a parameter gets (`optimisation.RATES`).
        """

    def enter(self, stage: str) -> None:  # noqa: B027
        """Begin a stage of the recipe (`Recipe.stages`): `parameters` and `labels` become those of the stage.

        Most have one stage and nothing to do.
        """

    def draw(self, rng: torch.Generator) -> None:  # noqa: B027
        """Choose what `render` shows until the next draw; nothing to choose for most."""

    @abstractmethod
    def render(self) -> Tensor:
        """The clips that networks see: (video, time, 3, height, width) float32, without a graph."""

    @abstractmethod
    def pull_back(self, gradient: Tensor) -> None:
        """Turn the loss's gradient with respect to the rendered clips (same shape) into the parameters'."""

    @abstractmethod
    def condensed(self, **about: Any) -> CondensedVideos:
        """The artifact; `about` are the fields that every kind of it has."""

    @property
    @abstractmethod
    def stored_values(self) -> int:
        """The number of float32 values that the artifact would hold now."""

    @property
    def most_values(self) -> int:
        """The number it may grow to."""
        return self.stored_values

    @property
    @abstractmethod
    def key_frames(self) -> int:
        """The number of key frames of all videos; of all frames where none is interpolated."""

    def state(self) -> dict[str, Tensor]:
        """Everything that a checkpoint must hold to restore this set."""
        return {**{name: value.detach() for name, value in self.parameters.items()}, "labels": self.labels}

    @torch.no_grad()
    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take over what `state` returned."""
        for name, value in self.parameters.items():
            value.copy_(state[name])
        self.labels.copy_(state["labels"])

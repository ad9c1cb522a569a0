"""What every representation of the synthetic set offers."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import torch
from torch import Tensor

from vidcondense.base.settings import Count, Positive, Settings
from vidcondense.condensed import CondensedVideos
from vidcondense.synthetic.start import Start


@dataclass(frozen=True)
class Stage:
    """A stretch of iterations that learns the same things, with an objective and optimiser of its own.

    Attributes:
        name: "" where there is one stage only.
        first: its first iteration.
        iterations: how many it has.
        stills: whether real clips are single frames, repeated.
        clips_per_video: how many rendered clips a video counts as.
        without: how a recipe does without the stage, where that is possible.
    """

    name: str
    first: int
    iterations: int
    stills: bool = False
    clips_per_video: int = 1
    without: str = ""


@dataclass(frozen=True, kw_only=True)
class SyntheticSettings(Settings):
    """What all representations have, and what a recipe wants to know of them."""

    family: ClassVar[str] = "synthetic"
    rates: ClassVar[Mapping[str, str]] = {}
    """Fields that hold step sizes, by the name of the parameter; all others have the optimiser's."""
    learning: ClassVar[tuple[str, ...]] = ()
    """Fields that only learning reads, so that a coreset has no use for them."""
    interpolates: ClassVar[bool] = False
    """Whether the representation itself reads `segments` and `interpolation`."""
    couples_classes: ClassVar[str] = ""
    """Why classes cannot be condensed apart from each other; empty where they can."""
    kind: str = ""
    size: Count = 0
    """Height and width of stored frames in pixels, enlarged where they are shown; 0: the store's."""
    segments: Positive = 1
    """K: parts of equal length between which nothing is interpolated (Wang et al.); also of real clips."""
    interpolation: Literal["linear", "nearest", "smooth"] = "linear"
    """I: linear (PRISM eq. 3), the nearest key frame, or a Catmull-Rom spline; also of reduced real clips."""

    def stages(self, iterations: int) -> tuple[Stage, ...]:
        """What is learned one after another; most representations have one stage of all iterations."""
        return (Stage("", 0, iterations),)

    def refuses_coreset(self) -> str:
        """Why real clips cannot be kept in this representation; empty where they can."""
        return ""

    def refuses_insertion(self) -> str:
        """Why no frames can be inserted; empty where they can."""
        return f"with {self.kind} there is nothing left to insert"


class Synthetic(ABC):
    """A synthetic set that is being learned.

    Attributes:
        labels: (video,) int64, ascending: the class of each rendered clip.
    """

    Settings: ClassVar[type[SyntheticSettings]] = SyntheticSettings
    labels: Tensor

    @classmethod
    @abstractmethod
    def start(cls, settings: Any, start: Start) -> Self:
        """The set before the first iteration, on the device.

        Args:
            settings: of this kind.
            start: gives the clips to start from.
        """

    @property
    @abstractmethod
    def parameters(self) -> dict[str, Tensor]:
        """What the optimiser updates, float32 by name; `pull_back` sets their `grad`.

        `SyntheticSettings.rates` names the step sizes of those that have one of their own.
        """

    def enter(self, stage: str) -> None:  # noqa: B027
        """Begin a stage (`SyntheticSettings.stages`): `parameters` and `labels` become those of the stage.

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

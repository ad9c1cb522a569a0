"""What whoever shows runs is told: the one interface, and what is tracked."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Tracked:
    """One run that is shown: a condensation, one of its shards, or the training of one network.

    Attributes:
        name: what people see, such as "displaced condense".
        group: what belongs together has in common: "displaced".
        folder: one of its own, in which a tracker may write.
        settings: what decides the run: flat, values of JSON.
        first: the step that comes next; 0, or where a run goes on. Later steps may have been shown before.
        id: letters and digits; a run that goes on keeps it, and one that is made anew gets another.
    """

    name: str
    group: str
    folder: Path
    settings: Mapping[str, Any] = field(default_factory=dict)
    first: int = 0
    id: str = ""


class Tracker(ABC):
    """Shows runs, one after another: of each first `start`, in the end `end`.

    What it raises is told to the user and loses nothing else. It must leave PyTorch's, NumPy's and Python's
    global random numbers alone.
    """

    needs: ClassVar[str] = ""
    """The package that has to be installed, which is an extra of that name."""

    @abstractmethod
    def start(self, run: Tracked) -> str:
        """A run begins or goes on; returns the command that shows it, or an empty text."""

    @abstractmethod
    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Numbers at a step, by name: loss, key_frames, top1 (0..1), ..."""

    @abstractmethod
    def clips(self, step: int, frames: NDArray[np.uint8]) -> None:
        """The clips at a step, side by side: (time, height, width, 3) in 0..255."""

    @abstractmethod
    def end(self) -> None:
        """The run is over, or was stopped: write what is not written yet."""


Track: TypeAlias = str | Tracker | Sequence[str | Tracker]
"""Names of trackers (see `choice.chosen`), or such objects."""

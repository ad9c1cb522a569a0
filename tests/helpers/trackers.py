"""Trackers that remember what they are told, and one that fails."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vidcondense.tracking import Tracked, Tracker


class Recorder(Tracker):
    """Remembers every call."""

    def __init__(self) -> None:
        self.runs: list[Tracked] = []
        self.calls: list[tuple[str, int, Any]] = []

    def start(self, run: Tracked) -> str:
        self.runs.append(run)
        self.calls.append(("start", run.first, run.name))
        return ""

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        self.calls.append(("metrics", step, dict(values)))

    def clips(self, step: int, frames: NDArray[np.uint8]) -> None:
        assert frames.dtype == np.uint8 and frames.ndim == 4 and frames.shape[-1] == 3
        self.calls.append(("clips", step, frames.copy()))

    def end(self) -> None:
        self.calls.append(("end", -1, None))

    def steps(self, kind: str, key: str = "") -> list[int]:
        """The steps of calls of a kind, with a key among their values."""
        return [step for name, step, values in self.calls if name == kind and (not key or key in values)]


class Failing(Recorder):
    """Fails whenever it is told metrics of certain steps, or at the start."""

    def __init__(self, steps: set[int], at_start: bool = False) -> None:
        super().__init__()
        self.failing, self.at_start = steps, at_start

    def start(self, run: Tracked) -> str:
        if self.at_start:
            raise OSError("no room")
        return super().start(run)

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        super().metrics(step, values)
        if step in self.failing:
            raise ConnectionError("gone\naway")

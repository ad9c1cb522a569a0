"""One run told to all trackers, none of which can lose it."""

import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vidcondense.base import files
from vidcondense.base.errors import printable
from vidcondense.base.progress import Progress
from vidcondense.base.tables import flat
from vidcondense.tracking.base import Track, Tracked, Tracker
from vidcondense.tracking.choice import chosen, several

FOLDER = "tracking"
"""Beside what a command writes: a folder in it for each run that is shown."""
ID = "id"
MOST_IN_A_ROW = 3
"""After so many failures in a row a tracker is told no more: each may have waited for a network."""
LONGEST = 300
"""Characters of a reason."""


@dataclass
class _Told:
    """A tracker, and how telling it went."""

    tracker: Tracker
    started: bool = False
    failures: int = 0
    in_a_row: int = 0

    @property
    def name(self) -> str:
        return self.tracker.needs or type(self.tracker).__qualname__

    @property
    def listens(self) -> bool:
        return self.started and self.in_a_row < MOST_IN_A_ROW

    def tell(self, what: str, how: Callable[[Tracker], object]) -> bool:
        """Whether it went well; what a tracker raises is its own affair, but for what stops the process."""
        try:
            how(self.tracker)
        except Exception as error:
            self.failures, self.in_a_row = self.failures + 1, self.in_a_row + 1
            if self.failures == 1 or self.in_a_row == MOST_IN_A_ROW:
                end = " and is told no more" if not self.listens else ""
                reason = f"{type(error).__name__}: {error}"[:LONGEST]
                self.say(f"failed to show {what} ({reason}){end}; the run goes on")
            return False
        self.in_a_row = 0
        return True

    def say(self, text: str) -> None:
        """Warn of it."""
        Progress(0).say(printable(f"warning: tracking by {self.name} {text}"))


class Tracking:
    """Tells trackers of one run; use as a context manager.

    Args:
        trackers: whom; with none nothing is done or written.
        run: what is shown; its id is that in its folder, or a new one where it begins.
        show: whether to say where it can be seen. What fails is said always.
    """

    def __init__(self, trackers: Sequence[Tracker], run: Tracked, *, show: bool = True) -> None:
        self._told = [_Told(tracker) for tracker in trackers]
        self._run, self._show = run, show

    def __enter__(self) -> "Tracking":
        for told in self._told:
            told.started = told.tell("the start", self._start)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for told in self._told:
            if told.started:
                told.tell("the end", lambda tracker: tracker.end())
            if told.failures > 1:
                told.say(f"failed {told.failures} times in all; the run itself is whole")

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """See `Tracker.metrics`."""
        self._tell(f"metrics of step {step}", lambda tracker: tracker.metrics(step, values))

    def clips(self, step: int, make: Callable[[], NDArray[np.uint8]]) -> None:
        """See `Tracker.clips`; `make` gives the frames, and is called only where somebody is told."""
        made = cache(make)
        self._tell(f"clips of step {step}", lambda tracker: tracker.clips(step, made()))

    def _start(self, tracker: Tracker) -> None:
        if not self._run.id:
            self._run = replace(self._run, id=_id(self._run))
        look = tracker.start(self._run)
        if look:
            Progress(0, enabled=self._show).say(printable(f"tracking: {look}"))

    def _tell(self, what: str, how: Callable[[Tracker], object]) -> None:
        for told in self._told:
            if told.listens:
                told.tell(what, how)


@dataclass(frozen=True)
class Audience:
    """Who is told of a run, and under which name; a process that does the run may be another one.

    Attributes:
        track: names of trackers, or the trackers themselves.
        beside: the folder in which the command writes.
        group: what the whole is called.
        part: what this run is called beside the others in the folder.
    """

    track: tuple[str | Tracker, ...]
    beside: Path
    group: str
    part: str

    @staticmethod
    def of(track: Track, beside: Path, group: str, part: str) -> "Audience":
        """See `chosen` for `track` and for what is refused."""
        chosen(track)
        return Audience(several(track), beside.resolve(), group, part)

    def follow(self, settings: Mapping[str, Any], first: int = 0, *, show: bool = True) -> Tracking:
        """The tracking of the run; see `Tracked` and `Tracking`."""
        folder = self.beside / FOLDER / self.part
        run = Tracked(f"{self.group} {self.part}", self.group, folder, flat(settings), first)
        return Tracking(chosen(self.track), run, show=show)


def _id(run: Tracked) -> str:
    """The id in the folder of a run that goes on; a run that begins has a new one, in an empty folder."""
    path = run.folder / ID
    if not run.first:
        shutil.rmtree(run.folder, ignore_errors=True)
    if not path.is_file():
        files.make_folder(run.folder)
        files.write_bytes(path, secrets.token_hex(4).encode())
    return path.read_text(encoding="ascii")

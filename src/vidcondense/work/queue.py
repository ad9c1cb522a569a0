"""The queue: which unit is next, what became of the last one, and how far all of them are."""

import socket
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vidcondense.base import files
from vidcondense.base.errors import UnitsFailed, VidcondenseError, printable
from vidcondense.base.interrupt import Interrupted, catch_interrupts
from vidcondense.base.progress import Progress
from vidcondense.work import process
from vidcondense.work.unit import Ended, Engine, Job, Unit, log_of

MOST_TRIES = 3
BUSY_SECONDS = 3.0
"""How long a unit is left alone that the process of an earlier command still works on."""
UNSEEN_SECONDS = 90.0
"""How long a file that another machine wrote may take to be seen here; NFS looks again within a minute."""
RETRY_SECONDS = 1.0
"""How long a unit that failed is left alone, times its failures."""


@dataclass(frozen=True)
class Failure:
    """A unit that failed too often: why, on which machine the last time, and where it says more."""

    name: str
    reason: str
    node: str
    log: Path

    def lines(self) -> list[str]:
        """What a person is told: the reason, and the last lines of the log."""
        said = process.last_lines(self.log)
        first = f"failed: {self.name}, {MOST_TRIES} times, at last on {self.node}: {self.reason}"
        return [first, f"  last lines of {self.log}:", *(f"    {line}" for line in said)]


def do(
    units: Sequence[Unit],
    engine: Engine,
    logs: Path,
    *,
    show: bool = True,
    stepped: Callable[[Unit, float], str] = lambda unit, seconds: "",
    settled: Callable[[Unit], None] = lambda unit: None,
) -> dict[str, Failure]:
    """Do units until each is done or has failed so often that it is given up.

    Args:
        units: of which some may be done already; their order decides between those of equal cost.
        engine: what runs them; it is stopped in the end, whatever happens.
        logs: a folder for what they print.
        show: whether to print progress.
        stepped: told of each step that went well, and its seconds; what it says is printed, if anything.
        settled: told of each unit that is done or given up.

    Returns:
        Those given up, by name.

    Raises:
        VidcondenseError: no machine can be worked with.
        Interrupted: Ctrl-C or SIGTERM; what runs has saved its state and ended.
    """
    left = [unit for unit in units if unit.left()]
    total = sum(unit.left() for unit in left)
    with Progress(total, enabled=show and total > 0) as progress:
        queue = _Queue(left, engine, files.make_folder(logs), progress, stepped, settled)
        with catch_interrupts() as interrupted:
            try:
                while queue.unfinished and not interrupted():
                    queue.advance()
            finally:
                engine.stop()
        if interrupted():
            raise Interrupted(
                f"stopped with {queue.unfinished} of {len(left)} units left; all is saved, the same command "
                "goes on"
            )
    return queue.failed


def refuse_failed(failed: dict[str, Failure], units: int) -> None:
    """Raise UnitsFailed if any unit has failed; all others are done."""
    if failed:
        lines = [printable(line) for failure in failed.values() for line in failure.lines()]
        count = f"{len(failed)} of {units} units failed; the same command tries them again, and no other"
        raise UnitsFailed("\n".join([*lines, f"vidcondense: {count}"]))


@dataclass
class _Step:
    """A step that runs."""

    unit: Unit
    left: int
    """Steps that the unit needed when it began."""
    began: float = field(default_factory=time.monotonic)
    seen_by: float = 0.0
    """Until when its result must be seen, once it has ended well elsewhere."""


class _Queue:
    """The state of `do`."""

    def __init__(
        self,
        units: Sequence[Unit],
        engine: Engine,
        logs: Path,
        progress: Progress,
        stepped: Callable[[Unit, float], str],
        settled: Callable[[Unit], None],
    ) -> None:
        self.engine, self.logs, self.progress = engine, logs, progress
        self.stepped, self.settled = stepped, settled
        self.waiting = deque(sorted(units, key=lambda unit: -unit.cost))
        self.running: dict[str, _Step] = {}
        self.failed: dict[str, Failure] = {}
        self._unseen: list[tuple[_Step, Ended]] = []
        self._tries: Counter[str] = Counter()
        self._not_before: dict[str, float] = {}
        self._said: set[tuple[str, str]] = set()
        self._began, self._done = time.monotonic(), 0

    @property
    def unfinished(self) -> int:
        """How many units are neither done nor given up."""
        return len(self.waiting) + len(self.running) + len(self._unseen)

    def advance(self) -> None:
        """Start what there is room for, and note what has ended."""
        for _ in range(len(self.waiting)):
            unit = self.waiting.popleft()
            early = time.monotonic() < self._not_before.get(unit.name, 0.0)
            if early or not self.engine.has_room(unit.needs):
                self.waiting.append(unit)
                if not early:
                    self.waiting.rotate(1)  # it stays the first
                    break
                continue
            self._start(unit)
        for ended in self.engine.ended():
            self._note(self.running.pop(ended.name), ended)
        for step, ended in self._unseen[:]:
            if step.unit.left() < step.left or time.monotonic() > step.seen_by:
                self._unseen.remove((step, ended))
                self._note(step, ended)

    def _start(self, unit: Unit) -> None:
        left = unit.left()
        if not left:
            self._settle(unit)
            return
        job = Job(tuple(unit.step()), str(log_of(self.logs, unit.name).resolve()), unit.needs.cores)
        self.running[unit.name] = _Step(unit, left)
        self.engine.start(unit.name, job, unit.needs)

    def _note(self, step: _Step, ended: Ended) -> None:
        """What to do with a unit after a step; one with more steps goes on before others begin."""
        if ended.refused:
            raise VidcondenseError(ended.refused)
        unit, log = step.unit, log_of(self.logs, step.unit.name)
        left = unit.left()
        if ended.code == 0 and left < step.left:
            self._did(unit, step.left - left, time.monotonic() - step.began)
            if left:
                self.waiting.appendleft(unit)
            else:
                self.settled(unit)
            return
        if ended.code == 0 and ended.node != socket.gethostname() and not step.seen_by:
            step.seen_by = time.monotonic() + UNSEEN_SECONDS
            self._unseen.append((step, ended))
            return
        why = ended.lost or _why(log, ended.code)
        if why.startswith(files.BUSY):
            self._again(unit, BUSY_SECONDS, why)
            return
        self._tries[unit.name] += not ended.innocent
        if self._tries[unit.name] < MOST_TRIES:
            self._again(unit, RETRY_SECONDS * self._tries[unit.name], why)
            return
        self.failed[unit.name] = Failure(unit.name, why, ended.node, log)
        self._say(f"{unit.name}: given up: {why}")
        self.progress.advance(left, **self._shown())
        self.settled(unit)

    def _settle(self, unit: Unit) -> None:
        """Somebody has done a unit meanwhile."""
        self.progress.advance(**self._shown())
        self.settled(unit)

    def _did(self, unit: Unit, steps: int, seconds: float) -> None:
        self._done += steps
        self.progress.advance(steps, **self._shown())
        if said := self.stepped(unit, seconds):
            self._say(said)

    def _again(self, unit: Unit, seconds: float, why: str) -> None:
        """Put a unit back for a while, and say once why."""
        self._not_before[unit.name] = time.monotonic() + seconds
        self.waiting.append(unit)
        if (unit.name, why) not in self._said:
            self._said.add((unit.name, why))
            self._say(f"{unit.name}: tried again: {why}")

    def _say(self, text: str) -> None:
        self.progress.say(printable(text))

    def _shown(self) -> dict[str, float]:
        minutes = max(time.monotonic() - self._began, 1e-9) / 60
        return {"per_minute": self._done / minutes, **self.engine.shown()}


def _why(log: Path, code: int | None) -> str:
    return process.reason(log, code) if code else f"it ended well and left nothing behind; see {log}"

"""One queue on a folder: processes that see the folder share units of work by locks and result files.

A unit is done when its result is on disk; whoever holds its lock works on it. So units of very different
length even out, any number of processes may come and go, and those of one that dies go to the others.
"""

import shutil
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Generic, TypeVar

from filelock import BaseFileLock

from vidcondense.base import files
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.interrupt import Interrupted, catch_interrupts
from vidcondense.base.progress import Progress

POLL_SECONDS = 0.2

Unit = TypeVar("Unit")


class Queue(Generic[Unit]):
    """Units of which this process claims one after another; where they run is the caller's choice.

    A unit is plain data, the same in every process: a number, or a description of what to do.

    Args:
        folder: an existing one, for locks and notes of failures.
        units: all of them, in the order in which they are claimed.
        name: of a unit, also a file's name, different for each.
        is_done: whether a unit's result is on disk.
        is_gathered: whether a process has put all results together already; no unit is left then.
        settled: told of units that another process has done, or has failed in (see `failed`).
    """

    def __init__(
        self,
        folder: Path,
        units: Iterable[Unit],
        *,
        name: Callable[[Unit], str],
        is_done: Callable[[Unit], bool],
        is_gathered: Callable[[], bool] = lambda: False,
        settled: Callable[[Unit], None] = lambda unit: None,
    ) -> None:
        self.folder = folder
        self.name = name
        self.waiting = deque(unit for unit in units if not is_done(unit))
        self.failed: dict[str, str] = {}
        """Reasons of failure by name, here or in another process since this one began."""
        self._is_done, self._is_gathered, self._settled = is_done, is_gathered, settled
        self._locks: dict[str, BaseFileLock] = {}
        self._not_before: dict[str, float] = {}
        self._old_notes = {name(unit): self._noted(unit) for unit in self.waiting}

    def claim(self) -> Unit | None:
        """The next unit that is not done and that nobody works on, from now on this process's.

        Returns:
            None if there is none; others hold what is in `waiting` then.

        Raises:
            VidcondenseError: the folder cannot be written.
        """
        for _ in range(len(self.waiting)):
            unit = self.waiting.popleft()
            if self._is_gathered():
                self.waiting.clear()
                return None
            name = self.name(unit)
            early = time.monotonic() < self._not_before.get(name, 0.0)
            lock = None if early else files.try_lock(self.folder / f"{name}.lock")
            if lock is None:
                self.waiting.append(unit)
                continue
            self._locks[name] = lock
            if not self._is_settled(unit):
                files.unlink_quietly(self._note(unit))
                return unit
            self.release(unit)
            self._settled(unit)
        return None

    def release(self, unit: Unit, again_after: float | None = None) -> None:
        """Let a claimed unit go: it is done, or others may go on with it, and this process after so long."""
        name = self.name(unit)
        if again_after is not None:
            self._not_before[name] = time.monotonic() + again_after
            self.waiting.append(unit)
        files.unlock(self._locks.pop(name))

    def fail(self, unit: Unit, reason: str) -> None:
        """Let a claimed unit go and note why it failed; processes that are at work do not try it again."""
        self.failed[self.name(unit)] = reason
        files.write_bytes(self._note(unit), reason.encode())
        self.release(unit)

    def _is_settled(self, unit: Unit) -> bool:
        """Whether another process has done the unit, or has failed in it since this one began."""
        if self._is_gathered() or self._is_done(unit):
            return True
        noted = self._noted(unit)
        if noted and noted != self._old_notes[self.name(unit)]:
            self.failed[self.name(unit)] = self._note(unit).read_text(encoding="utf-8")
        return self.name(unit) in self.failed

    def _note(self, unit: Unit) -> Path:
        return self.folder / f"{self.name(unit)}.failed"

    def _noted(self, unit: Unit) -> int:
        """When a failure was noted, by the clock of the file system; 0 if none was."""
        note = self._note(unit)
        return note.stat().st_mtime_ns if note.is_file() else 0


def work(queue: Queue[Unit], run: Callable[[Unit], None], *, show: bool = True) -> None:
    """Do units in this process until all are done, here or elsewhere.

    Args:
        queue: the units.
        run: does one, and leaves its result on disk.
        show: whether to say that it waits for other processes.

    Raises:
        VidcondenseError: from `run`, or a unit has failed in another process.
        Interrupted: Ctrl-C or SIGTERM while waiting, or from `run`.
    """
    while (unit := _next(queue, show)) is not None:
        try:
            run(unit)
        except VidcondenseError as error:
            queue.fail(unit, str(error))
            raise
        except BaseException:
            queue.release(unit)
            raise
        queue.release(unit)


def _next(queue: Queue[Unit], show: bool) -> Unit | None:
    """Claim a unit, waiting while others hold all that are left; None when none is left."""
    with catch_interrupts() as interrupted:
        while (unit := queue.claim()) is None and queue.waiting and not queue.failed and not interrupted():
            if show:
                names = ", ".join(map(queue.name, queue.waiting))
                Progress(0).say(f"waiting for other processes: {names}")
            show = False
            time.sleep(POLL_SECONDS)
        if unit is not None and (interrupted() or queue.failed):
            queue.release(unit)
        if interrupted():
            raise Interrupted("stopped while waiting; all is saved, the same command goes on")
    for name, reason in queue.failed.items():
        raise VidcondenseError(f"{name} has failed in another process: {reason}")
    return unit


def remove_folder(folder: Path) -> None:
    """Remove what was gathered from, although processes that have not seen that yet may still lock there."""
    for _ in range(10):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(POLL_SECONDS)

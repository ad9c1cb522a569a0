"""What a unit of work is, what it needs, and how an engine says that one has ended."""

import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

THREADS = "OMP_NUM_THREADS"


def threads() -> int:
    """Threads and cores of a unit: what OMP_NUM_THREADS says here, else one."""
    value = os.environ.get(THREADS, "")
    return int(value) if value.isdecimal() and int(value) else 1


@dataclass(frozen=True)
class Needs:
    """What a unit takes of the machine that it runs on."""

    cores: int = field(default_factory=threads)
    """Also its threads; 0 for those that it would have anyway: one unit at a time may take all cores."""
    gpus: int = 0
    memory: int = 0
    """Bytes; 0 where nobody knows."""

    def __str__(self) -> str:
        parts = [f"{self.cores} core{'s' * (self.cores > 1)}"]
        parts += [f"{self.gpus} GPU{'s' * (self.gpus > 1)}"] if self.gpus else []
        parts += [f"{self.memory / 2**30:.1f} GiB of memory"] if self.memory else []
        return ", ".join(parts)


@dataclass(frozen=True)
class Unit:
    """A unit of work.

    Attributes:
        name: also that of its log's file; different for each.
        left: how many steps it still needs, from what is on disk; none when the file that proves it done
            is there.
        step: the next of them: a module and its arguments, as `python -m` takes them.
        needs: of the machine.
        cost: of all of it; units that cost more begin earlier.
    """

    name: str
    left: Callable[[], int]
    step: Callable[[], Sequence[str]]
    needs: Needs = field(default_factory=Needs)
    cost: float = 1.0


@dataclass(frozen=True)
class Job:
    """A step of a unit, as it is sent to whoever runs it."""

    words: tuple[str, ...]
    log: str
    """File for what it prints, on the common folder."""
    threads: int
    """0 for those that the environment says."""
    folder: str = field(default_factory=os.getcwd)
    """Where it runs, if that folder is there: relative paths are those of the command that was given."""


@dataclass(frozen=True)
class Ended:
    """How a step ended.

    Attributes:
        name: of the unit.
        code: exit code, minus the signal that killed it; None where nobody knows, as a worker died.
        node: the machine that it ran on, where that is known.
        lost: why its worker died; it is the machine's fault, not the unit's, if `innocent`.
        innocent: whether another machine may well do it.
        refused: why the machine cannot be worked with at all.
    """

    name: str
    code: int | None = None
    node: str = field(default_factory=socket.gethostname)
    lost: str = ""
    innocent: bool = False
    refused: str = ""


class Engine(Protocol):
    """Runs steps of units, somewhere."""

    def has_room(self, needs: Needs) -> bool:
        """Whether another step may be started."""
        ...

    def start(self, name: str, job: Job, needs: Needs) -> None:
        """Start a step of a unit."""
        ...

    def ended(self) -> list[Ended]:
        """The steps that have ended since this was asked last; waits for a moment if there are none."""
        ...

    def shown(self) -> dict[str, float]:
        """What progress shows of the machines."""
        ...

    def stop(self) -> None:
        """Have all that runs save its state and end; back when it has, seconds later."""
        ...


def log_of(folder: Path, name: str) -> Path:
    """The file for what a unit prints."""
    return folder / f"{name}.log"

"""Several processes on one task: which one this is, what is its share, and waiting for the others.

They exchange nothing: each writes what it has finished into a folder that all see, and the first one gathers.
"""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.interrupt import Interrupted, catch_interrupts
from vidcondense.base.progress import Progress

RANK, COUNT, LOCAL = "RANK", "WORLD_SIZE", "LOCAL_RANK"
"""What torchrun calls them in the environment."""

POLL_SECONDS = 0.2
START_SECONDS = 120.0
"""How long a process waits for the first one to begin."""


@dataclass(frozen=True)
class Ranks:
    """Which of how many processes this is."""

    rank: int
    count: int

    @staticmethod
    def here() -> "Ranks":
        """As torchrun says in the environment; one process without it."""
        return Ranks(int(os.environ.get(RANK, "0")), int(os.environ.get(COUNT, "1")))

    @property
    def first(self) -> bool:
        """Whether this is the process that gathers."""
        return self.rank == 0

    def share(self, number: int) -> range:
        """Which of `number` equal pieces of work are this process's."""
        return range(self.rank, number, self.count)


def local_device(device: str) -> str:
    """The GPU of this process where there is one for each; else what was asked for."""
    rank = os.environ.get(LOCAL)
    here = rank is not None and torch.cuda.is_available()
    return f"cuda:{rank}" if here and device in ("auto", "cuda") else device


def environment_of_one() -> dict[str, str]:
    """The environment for a command that is to work alone, whatever this process is a part of."""
    return {name: value for name, value in os.environ.items() if name not in (RANK, COUNT, LOCAL)}


def wait_for_first(path: Path) -> None:
    """Wait until the first process has made a file.

    Raises:
        VidcondenseError: it takes too long.
    """
    until = time.monotonic() + START_SECONDS
    while not path.exists():
        if time.monotonic() > until:
            raise VidcondenseError(f"the first process has not made {path} within {START_SECONDS:.0f} s")
        time.sleep(POLL_SECONDS)


def wait_for_others(missing: Callable[[], Sequence[int]], what: str, number: int, show: bool) -> None:
    """Wait until the other processes have finished their shares.

    Args:
        missing: which pieces of work are not finished, counted from 0.
        what: what to call them.
        number: how many there are in all.
        show: whether to say that it waits.

    Raises:
        Interrupted: Ctrl-C or SIGTERM.
    """
    said = not show
    with catch_interrupts() as interrupted:
        while left := missing():
            if not said:
                names = ", ".join(str(one + 1) for one in left)
                Progress(0, enabled=True).say(f"waiting for other processes: {what} {names} of {number}")
                said = True
            if interrupted():
                raise Interrupted("stopped while waiting; all is saved, the same command goes on")
            time.sleep(POLL_SECONDS)

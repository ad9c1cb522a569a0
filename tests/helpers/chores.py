"""Units of work that take no time, in processes of their own: `python -m chores WHAT FOLDER NAME SECONDS`."""

import os
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from vidcondense.base.errors import VidcondenseError
from vidcondense.work.unit import Needs, Unit


def unit(folder: Path, name: str, what: str = "write", seconds: float = 0.0, **more: object) -> Unit:
    """A unit whose result is the file of its name in the folder."""
    step = partial(tuple, ("chores", what, str(folder), name, str(seconds)))
    needs = more.pop("needs", Needs())
    assert isinstance(needs, Needs)
    return Unit(name, lambda: int(not (folder / name).is_file()), step, needs, **more)  # type: ignore[arg-type]


def tries(folder: Path, name: str) -> list[int]:
    """The processes that have begun a unit, in order."""
    file = folder / f"{name}.tries"
    return [int(line) for line in file.read_text().split()] if file.is_file() else []


def wait_until(there: Callable[[], bool], seconds: float = 120.0) -> None:
    """Wait for something, so long at most."""
    until = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.05)


def is_running(process: int) -> bool:
    """Whether a process is there and has not ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def main(what: str, folder: Path, name: str, seconds: float) -> None:
    """Do a unit, or fail as its name says."""
    with (folder / f"{name}.tries").open("a") as file:
        file.write(f"{os.getpid()}\n")
    number = len(tries(folder, name))
    print(f"try {number} with {os.environ.get('OMP_NUM_THREADS')} threads", flush=True)
    if what == "refuse":
        raise VidcondenseError(f"the loss of {name} is nan")
    if what == "die" or (what == "die-once" and number == 1):
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "idle":
        return
    try:
        time.sleep(0.0 if what == "slow-once" and number > 1 else seconds)
    except KeyboardInterrupt:
        (folder / f"{name}.saved").touch()
        raise
    temporary = folder / f".{name}.{os.getpid()}"
    temporary.write_text(name)
    temporary.replace(folder / name)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], float(sys.argv[4]))

"""Which engine a user has chosen, by the options --on and --jobs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

from vidcondense.base.errors import VidcondenseError
from vidcondense.work.here import Processes
from vidcondense.work.here import gpus as gpus_of
from vidcondense.work.unit import Engine, Needs

HERE = "here"


class Where(TypedDict):
    """What `engine` is told of this machine."""

    jobs: int
    gpus: int
    show: bool


def check_on(on: str, jobs: int = 1) -> None:
    """Refuse what no engine is called, and a number of processes for an engine that counts by itself.

    Raises:
        VidcondenseError: naming the mend.
    """
    if on not in (HERE, "ray") and not on.startswith("ray://"):
        raise VidcondenseError(f"--on must be {HERE}, ray or ray://HOST:PORT, not {on!r}")
    if jobs < 0:
        raise VidcondenseError(f"--jobs must be at least 0, not {jobs}")
    if on != HERE and jobs > 1:
        raise VidcondenseError(
            f"--jobs is for this machine; leave it out: {on} runs as many as it has room for"
        )


def jobs_of(on: str, jobs: int, device: str) -> int:
    """How many units at a time on this machine, as --jobs says: 0 is one per GPU, else 1.

    Raises:
        VidcondenseError: as `check_on`.
    """
    check_on(on, jobs)
    return jobs or (max(1, gpus_of(device)) if on == HERE else 1)


def refuse_far(track: Sequence[object], on: str) -> None:
    """Refuse to show runs of a cluster: its nodes have libraries and folders of their own.

    Raises:
        VidcondenseError: naming the mend.
    """
    if track and on != HERE:
        raise VidcondenseError(f"--track shows runs of this machine: leave it out with --on {on}")


@contextmanager
def engine(
    on: str,
    folder: Path,
    needs: Sequence[Needs],
    paths: Sequence[Path] = (),
    *,
    jobs: int = 1,
    gpus: int = 0,
    show: bool = True,
) -> Iterator[Engine]:
    """The engine that `on` names; see `cluster.connected` and `here.Processes`."""
    check_on(on)
    if on == HERE:
        yield Processes(jobs, gpus)
        return
    from vidcondense.work.cluster import connected  # Ray is optional, and takes a second

    with connected(on, folder, needs, paths, show=show) as cluster:
        yield cluster

"""The same command gives the same bytes: again, from other processes, by any number of workers or threads."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from forks import Forks
from tasks import (
    TASKS,
    Inputs,
    Task,
    benchmark,
    condense_in_bfloat16,
    export,
    export_frames,
    generate,
    prepare,
    prepare_with_workers,
    report,
)

Make = Callable[[Inputs, Path], Task]


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    """Another process, in which sets of text have another order."""
    made = Forks(tmp_path_factory.mktemp("others"), PYTHONHASHSEED="1")
    yield made
    made.close()


@pytest.fixture(scope="module")
def threaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    """Commands with two threads."""
    made = Forks(tmp_path_factory.mktemp("threaded"), threads=2)
    yield made
    made.close()


def run(forks: Forks, task: Task, *more: object) -> dict[str, object]:
    ended = forks.run(*task.words, *more)
    assert ended.code == 0, ended.said
    return task.content()


@pytest.mark.parametrize("make", [*TASKS, condense_in_bfloat16, benchmark])
def test_again(make: Make, forks: Forks, others: Forks, inputs: Inputs, tmp_path: Path) -> None:
    first = run(forks, make(inputs, tmp_path / "first"))
    assert run(forks, make(inputs, tmp_path / "second")) == first
    assert run(others, make(inputs, tmp_path / "third")) == first


@pytest.mark.parametrize("workers", [2, 3, 5])
def test_any_number_of_workers(workers: int, forks: Forks, inputs: Inputs, tmp_path: Path) -> None:
    alone = run(forks, prepare(inputs, tmp_path / "one"))
    assert run(forks, prepare(inputs, tmp_path / "some", workers)) == alone


def test_any_number_of_workers_that_generate(forks: Forks, inputs: Inputs, tmp_path: Path) -> None:
    many = ("--train-per-class", 9)
    alone = run(forks, generate(inputs, tmp_path / "one"), *many)
    assert run(forks, generate(inputs, tmp_path / "two"), *many, "--workers", 2) == alone


@pytest.mark.parametrize("make", [prepare, prepare_with_workers, generate, export, export_frames, report])
def test_two_threads(make: Make, forks: Forks, threaded: Forks, inputs: Inputs, tmp_path: Path) -> None:
    """What learns nothing; what learns has sums that threads share out, and differs by rounding."""
    alone = run(forks, make(inputs, tmp_path / "one"))
    assert run(threaded, make(inputs, tmp_path / "two")) == alone

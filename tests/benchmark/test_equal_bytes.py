"""How many videos per class a method affords for the bytes of random selection."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from vidcondense.benchmark import equal_bytes
from vidcondense.benchmark.cell import Cell, Choices
from vidcondense.benchmark.equal_bytes import affordable, cells_within, too_large
from vidcondense.benchmark.grids import tradeoff
from vidcondense.benchmark.options import Options
from vidcondense.benchmark.rows import Made
from vidcondense.benchmark.statistics import Pair
from vidcondense.benchmark.tasks import Task


def settle(true_sizes: dict[int, float], start: int, budget: float) -> int:
    """Ask `affordable` as the runner does, with a method whose sizes are only known once condensed."""
    known = {start: true_sizes.get(start, float("inf"))}
    for _ in range(10):
        vpc, measured = affordable(known, budget)
        if measured:
            return vpc
        assert vpc not in known
        known[vpc] = true_sizes.get(vpc, float("inf"))
    raise AssertionError("not settled")


def test_videos_that_fit_into_a_budget_by_trying_all() -> None:
    for growth in (1.0, 1.2, 0.9):
        sizes = {vpc: 30.0 * vpc**growth for vpc in range(1, 9)}
        for budget in (10.0, 30.0, 64.0, 100.0, 150.0):
            found = settle(sizes, 1, budget)
            assert found == 0 or sizes[found] <= budget
            # With bytes in proportion, or more, nothing larger fits.
            if growth >= 1:
                assert found == max((vpc for vpc, size in sizes.items() if size <= budget), default=0)


def test_a_class_with_too_few_videos_ends_the_search() -> None:
    assert settle({1: 10.0, 2: 20.0, 3: 30.0}, 1, 80.0) in (1, 2, 3)


def test_equal_bytes_gives_every_method_what_it_affords() -> None:
    made = tradeoff(Choices(methods=("random", "prism", "dm"), vpc=(1,)))
    sizes: equal_bytes.Sizes = {("Random", 1): 100.0, ("DM", 1): 100.0, ("PRISM", 1): 40.0}
    more, settled = cells_within(made, sizes)
    assert not settled
    assert {(cell.row, cell.vpc) for cell in more} == {("Random", 1), ("DM", 1), ("PRISM", 2)}
    more, settled = cells_within(
        made, {**sizes, ("PRISM", 2): 104.0}
    )  # it needs more per video with more of them
    assert settled
    assert {(cell.row, cell.vpc) for cell in more} == {("Random", 1), ("DM", 1), ("PRISM", 1)}
    more, settled = cells_within(made, {**sizes, ("PRISM", 2): 90.0})
    assert settled and ("PRISM", 2) in {(cell.row, cell.vpc) for cell in more}
    assert {cell.column for cell in more} == {"bytes of Random at VPC 1"}


def test_methods_that_do_not_fit_or_failed_are_named() -> None:
    cells = tradeoff(Choices(methods=("random", "dm", "prism", "wang"), vpc=(1,)))
    infinite = float("inf")
    sizes = {("Random", 1): 100.0, ("DM", 1): 100.0, ("PRISM", 1): infinite, ("DM + Wang", 1): 300.0}
    within, settled = cells_within(cells, sizes)
    assert settled
    assert {cell.row for cell in within} == {"Random", "DM"}
    left_out = too_large(cells, within)
    assert [(skipped.row, skipped.column) for skipped in left_out] == [
        ("PRISM", "bytes of Random at VPC 1"),
        ("DM + Wang", "bytes of Random at VPC 1"),
    ]


def test_it_condenses_until_settled_and_evaluates_only_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PRISM takes 40 bytes per video, so 3 fit at first sight; a third makes it 130, so it ends with 2."""
    bytes_of = {"random": {1: 100}, "prism": {1: 34, 2: 80, 3: 130}}
    monkeypatch.setattr(Task, "condensed", True)
    monkeypatch.setattr(
        equal_bytes,
        "read_made",
        lambda task: Made(None, bytes_of[task.cell.recipe][task.cell.vpc], 0, 0.0, {}, 1),
    )

    def tasks(cells: Sequence[Cell]) -> Mapping[Cell, Mapping[Pair, Task]]:
        return {cell: {("1", 0): Task(cell, Options(), tmp_path, "1", 0)} for cell in cells}

    runs: list[list[tuple[int, bool]]] = []
    cells = tradeoff(Choices(methods=("random", "prism"), vpc=(1,)))
    within = equal_bytes.settle(
        cells, tasks, lambda more: runs.append([(cell.vpc, bool(cell.networks)) for cell in more])
    )
    assert [(cell.row, cell.vpc) for cell in within] == [("Random", 1), ("PRISM", 2)]
    *before, last = runs
    assert all(not judged for run in before for _, judged in run)
    assert last == [(1, True), (2, True)]


def test_a_method_of_which_a_seed_has_failed_has_no_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = property(lambda task: task.cell.recipe == "random" or task.seed == 0)
    monkeypatch.setattr(Task, "condensed", failed)
    monkeypatch.setattr(equal_bytes, "read_made", lambda task: Made(None, 10, 0, 0.0, {}, 1))

    def tasks(cells: Sequence[Cell]) -> Mapping[Cell, Mapping[Pair, Task]]:
        return {
            cell: {("1", seed): Task(cell, Options(), tmp_path, "1", seed) for seed in (0, 1)}
            for cell in cells
        }

    cells = tradeoff(Choices(methods=("random", "prism"), vpc=(1,)))
    within = equal_bytes.settle(cells, tasks, lambda more: None)
    assert [cell.row for cell in within] == ["Random"]

"""What a benchmark will cost: clips by a protocol's constants, times that are summed up, and the lines."""

from pathlib import Path

import pytest

from vidcondense.base.errors import VidcondenseError
from vidcondense.benchmark import cost
from vidcondense.benchmark.cell import Cell
from vidcondense.benchmark.cost import Cost, clips_of
from vidcondense.benchmark.options import Options
from vidcondense.benchmark.tasks import tasks_of
from vidcondense.data.store import ClipStore
from vidcondense.evaluation.protocols import PROTOCOLS, Strict
from vidcondense.run.budget import Samples


def test_clips_by_the_constants_of_the_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROTOCOLS, "strict", lambda: Strict(steps=10, epochs=4, batch=8))  # type: ignore[arg-type]
    windows = Strict().settings().get("windows", 1)
    assert clips_of("strict", 3, 7) == (10 * 3, 7 * windows)  # a batch is all there is, 10 steps at least
    assert clips_of("strict", 33, 7) == (4 * 5 * 8, 7 * windows)  # 4 epochs of 5 batches
    assert clips_of("strong", 10**6, 7, 50)[0] == 50 * 64


def test_times_are_measured_once_per_kind_and_summed(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    timed: list[str] = []

    def iteration(task: object, store: object, compute: object) -> cost.Rates:
        timed.append("iteration")
        return 2.0, 0.5

    def clip(name: str, store: object, compute: object) -> cost.Rates:
        timed.append(name)
        if name == "cnn_gru":
            raise VidcondenseError("it is too large")
        return 0.25, 0.125

    monkeypatch.setattr(cost, "_time_iteration", iteration)
    monkeypatch.setattr(cost, "_time_clip", clip)
    monkeypatch.setattr(
        cost, "clips_of", lambda protocol, training, testing, steps: (100 * training, testing)
    )
    cell = Cell("DM", "", "dm_small", 2, ("iterations=10",), networks=("minic3d", "cnn_gru"))
    options = Options(seeds=(0, 1), networks=3, jobs=2)
    tasks = tasks_of([cell], options, tmp_path)
    total = Cost(options)
    total.add(tasks, tiny_store.path)
    assert timed == ["iteration", "minic3d", "cnn_gru"]
    assert total.condensing == 2 * (2.0 + 10 * 0.5)
    assert total.evaluating == 2 * 3 * (0.25 * 100 * 3 * 2 + 0.125 * len(tiny_store.select("test")))
    assert (total.steps, total.not_timed) == (6, 2)
    assert total.problems == {"it is too large": [task.title for task in tasks]}
    assert total.disk == 2 * 3 * 2 * 4 * 3 * 32 * 32 * 4
    lines = total.describe(len(tasks))
    assert lines[0] == "2 cells; 6 steps left to run; 0.0 s spent on finished ones"
    assert "(condensing 14.0 s, evaluation" in lines[1] and "with 2 jobs; 2 steps not timed" in lines[1]
    assert lines[2].startswith("at most 0.56 MiB on disk")
    assert lines[3] == f"not timed: {tasks[0].title} and 1 more: it is too large"


def test_a_cell_of_a_budget_counts_the_videos_that_it_holds_and_sees_once_what_they_take(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    coded: list[object] = []
    original = Samples._of
    monkeypatch.setattr(Samples, "_of", lambda self, recipe: coded.append(recipe) or original(self, recipe))
    monkeypatch.setattr(cost, "_time_iteration", lambda *_: (0.0, 0.0))
    monkeypatch.setattr(cost, "_time_clip", lambda *_: (1.0, 0.0))
    monkeypatch.setattr(cost, "clips_of", lambda protocol, training, testing, steps: (training, testing))
    budgets = [("storage=av1", "quality=40", f"budget={size}") for size in (3400, 4600)]
    cells = [Cell("Random", one[1], "random", 0, one, networks=("minic3d",)) for one in budgets]
    options = Options(seeds=(0, 1, 2), networks=1)
    total = Cost(options)
    total.add(tasks_of(cells, options, tmp_path), tiny_store.path)
    assert len(coded) == 2  # for both budgets and all seeds: its own videos, and the whole dataset
    samples = Samples(tiny_store)
    held = [cell.fit(samples, cell.resolve(0, "1")).vpc for cell in cells]
    assert held[1] > held[0] > 1
    assert total.evaluating == 3 * 3 * sum(held)


def test_nothing_is_measured_when_time_is_over(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost, "MEASURING_SECONDS", 0.0)
    monkeypatch.setattr(cost, "_time_iteration", lambda *_: pytest.fail("it measured"))
    tasks = tasks_of([Cell("DM", "", "dm_small", 1)], Options(), tmp_path)
    total = Cost(Options())
    total.add(tasks, tiny_store.path)
    assert (total.steps, total.not_timed, total.problems) == (1, 1, {})


def test_a_finished_benchmark_says_what_it_took() -> None:
    cost = Cost(Options())
    cost.spent = 125.0
    assert cost.describe(3) == ["3 cells, all finished; they took 2 min 5 s"]

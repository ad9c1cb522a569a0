"""Tasks: which folder is a cell's, what of it is done, and what is not what the cell asks for."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.typed import typed
from vidcondense.benchmark.cell import Cell, Judge
from vidcondense.benchmark.options import Options
from vidcondense.benchmark.tasks import Task, refuse_foreign, tasks_of
from vidcondense.data.store import ClipStore
from vidcondense.evaluation.protocols import PROTOCOLS
from vidcondense.evaluation.results import Record
from vidcondense.run.budget import Samples, fit
from vidcondense.run.loop import condense

CELL = Cell("Random", "VPC 1", "random", 1, networks=("minic3d", "cnn_gru"))
WHOLE = Cell("Whole dataset", "all", "", 0, networks=("minic3d",))

STRICT = Options(protocol="strict", networks=3)


def evaluation(**changed: Any) -> dict[str, Any]:
    """What `evaluate` writes for `minic3d` with the default options."""
    settings = PROTOCOLS["strict"]().settings()
    return {
        "protocol": "strict",
        "network": "minic3d",
        "networks": 3,
        "seed": 0,
        "settings": settings,
        "diverged": 0,
        "per_class": {"a": 0.5},
        "confusion": [[1]],
        "test_videos": 1,
        "seconds": 1.0,
        **{key: {"mean": 0.5, "std": 0.0, "values": [0.5, 0.5, 0.5]} for key in ("top1", "top5")},
        **changed,
    }


def judge(task: Task, name: str = "any.json", **changed: Any) -> None:
    task.run.evaluations.mkdir(parents=True, exist_ok=True)
    (task.run.evaluations / name).write_text(json.dumps(evaluation(**changed)))


def test_a_folder_per_cell_split_and_seed(tmp_path: Path) -> None:
    tasks = tasks_of([CELL, WHOLE], replace(STRICT, seeds=(0, 1), splits=("1", "b")), tmp_path)
    assert [task.title for task in tasks] == [
        f"{name}-split{split}-seed{seed}"
        for seed in (0, 1)
        for split in ("1", "b")
        for name in ("random-vpc1", "whole")
        if seed == 0 or name != "whole"  # of the whole dataset nothing is chosen
    ]
    assert {task.folder.parent for task in tasks} == {tmp_path / "cells"}


def test_cells_that_condense_alike_are_one_task_with_all_their_networks(tmp_path: Path) -> None:
    cells = [
        Cell("a", "x", "random", 1, networks=("minic3d",)),
        Cell("b", "y", "random", 1, networks=("cnn_gru",)),
        Cell("c", "", "random", 2),
    ]
    tasks = tasks_of(cells, replace(STRICT, seeds=(0, 1), splits=("1", "2")), tmp_path)
    assert len(tasks) == 2 * 2 * 2
    assert {task.judges for task in tasks} == {(Judge("minic3d"), Judge("cnn_gru")), ()}


def test_evaluations_go_by_the_seed_of_condensing_unless_one_is_given(tmp_path: Path) -> None:
    assert Task(CELL, STRICT, tmp_path, "1", 7).judging_seed == 7
    task = Task(CELL, Options(protocol="strict", evaluation_seed=5, networks=2), tmp_path, "1", 7)
    assert task.judging_seed == 5
    assert task.evaluation_file(Judge("minic3d")).name == "strict-minic3d-2-networks-seed-5.json"
    assert task.evaluation_file(Judge("folder/mine.py:Net")).name == "strict-Net-2-networks-seed-5.json"


def test_an_evaluation_counts_under_any_name_and_only_if_it_is_the_same(tmp_path: Path) -> None:
    task = Task(CELL, STRICT, tmp_path, "1", 0)
    assert task.missing() == [Judge("minic3d"), Judge("cnn_gru")]
    others: list[dict[str, Any]] = [
        *({"protocol": "vdsd"}, {"networks": 2}, {"seed": 1}, {"network": "cnn_mean"}),
        {"settings": {**PROTOCOLS["strict"]().settings(), "steps": -1}},
    ]
    for index, changed in enumerate(others):
        judge(task, f"{index}.json", **changed)
    assert task.evaluation(Judge("minic3d")) is None
    judge(task, "mine.json")
    assert task.evaluation(Judge("minic3d")) == typed(evaluation(), Record)
    assert task.missing() == [Judge("cnn_gru")]


def test_one_set_is_judged_after_several_numbers_of_steps(tmp_path: Path) -> None:
    options = Options(networks=3)
    cells = [Cell("a", str(steps), "random", 1, networks=("minic3d",), steps=steps) for steps in (0, 9, 20)]
    (task,) = tasks_of(cells, options, tmp_path)
    assert task.judges == (Judge("minic3d"), Judge("minic3d", 9), Judge("minic3d", 20))
    assert task.evaluation_file(Judge("minic3d", 9)).name == "strong-minic3d-9-steps-3-networks-seed-0.json"
    rule = PROTOCOLS["strong"]().of_length(9)
    judge(task, "some.json", protocol="strong", settings=rule.settings())
    assert task.missing() == [Judge("minic3d"), Judge("minic3d", 20)]


def test_a_cell_of_a_budget_takes_what_was_fitted(tmp_path: Path, tiny_store: ClipStore) -> None:
    budget = ("storage=av1", "budget=9000")
    task = Task(Cell("a", "", "random", 0, budget), STRICT, tmp_path, "1", 0)
    assert task.title == "random-budget=9000-storage=av1-split1-seed0"
    words = "--recipe random --seed 0 --set storage=av1 --set budget=9000"
    assert task.cell.arguments(0, "1") == words.split()
    condense(tiny_store, fit(Samples(tiny_store), task.recipe()).recipe, task.folder, show=False)
    made = task.run.recipe(task.run.read())
    assert made.vpc > 1 and task.foreign(tiny_store) is None
    other = Task(Cell("a", "", "random", 1, budget), STRICT, tmp_path, "1", 0)
    moved = replace(task, cell=replace(task.cell, overrides=("storage=av1", "budget=9001")))
    assert moved.folder != task.folder != other.folder


def test_a_damaged_evaluation_is_named(tmp_path: Path) -> None:
    task = Task(CELL, STRICT, tmp_path, "1", 0)
    judge(task, seconds="soon")
    with pytest.raises(VidcondenseError, match=r"any\.json.*seconds"):
        task.evaluation(Judge("minic3d"))


def test_what_is_condensed(tmp_path: Path) -> None:
    assert Task(WHOLE, STRICT, tmp_path, "1", 0).condensed  # there is nothing to condense
    assert not Task(CELL, STRICT, tmp_path, "1", 0).condensed


def test_the_whole_dataset_of_another_store_is_refused(tmp_path: Path, tiny_store: ClipStore) -> None:
    task = Task(WHOLE, STRICT, tmp_path, "1", 0)
    refuse_foreign([task], tiny_store)
    ours = {"store": tiny_store.name, "split": "1", "fingerprint": tiny_store.fingerprint, "videos": 15}
    judge(task, trained_on=ours)
    refuse_foreign([task], tiny_store)
    judge(task, trained_on={**ours, "fingerprint": "other"})
    with pytest.raises(VidcondenseError, match="whole-split1-seed0 holds a run with another store"):
        refuse_foreign([task], tiny_store)

"""Rows: what is read of finished cells, means, which rows are compared, where published figures stand."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from vidcondense.benchmark.cell import Cell, Judge
from vidcondense.benchmark.grids import FIRST
from vidcondense.benchmark.options import Options
from vidcondense.benchmark.published import NETWORK, Published
from vidcondense.benchmark.rows import Made, Result, Row, build_rows, read_result
from vidcondense.benchmark.statistics import Difference, Pair
from vidcondense.benchmark.tasks import Task
from vidcondense.condensed import CondensedVideos, KeyFrameVideos, StaticDynamicVideos
from vidcondense.evaluation.protocols import PROTOCOLS
from vidcondense.evaluation.results import Record

SEEDS: tuple[Pair, ...] = (("1", 0), ("1", 1))

STRICT = Options(protocol="strict", networks=3)


def finished(folder: Path, condensed: CondensedVideos) -> Task:
    """The task of a run that has ended, evaluated with one of its two networks."""
    cell = Cell("PRISM", "VPC 2", "prism", 2, networks=("minic3d", "cnn_gru"))
    task = Task(cell, STRICT, folder, "1", 0)
    task.run.evaluations.mkdir(parents=True)
    condensed.save(task.run.condensed)
    store = {"path": "", "split": "1", "fingerprint": "f"}
    described = {
        "format": 1,
        "status": "finished",
        "recipe": {},
        "store": store,
        "precision": "float32",
        "seconds": 2.5,
    }
    task.run.description.write_text(json.dumps(described))
    record = {
        "protocol": "strict",
        "network": "minic3d",
        "networks": 3,
        "seed": 0,
        "diverged": 1,
        "settings": PROTOCOLS["strict"]().settings(),
        "top1": {"mean": 0.375, "std": 0.2, "values": [0.25, None, 0.5]},
        "top5": {"mean": 1.0, "std": 0.0, "values": [1.0, None, 1.0]},
        "per_class": {"a": 0.5, "b": 0.25},
        "confusion": [[1, 1], [3, 1]],
        "test_videos": 6,
        "seconds": 1.0,
    }
    (task.run.evaluations / "mine.json").write_text(json.dumps(record))
    return task


def key_frames() -> KeyFrameVideos:
    """Videos of classes a, a, b with 2, 3 and 2 key frames of 3 x 4 x 4 values."""
    return KeyFrameVideos(
        key_frames=torch.zeros(7, 3, 4, 4),
        positions=torch.tensor([0, 3, 0, 1, 3, 0, 3]),
        counts=torch.tensor([2, 3, 2]),
        labels=torch.tensor([0, 0, 1]),
        class_names=("a", "b"),
        frames=4,
        mean=(0.4, 0.4, 0.4),
        std=(0.2, 0.2, 0.2),
    )


def test_a_condensed_set_is_counted(tmp_path: Path) -> None:
    task = finished(tmp_path, key_frames())
    made = read_result({("1", 0): task}, {}).made["1", 0]
    assert made.key_frames == pytest.approx(7 / 3)
    assert made.key_frames_by_class == {"a": 2.5, "b": 2.0}
    assert made.stored_bytes == 7 * 48 * 4
    assert made.file_bytes == task.run.condensed.stat().st_size
    assert made.seconds == 2.5


def test_memories_have_no_key_frames(tmp_path: Path, memories: Callable[..., StaticDynamicVideos]) -> None:
    condensed = memories([0, 1], ("a", "b"), 4, (8, 8))
    made = read_result({("1", 0): finished(tmp_path, condensed)}, {}).made["1", 0]
    assert made.key_frames is None
    assert made.key_frames_by_class == {}
    assert made.stored_bytes == condensed.stored_values * 4


def test_evaluations_are_of_the_networks_that_are_done(tmp_path: Path) -> None:
    task = finished(tmp_path, key_frames())
    judged = read_result({("1", 0): task}, {}).judged
    assert judged == {"minic3d": {("1", 0): task.evaluation(Judge("minic3d"))}}
    row, other = build_rows({task.cell: read_result({("1", 0): task}, {})}, "top1")
    assert (row.column, row.mean, row.diverged, row.networks) == ("VPC 2, minic3d", 37.5, 1, 3)
    assert row.classes == {"a": (50.0, 2.5), "b": (25.0, 2.0)}
    assert (other.column, other.mean, other.networks, other.sets) == ("VPC 2, cnn_gru", None, 0, 1)
    assert build_rows({task.cell: read_result({("1", 0): task}, {})}, "top5")[0].mean == 100.0


def test_nothing_is_read_of_what_is_not_finished(tmp_path: Path) -> None:
    task = Task(
        Cell("a", "", "random", 1, networks=("minic3d",)),
        STRICT,
        tmp_path,
        "1",
        0,
    )
    assert read_result({("1", 0): task}, {}) == ({}, {})


def made(bytes_: int, key_frames: float | None = 2.0) -> Made:
    return Made(key_frames, bytes_, bytes_ + 100, bytes_ / 1000, {}, 1)


def record(*values: float | None) -> Record:
    """The evaluation of networks with accuracies in percent, None for one that diverged."""
    scores: Any = {"mean": None, "std": None, "values": [v if v is None else v / 100 for v in values]}
    classes = {"a": 0.5} if any(value is not None for value in values) else {"a": 0.0}
    return {
        "protocol": "strict",
        "network": "minic3d",
        "networks": len(values),
        "diverged": values.count(None),
        "top1": scores,
        "top5": scores,
        "per_class": classes,
        "confusion": [],
        "test_videos": 1,
        "seconds": 1.0,
    }


def test_a_mean_is_of_sets_and_its_interval_at_least_binomial() -> None:
    cell = Cell("PRISM", "VPC 1", "prism", 1, networks=("minic3d",))
    records = {
        ("1", seed): {**record(*values), "test_videos": 50}
        for seed, values in enumerate(((20.0,), (20.0, 20.0), (20.0, 20.0, 20.0)))
    }
    (measured,) = build_rows({cell: Result({}, {"minic3d": records})}, "top1")  # type: ignore[dict-item]
    assert measured.mean == 20.0
    assert measured.half_width == pytest.approx(1.96 * 100 * (0.2 * 0.8 / 50) ** 0.5, rel=1e-3)
    records["2", 0] = {**record(60.0), "test_videos": 150}
    (measured,) = build_rows({cell: Result({}, {"minic3d": records})}, "top1")  # type: ignore[dict-item]
    assert (measured.mean, measured.test_videos) == (30.0, {"1": 50, "2": 150})


def row(*judged: Record, sets: tuple[Made, ...] = (), vpc: int = 1) -> Row:
    result = Result(dict(zip(SEEDS, sets, strict=False)), {"minic3d": dict(zip(SEEDS, judged, strict=False))})
    cell = Cell("PRISM", "VPC 1", "prism", vpc, networks=("minic3d",))
    (only,) = build_rows({cell: result}, "top1")
    return only


def test_accuracy_is_over_networks_and_the_deviation_of_sets_over_their_means() -> None:
    measured = row(record(10.0, 20.0, None), record(30.0, 60.0), sets=(made(1000), made(3000, None)))
    flat = measured.flat()
    assert flat["mean"] == pytest.approx(30.0)
    assert flat["half_width"] is None  # two sets
    assert flat["std_of_networks"] == pytest.approx(250**0.5)  # of 10, 20 and of 30, 60
    assert flat["std_of_sets"] == pytest.approx(30 / 2**0.5)  # of 15 and 45
    assert (flat["sets"], flat["networks"], flat["diverged"]) == (2, 5, 1)
    assert (flat["stored_bytes"], flat["file_bytes"], flat["seconds"]) == (2000, 2100, 2)
    assert flat["mib"] == 2000 / 2**20
    assert flat["key_frames"] == 2.0  # the other set has none


def test_a_set_without_a_trained_network_counts_as_diverged_and_in_no_mean() -> None:
    measured = row(record(None, None), record(50.0, None), sets=(made(1), made(1)))
    assert measured.set_means == {("1", 0): None, ("1", 1): 50.0}
    flat = measured.flat()
    assert (flat["mean"], flat["std_of_networks"], flat["std_of_sets"]) == (50.0, None, None)
    assert (flat["networks"], flat["diverged"]) == (4, 3)


def test_a_class_is_over_the_records_that_have_it() -> None:
    first, other, failed = record(40.0), record(60.0), record(None)
    other["per_class"] = {"a": 0.25, "b": 0.125}
    assert row(first, other).classes == {"a": (37.5, None), "b": (12.5, None)}
    assert row(first, failed, sets=(made(1),)).classes == {"a": (50.0, None)}
    assert row(failed).classes == {}


def test_the_whole_dataset_has_evaluations_and_no_bytes() -> None:
    flat = row(record(70.0), vpc=0).flat()
    assert (flat["vpc"], flat["sets"], flat["mib"], flat["key_frames"]) == (None, 1, None, None)


def test_sets_that_nobody_judged_are_counted() -> None:
    assert row(sets=(made(1), made(1))).sets == 2


def test_columns_of_differences_and_published_figures() -> None:
    measured = Row(
        *("PRISM", "VPC 1"),
        against={"DM": Difference(1.5, 0.5, 3, 1, 0.01, 0.02, verdict="better")},
        published=(Published("accuracy", "miniucf", "prism", "VPC 1", "DFS", 17.9, 0.3),),
    )
    assert list(measured.flat().items())[-10:] == [
        ("against DM", 1.5),
        ("against DM, half width", 0.5),
        ("against DM, pairs", 3),
        ("against DM, left out", 1),
        ("against DM, p", 0.01),
        ("against DM, p by Holm", 0.02),
        ("against DM, p of level by Holm", None),
        ("against DM, verdict", "better"),
        ("published miniUCF (DFS)", 17.9),
        ("published miniUCF (DFS), std", 0.3),
    ]


def cell(name: str, column: str = "VPC 1", networks: tuple[str, ...] = ("minic3d",)) -> Cell:
    return Cell(name, column, name, 1, networks=networks, reference=(name, column))


def result(*values: float, networks: tuple[str, ...] = ("minic3d",)) -> Result:
    judged = {pair: record(value) for pair, value in zip(SEEDS, values, strict=True)}
    return Result({pair: made(100) for pair in SEEDS}, dict.fromkeys(networks, judged))


def test_rows_are_compared_within_their_column() -> None:
    results = {
        cell("random"): result(10.0, 12.0),
        cell("dm"): result(13.0, 17.0),
        cell("dm", "VPC 5"): result(1.0, 2.0),
    }
    first, second, alone = build_rows(results, "top1", ("random",))
    assert first.against == {}
    assert second.against["random"].mean == 4.0
    assert second.against["random"].pairs == 2
    assert alone.against == {}


def test_verdicts_count_all_comparisons_of_the_table() -> None:
    def of(*values: float) -> Result:
        judged = {("1", seed): record(value) for seed, value in enumerate(values)}
        return Result({}, {"minic3d": {pair: {**one, "test_videos": 10**6} for pair, one in judged.items()}})  # type: ignore[misc]

    better = of(*(20.0 + seed / 10 for seed in range(6)))
    results = {cell("a"): of(*[10.0] * 6), cell("b"): better}
    alone = build_rows(results, "top1", ("a",), margin=11.0)
    assert alone[1].against["a"].verdict == "better, but level within 11"
    results[cell("c")] = of(9.0, 11.0, 9.0, 11.0, 9.0, 11.0)
    both = build_rows(results, "top1", ("a",))
    assert [one.against["a"].verdict for one in both[1:]] == ["not resolved"] * 2
    assert both[1].against["a"].p_holm == 2 * 2 / 2**6


def test_the_first_row_of_a_column_is_the_one_of_that_column() -> None:
    results = {
        cell("a"): result(10.0, 10.0),
        cell("b", "VPC 5"): result(20.0, 20.0),
        cell("c"): result(11.0, 11.0),
        cell("c", "VPC 5"): result(24.0, 24.0),
    }
    rows = build_rows(results, "top1", (FIRST,))
    assert [list(row.against) for row in rows] == [[], [], ["a"], ["b"]]
    assert rows[3].against["b"].mean == 4.0


def test_several_networks_are_named_in_the_column_and_compared_apart() -> None:
    both = ("minic3d", "cnn_gru")
    results = {
        cell(name, "", both): result(value, value, networks=both) for name, value in (("a", 1.0), ("b", 3.0))
    }
    rows = build_rows(results, "top1", ("a",))
    assert [(row.method, row.column) for row in rows] == [
        (name, network) for name in ("a", "b") for network in both
    ]
    assert [row.against["a"].mean for row in rows[2:]] == [2.0, 2.0]


def test_cells_of_which_nothing_is_finished_have_no_row() -> None:
    results = {cell("a"): Result({}, {}), cell("b"): result(1.0, 2.0)}
    assert [row.method for row in build_rows(results, "top1")] == ["b"]


def test_published_figures_are_of_the_papers_network_alone() -> None:
    both = ("minic3d", "cnn_gru")
    by_network = Cell("PRISM", "", "prism", 1, networks=both, reference=("prism", NETWORK))
    by_vpc = replace(by_network, reference=("prism", "VPC 1"))
    none = replace(by_network, reference=None)

    def published(cell: Cell, table: str, dataset: str = "miniucf") -> list[list[tuple[str, str]]]:
        results = {cell: result(1.0, 2.0, networks=both)}
        rows = build_rows(results, "top1", table=table, dataset=dataset)
        return [[(figure.row, figure.column) for figure in row.published] for row in rows]

    assert published(by_vpc, "accuracy") == [[("prism", "VPC 1")], []]
    assert published(by_network, "cross-architecture") == [[("prism", "minic3d")], [("prism", "cnn_gru")]]
    assert published(none, "accuracy") == published(by_vpc, "accuracy", "") == [[], []]

"""The figures of an evaluation against loops over the cases, and what becomes of networks that diverged."""

import io
import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.typed import typed
from vidcondense.cli.tables import evaluation_table as table
from vidcondense.evaluation.protocols import Strict
from vidcondense.evaluation.results import (
    Evaluation,
    FullRecord,
    NetworkResult,
    Record,
    accuracies,
    by_kind,
    deviation,
    mean_std,
    networks_of,
)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 12), st.integers(2, 8), st.integers(0, 2**31))
def test_accuracies_against_a_loop(cases: int, classes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.permuted(np.tile(np.arange(classes, dtype=np.float32), (cases, 1)), axis=1)
    truth = rng.integers(0, classes, cases)
    right = first = 0
    confusion = np.zeros((classes, classes), np.int64)
    for row, label in zip(scores, truth, strict=True):
        order = sorted(range(classes), key=lambda one: -row[one])
        first += order[0] == label
        right += label in order[:5]
        confusion[label, order[0]] += 1
    top1, top5, counts = accuracies(torch.from_numpy(scores), torch.from_numpy(truth))
    assert (top1, top5) == (pytest.approx(first / cases), pytest.approx(right / cases))
    assert counts.dtype == torch.int64 and counts.tolist() == confusion.tolist()


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=6))
def test_mean_and_deviation_against_numpy(values: list[float]) -> None:
    assert mean_std(values) == pytest.approx((np.mean(values), np.std(values, ddof=1)), abs=1e-12)


def test_mean_and_sample_deviation() -> None:
    mean, std = mean_std([2.0, 4.0, 9.0])
    assert mean == 5.0
    assert std == pytest.approx(math.sqrt((9 + 1 + 16) / 2))
    assert mean_std([3.0, 5.0]) == (4.0, pytest.approx(2**0.5))
    assert mean_std([3.0]) == (3.0, None)
    assert mean_std([]) == (None, None)


def test_what_kinds_of_networks_differ_by_is_no_noise() -> None:
    values = [0.30, 0.80, 0.34, None, 0.35, 0.84]  # two kinds take turns; one network diverged
    groups = by_kind(values, "minic3d+convnet3d")
    assert groups == [[0.30, 0.34, 0.35], [0.80, 0.84]]
    pooled = np.sqrt((2 * np.var(groups[0], ddof=1) + np.var(groups[1], ddof=1)) / 3)
    assert deviation(groups) == pytest.approx(pooled)
    assert deviation([[0.3], [0.8]]) is None
    assert by_kind(values, "minic3d") == [[0.30, 0.80, 0.34, 0.35, 0.84]]


def test_a_single_network_has_no_spread() -> None:
    made = evaluation(result(0.25, [[1, 3], [3, 1]]))
    assert made.to_dict()["top1"] == {"mean": 0.25, "std": None, "values": [0.25]}
    assert made.top1[0] == 0.25 and math.isnan(made.top1[1])
    text = io.StringIO()
    Console(file=text, width=100).print(table(made))
    assert "25.0" in text.getvalue() and "nan" not in text.getvalue()
    earlier = {"mean": 0.25, "std": 0.0, "values": [0.25]}
    assert typed({**made.to_dict(), "top1": earlier}, Record)["top1"] == earlier


def result(
    top1: float, confusion: list[list[int]], loss: float = 0.5, diverged: bool = False
) -> NetworkResult:
    return NetworkResult(top1, 1.0, torch.tensor(confusion), loss, diverged, seconds=0.41152)


def evaluation(*results: NetworkResult, **more: object) -> Evaluation:
    return Evaluation(Strict(), "minic3d", ("walk", "wave"), results, 8, 7, "float32", **more)  # type: ignore[arg-type]


def test_the_record_of_three_networks_of_which_one_diverged() -> None:
    made = evaluation(
        result(0.75, [[3, 1], [1, 3]]),
        result(0.9, [[0, 4], [4, 0]], math.inf, True),
        result(0.25, [[1, 3], [3, 1]], 0.25),
    )
    record = made.to_dict()
    typed(record, Record)
    assert json.loads(json.dumps(record, allow_nan=False))["protocol"] == "strict"
    expected = {
        "network": "minic3d",
        "networks": 3,
        "diverged": 1,
        "top1": {"mean": 0.5, "std": pytest.approx(0.25 * math.sqrt(2)), "values": [0.75, None, 0.25]},
        "top5": {"mean": 1.0, "std": 0.0, "values": [1.0, None, 1.0]},
        "per_class": {"walk": 0.5, "wave": 0.5},
        "confusion": [[4, 4], [4, 4]],
        "train_loss": [0.5, None, 0.25],
        "test_videos": 8,
        "seconds": 1.235,
        "seed": 7,
        "precision": "float32",
        "settings": Strict().settings(),
    }
    assert {key: record[key] for key in expected} == expected
    assert set(record) == {*expected, "protocol"}
    assert evaluation(result(1, [[1]]), trained_on={"videos": 3}).to_dict()["trained_on"] == {"videos": 3}


def test_accuracy_of_a_class_counts_its_own_cases() -> None:
    record = evaluation(result(0.5, [[3, 1], [0, 0]])).to_dict()
    assert record["per_class"] == {"walk": 0.75, "wave": 0.0}  # of no case none is right


def test_where_all_diverged_there_is_no_figure() -> None:
    made = evaluation(result(0.5, [[9, 9], [9, 9]], math.nan, True))
    record = made.to_dict()
    typed(record, Record)
    assert record["top1"] == {"mean": None, "std": None, "values": [None]}
    assert record["confusion"] == [[0, 0], [0, 0]]
    assert made.trained == []
    text = io.StringIO()
    Console(file=text, width=100).print(table(made))
    assert "1 of 1 networks diverged" in " ".join(text.getvalue().split())


def test_a_class_of_one_test_video() -> None:
    record = evaluation(result(0.75, [[1, 0], [1, 2]])).to_dict()
    assert record["per_class"] == {"walk": 1.0, "wave": pytest.approx(2 / 3)}


def test_networks_are_read_back_and_others_added() -> None:
    """As if all had been evaluated at once: of the earlier ones only sums are known."""
    first = result(0.75, [[3, 1], [1, 3]]), result(0.9, [[0, 4], [4, 0]], math.inf, True)
    more = result(0.25, [[1, 3], [3, 1]], 0.25)
    earlier = json.loads(json.dumps(evaluation(*first).to_dict()))
    typed(earlier, FullRecord)
    read = networks_of(earlier)
    assert [(one.top1, one.top5, one.loss, one.diverged, one.confusion) for one in read[:1]] == [
        (0.75, 1.0, 0.5, False, None)
    ]
    assert read[1].diverged and math.isnan(read[1].top1) and math.isnan(read[1].loss)
    made = evaluation(*read, more, earlier=earlier)
    whole = evaluation(*first, more)
    assert {**made.to_dict(), "seconds": 0} == {**whole.to_dict(), "seconds": 0}
    assert made.seconds == pytest.approx(whole.seconds, abs=1e-3)
    assert torch.equal(made.confusion, whole.confusion)
    small = replace(more, rounded=0.2, rounded_bytes=90)
    diverged = replace(first[1], rounded=0.1, rounded_bytes=80)
    record = json.loads(json.dumps(evaluation(small, diverged).to_dict()))
    typed(record, FullRecord)
    assert record["rounded"] == {"top1": {"mean": 0.2, "std": None, "values": [0.2, None]}, "bytes": [90, 80]}
    assert evaluation(*networks_of(record)).rounded == record["rounded"]
    assert evaluation(small, more).rounded is None
    assert evaluation(more, made_from={"device": "cpu"}).to_dict()["made_from"] == {"device": "cpu"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"networks": 2}, "no value of each of its 2 networks"),
        ({"train_loss": [0.5, 0.5]}, "no value of each of its 1 networks"),
        ({"confusion": [[1, 2]]}, "no confusion of each class"),
        ({"confusion": [[1, 2], [3]]}, "no confusion of each class"),
        ({"rounded": {"top1": {"values": []}, "bytes": []}}, "no rounded weights of each of its 1 networks"),
    ],
)
def test_a_record_that_does_not_fit_itself_is_refused(change: dict[str, Any], message: str) -> None:
    record = evaluation(result(0.75, [[3, 1], [1, 3]])).to_dict()
    with pytest.raises(VidcondenseError, match=message):
        networks_of({**record, **change})  # type: ignore[typeddict-item]

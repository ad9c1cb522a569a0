"""The page: its files hold the same numbers; what it says about marks, gaps and published figures."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from vidcondense.benchmark import page
from vidcondense.benchmark.cell import Skipped
from vidcondense.benchmark.options import Options
from vidcondense.benchmark.page import Extra
from vidcondense.benchmark.plan import Plan
from vidcondense.benchmark.rows import Row
from vidcondense.benchmark.statistics import Difference
from vidcondense.data.store import ClipStore
from vidcondense.evaluation.results import mean_std

PAIR = ("1", 0)


def write(
    folder: Path,
    store: ClipStore,
    rows: list[Row],
    name: str = "accuracy",
    extra: Extra | None = Extra(),  # noqa: B008
    **more: Any,
) -> Path:
    fields = {"options": Options(), "cells": [], "skipped": [], "remarks": [], **more}
    return page.write(Plan(name=name, store=store, folder=folder, **fields), rows, extra)


def row(method: str, *values: float, diverged: int = 0, against: Difference | None = None) -> Row:
    mean, std = mean_std(values)
    return Row(
        *(method, "VPC 1", 1, method.lower(), "minic3d"),
        *(mean, std, None, None, 1, len(values) + diverged, diverged),
        *(4.0, 1.0, 2**20, 1000, 2.0),
        set_means={PAIR: mean},
        classes={"walk": (50.0, 4.0)} if values else {},
        against={} if against is None else {"Random": against},
    )


def test_files_hold_the_same_numbers(tmp_path: Path, tiny_store: ClipStore) -> None:
    rows = [
        row("Random", 40.0, 41.0),
        row("DM", 52.125, 60.0, against=Difference(15.5, 2.0, 6, 0, 0.01, 0.01)),
    ]
    skipped = [Skipped("DC", "VPC 1", "it broke")]
    path = write(tmp_path, tiny_store, rows, skipped=skipped, remarks=["A remark."])
    values = json.loads((tmp_path / "accuracy.json").read_text())
    assert values["rows"] == [row.flat() for row in rows]
    assert values["not_measured"] == [{"row": "DC", "column": "VPC 1", "reason": "it broke"}]
    assert values["store"]["fingerprint"] == tiny_store.fingerprint
    where = ("jobs", "on")  # they change nothing
    expected = {name: value for name, value in vars(Options()).items() if name not in where}
    assert values["options"] == json.loads(json.dumps(expected))
    with (tmp_path / "accuracy.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [float(line["mean"]) for line in lines] == [40.5, 56.0625]
    assert [line["against Random"] for line in lines] == ["", "15.5"]
    text = path.read_text()
    assert text.startswith(f"# Accuracy by method and videos per class: {tiny_store.name}\n")
    assert "top-1 in %, protocol strong, networks of each kind per set: 2; chance 33.3 %" in text
    assert "| DM | 56.1 ± 5.6 * |" in text
    assert "| DC | VPC 1 | it broke |" in text
    assert "\nA remark.\n" in text
    assert "![](accuracy.svg)" in text
    picture = (tmp_path / "accuracy.svg").read_text()
    assert "Random" in picture and "DM" in picture


@pytest.mark.parametrize(
    ("difference", "diverged", "said", "not_said"),
    [
        (Difference(5.0, 2.0, 6, 0, 0.01, 0.01), 0, "\\*: better or worse than Random", "diverged"),
        (Difference(5.0, 2.0, 6, 0, 0.01, 0.01), 0, "for the 1 comparisons of this table", "No star"),
        (Difference(5.0, None, 2, 0), 0, "at least 6 pairs are needed, and there are 2", "--margin"),
        (Difference(5.0, 2.0, 3, 1, 0.2), 0, "Pairs in which one side has no network", "diverged"),
        (None, 2, "Networks that diverged are counted", "Comparisons"),
    ],
)
def test_the_legend_says_what_there_is(
    difference: Difference | None,
    diverged: int,
    said: str,
    not_said: str,
    tmp_path: Path,
    tiny_store: ClipStore,
) -> None:
    rows = [row("Random", 40.0), row("DM", 50.0, diverged=diverged, against=difference)]
    text = write(tmp_path, tiny_store, rows).read_text()
    legend = text.partition("## Details")[0]
    assert said in legend
    assert not_said not in legend


def test_a_margin_is_recorded_and_explained(tmp_path: Path, tiny_store: ClipStore) -> None:
    level = Difference(0.5, 1.0, 6, 0, 0.5, 0.5, 0.01, "level within 2")
    rows = [row("Random", 40.0), row("DM", 40.5, against=level)]
    text = write(tmp_path, tiny_store, rows, options=Options(margin=2.0)).read_text()
    assert "Level within 2 points (--margin) needs p < 0.05 in two one-sided" in text
    assert "| DM | VPC 1 | Random | level within 2 | +0.5 ± 1.0 | 6 | 0 | 0.500 | 0.500 | 0.010 |" in text
    values = json.loads((tmp_path / "accuracy.json").read_text())
    assert values["options"]["margin"] == 2.0
    assert values["comparisons"] == {"tested": 1, "pairs_needed": 6}


def test_a_margin_that_was_changed_later_is_told_of(tmp_path: Path, tiny_store: ClipStore) -> None:
    rows = [row("Random", 40.0), row("DM", 40.5, against=Difference(0.5, 1.0, 6, 0, 0.5, 0.5, 0.01))]
    texts = []
    for margin in (None, 2.0, 2.0, 3.0):
        texts.append(write(tmp_path, tiny_store, rows, options=Options(margin=margin)).read_text())
    assert "changed" not in texts[0]
    assert "there already (none, then 2 points)" in texts[1]
    assert texts[1] == texts[2]
    assert "there already (none, then 2 points, then 3 points)" in texts[3]


def test_before_all_is_finished_the_benchmarks_own_part_is_left_out(
    tmp_path: Path, tiny_store: ClipStore
) -> None:
    text = write(tmp_path, tiny_store, [row("DM", 40.0)], "tradeoff", None).read_text()
    assert "## Equal bytes" not in text and "## Details" in text
    assert "## Equal bytes" in write(tmp_path, tiny_store, [row("DM", 40.0)], "tradeoff").read_text()


def test_sets_that_nobody_judged_have_details_alone(tmp_path: Path, tiny_store: ClipStore) -> None:
    rows = [Row("DM", "VPC 1", 1, "dm", sets=1, mib=1.0)]
    table = [{"x": 1.5}]
    extra = Extra({"own": [1]}, table, shown={"shares": table, "by_class": table})
    text = write(tmp_path, tiny_store, rows, "frames", extra).read_text()
    assert "chance" not in text and "accuracy" not in text
    assert text.index("\n\n## Frames\n\n| x |") < text.index("\n\n## Details\n\n| method |")
    assert (tmp_path / "frames.csv").read_text() == "x\n1.5\n"
    assert json.loads((tmp_path / "frames.json").read_text())["own"] == [1]
    assert not (tmp_path / "frames.svg").exists()


def test_published_figures_and_classes_where_they_are_asked_for(
    tmp_path: Path, tiny_store: ClipStore
) -> None:
    def text(name: str, **options: Any) -> str:
        return write(tmp_path, tiny_store, [row("DM", 50.0)], name, options=Options(**options)).read_text()

    assert "## Published" not in text("accuracy") and "## Classes" not in text("accuracy")
    for name in ("accuracy", "tradeoff"):
        assert "| miniUCF | prism | VPC 1 | 17.9 ± 0.3 | PRISM, DFS |" in text(name, published="all")
    assert "The papers print no figures for this." in text("taxonomy", published="all")
    assert "| walk | 50 (4.0) |" in text("accuracy", per_class=True)

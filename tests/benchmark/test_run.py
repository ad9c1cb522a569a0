"""Benchmarks end to end on a tiny store: files agree, cells are used again, foreign ones are refused."""

import csv
import html
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest

from vidcondense import cli
from vidcondense.base import files
from vidcondense.benchmark import cost, page
from vidcondense.benchmark.grids import BENCHMARKS
from vidcondense.evaluation.protocols import PROTOCOLS, Strong
from vidcondense.evaluation.trial import Trial

Call = Callable[..., int]


def rows(folder: Path, name: str) -> list[dict[str, Any]]:
    return list(json.loads((folder / f"{name}.json").read_text())["rows"])


def table(folder: Path, name: str, heading: str) -> list[dict[str, str]]:
    """The first table of the Markdown page whose head holds `heading`, a dictionary per line."""
    blocks = re.findall(r"(?:^\|.*\n)+", (folder / f"{name}.md").read_text(), re.MULTILINE)
    block = next(text for text in blocks if heading in text.splitlines()[0])
    lines = [[entry.strip() for entry in line.strip("|\n").split(" | ")] for line in block.splitlines()]
    return [dict(zip(lines[0], line, strict=True)) for line in lines[2:]]


def words_of(picture: Path) -> set[str]:
    """The texts of an SVG file."""
    return {html.unescape(text) for text in re.findall(r"<text[^>]*>([^<]+)</text>", picture.read_text())}


def colours_of(picture: Path) -> int:
    """How many colours a PNG file has."""
    pixels = matplotlib.image.imread(picture)
    return len(np.unique(pixels.reshape(-1, pixels.shape[-1]), axis=0))


def test_accuracy_and_that_all_files_agree(call: Call, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert (
        call("accuracy", "--methods", "random", "prism", "--vpc", 1, 2, "--seeds", 0, 1, "--networks", 2) == 0
    )
    found = rows(out, "accuracy")
    assert [(row["method"], row["column"]) for row in found] == [
        (method, f"VPC {vpc}") for method in ("Random", "PRISM") for vpc in (1, 2)
    ]
    with (out / "accuracy.csv").open(newline="") as file:
        listed = list(csv.DictReader(file))
    details = table(out, "accuracy", "file bytes")
    overview = table(out, "accuracy", "VPC 1")
    for row, line, detail in zip(found, listed, details, strict=True):
        for key, value in line.items():
            expected = row.get(key)
            assert value == ("" if expected is None else str(expected)), key
        shown = "-" if row["mean"] is None else f"{row['mean']:.1f}"
        assert detail["accuracy %"].split(" ± ")[0] == shown
        assert detail["key frames per video"] == f"{row['key_frames']:.2f}"
        assert detail["diverged"] == f"{row['diverged']} of {row['networks']}"
        entry = next(one for one in overview if one["method"] == row["method"])[row["column"]]
        assert entry.split()[0] == shown
    for row in found:
        evaluations = [
            json.loads(path.read_text())
            for path in sorted(out.glob(f"cells/{row['recipe']}-vpc{row['vpc']}-*/evaluations/*.json"))
        ]
        values = [100 * value for one in evaluations for value in one["top1"]["values"] if value is not None]
        assert len(evaluations) == row["sets"] == 2
        assert row["networks"] == 4
        assert row["diverged"] == 4 - len(values)
        if values:
            means = [one["top1"]["mean"] for one in evaluations if one["top1"]["mean"] is not None]
            assert row["mean"] == pytest.approx(100 * sum(means) / len(means))
        assert {one["seed"] for one in evaluations} == {0, 1}
    assert found[0]["stored_bytes"] == 3 * 4 * 3 * 32 * 32 * 4
    if any(row["mean"] is not None for row in found):
        assert {"VPC 1", "VPC 2", "Random", "PRISM", "accuracy %"} <= words_of(out / "accuracy.svg")


def test_finished_cells_are_used_again_and_shared(
    call: Call, tmp_path: Path, commands: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("accuracy", "--methods", "random", "prism", "--vpc", 1) == 0
    assert [command[0] for command in commands] == ["condense", "evaluate"] * 2
    cells = tmp_path / "out" / "cells"
    before = {path: path.stat().st_mtime_ns for path in cells.rglob("*") if path.is_file()}
    commands.clear()
    assert call("accuracy", "--methods", "random", "prism", "--vpc", 1) == 0
    assert call("storage", "--methods", "random", "prism", "--vpc", 1) == 0
    assert commands == []
    assert {path: path.stat().st_mtime_ns for path in cells.rglob("*") if path.is_file()} == before
    assert call("accuracy", "--methods", "random", "prism", "--vpc", 1, "--networks", 2) == 0
    assert [command[0] for command in commands] == ["evaluate"] * 2
    assert before.keys() < set(cells.rglob("*"))


def test_the_page_is_written_after_every_cell(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages: list[str] = []
    write = page.write

    def kept(*arguments: Any) -> Path:
        path = write(*arguments)
        pages.append(path.read_text())
        return path

    monkeypatch.setattr(page, "write", kept)
    assert call("accuracy", "--methods", "random", "prism", "--vpc", 1, "--seeds", 0, 1) == 0
    assert ["So far" in text for text in pages] == [True, True, True, False]
    assert "So far 1 of 4 cells are finished; the others are to come." in pages[0]
    assert "| Random | VPC 1 | 1 | 1 |" in pages[0] and "| PRISM | VPC 1 |" not in pages[0]
    assert "| PRISM | VPC 1 | 1 | 2 |" in pages[-1]


def test_a_second_benchmark_in_a_folder_is_refused(
    call: Call, tmp_path: Path, commands: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("storage", "--methods", "random", "--vpc", 1, 2)
    with files.lock_folder(files.make_folder(tmp_path / "out")):
        assert call(*words, learns=False) == 2
    assert "another process is working in" in capsys.readouterr().err
    assert commands == []
    assert call(*words, learns=False) == 0


def test_an_unfinished_cell_is_resumed(call: Call, tmp_path: Path, commands: list[list[str]]) -> None:
    assert call("frames", "--methods", "prism") == 0
    run = next((tmp_path / "out" / "cells").glob("prism_small-vpc1-insertion.warm*"))
    whole = (run / "condensed.safetensors").read_bytes()
    (run / "condensed.safetensors").unlink()
    described = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**described, "status": "interrupted"}))
    commands.clear()
    assert call("frames", "--methods", "prism") == 0
    assert [command[0] for command in commands] == ["condense"]
    assert "--resume" in commands[0]
    assert (run / "condensed.safetensors").read_bytes() == whole


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"recipe": {"iterations": 3}}, r"another recipe \(iterations\)"),
        ({"recipe": {"seed": 1}}, r"another recipe \(seed\)"),
        ({"recipe": {"unheard_of": 1}}, "another recipe"),
        ({"store": {"fingerprint": "x"}}, "another store than"),
        (
            {"store": {"fingerprint": "x", "classes": ["x"]}},
            r"another store \(.* only the run has 'x'.*\) than",
        ),
        ({"store": {"split": "2"}}, "another split"),
    ],
)
def test_a_foreign_cell_is_refused_in_one_line(
    call: Call,
    tmp_path: Path,
    commands: list[list[str]],
    capsys: pytest.CaptureFixture[str],
    change: dict[str, dict[str, Any]],
    message: str,
) -> None:
    assert call("storage", "--methods", "dm", "--vpc", 1) == 0
    run = next((tmp_path / "out" / "cells").iterdir())
    described = json.loads((run / "run.json").read_text())
    for part, values in change.items():
        described[part] |= values
    (run / "run.json").write_text(json.dumps(described))
    commands.clear()
    capsys.readouterr()
    assert call("storage", "--methods", "dm", "--vpc", 1) == 2
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert re.search(message, line)
    assert str(run) in line
    assert commands == []


def test_cells_that_fail_are_listed_and_stop_no_other(
    call: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("storage", "--methods", "random", "--vpc", 1, 9, 2, "--seeds", 0, 1)
    assert call(*arguments, learns=False) == 1
    said = capsys.readouterr()
    assert said.out == f"{tmp_path / 'out' / 'storage.md'}\n"
    text = (tmp_path / "out" / "storage.md").read_text()
    headings = ("Measured: MiB", "By formula", "Details", "Not measured")
    assert all(f"\n\n## {heading}" in text for heading in headings)
    failed, last = said.err.splitlines()[-2:]
    assert failed.startswith("failed: Random VPC 9: class 'ball_bounce' has 5 training videos")
    assert last == "vidcondense: 1 cell failed, listed on the page too; the same command tries again"
    assert [row["vpc"] for row in rows(tmp_path / "out", "storage")] == [1, 2]
    (reason,) = table(tmp_path / "out", "storage", "reason")
    assert reason["method"] == "Random"
    assert "5 training videos, fewer than vpc 9" in reason["reason"]


def test_nothing_but_failures_is_an_error(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("storage", "--methods", "random", "--vpc", 9, learns=False) == 2
    assert "no cell could be measured: class 'ball_bounce' has 5" in capsys.readouterr().err


def test_a_dry_run_says_the_cost_and_writes_nothing(
    call: Call,
    tmp_path: Path,
    commands: list[list[str]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cost, "MEASURING_SECONDS", 60.0)
    assert call("accuracy", "--methods", "random", "prism", "--vpc", 1, "--dry-run") == 0
    shown = capsys.readouterr().err
    assert re.search(r"2 cells; 4 steps left to run", shown)
    assert re.search(r"about .* of work left", shown)
    assert "MiB on disk" in shown
    assert "not timed" not in shown
    assert commands == []
    assert not (tmp_path / "out").exists()


def test_published_figures_stand_beside_their_dataset_alone(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = ("--methods", "prism", "--vpc", 1)
    assert call("accuracy", *quick) == 0
    assert not any("published" in key for row in rows(tmp_path / "out", "accuracy") for key in row)
    assert call("accuracy", *quick, "--published", "all") == 0
    text = (tmp_path / "out" / "accuracy.md").read_text()
    assert "| miniUCF | prism | VPC 1 | 17.9 ± 0.3 | PRISM, DFS |" in text.split("## Published figures")[1]
    assert call("accuracy", *quick, "--published", "hmdb51") == 2
    monkeypatch.setattr("vidcondense.benchmark.plan.known_dataset", lambda wanted, store: "hmdb51")
    assert call("accuracy", *quick) == 0
    (row,) = rows(tmp_path / "out", "accuracy")
    assert row["published HMDB51 (PRISM, DFS)"] == 7.5
    assert row["mean"] != 7.5
    (line,) = table(tmp_path / "out", "accuracy", "published")
    assert line["published HMDB51 (PRISM, DFS), VPC 1"] == "7.5 ± 0.3"


def test_cross_architecture_has_a_column_per_network(call: Call, tmp_path: Path) -> None:
    assert call("cross-architecture", "--methods", "random", "--network", "minic3d", learns=False) == 0
    (row,) = rows(tmp_path / "out", "cross-architecture")
    assert row["network"] == "minic3d"


def test_initial_frames_compare_with_the_first_row(call: Call, tmp_path: Path) -> None:
    assert call("initial-frames") == 0
    found = rows(tmp_path / "out", "initial-frames")
    assert [row["key_frames"] for row in found] == [2, 3, 4]
    assert "against 2 key frames" in found[1]
    assert "against 2 key frames" not in found[0]


def test_ablation_with_several_seeds_has_differences_from_the_full_method(call: Call, tmp_path: Path) -> None:
    assert call("ablation", "--seeds", 0, 1) == 0
    found = rows(tmp_path / "out", "ablation")
    names = [row["method"] for row in found]
    assert names[:2] == ["PRISM", "A: without insertion"]
    assert names[-2:] == ["D: without warm-up", "D: without cool-down"]
    assert "against PRISM" not in found[0]
    pairs = [row["against PRISM, pairs"] + row["against PRISM, left out"] for row in found[1:]]
    assert pairs == [2] * len(pairs)


def test_tradeoff_adds_videos_until_bytes_are_equal(call: Call, tmp_path: Path) -> None:
    methods = ("random", "dm", "prism", "wang")
    assert call("tradeoff", "--methods", *methods, "--set", "insertion.kind=none") == 0
    found = {(row["method"], row["column"]): row for row in rows(tmp_path / "out", "tradeoff")}
    equal = "bytes of Random at VPC 1"
    assert found["PRISM", equal]["vpc"] == 2  # 2 of 4 frames
    assert found["DM", equal]["vpc"] == 1
    assert ("DM + Wang", equal) not in found  # memories of one video take more than 4 frames
    (missing,) = table(tmp_path / "out", "tradeoff", "reason")
    assert (missing["method"], missing["column"]) == ("DM + Wang", equal)
    assert found["PRISM", equal]["stored_bytes"] == found["Random", "VPC 1"]["stored_bytes"]
    assert "against Random" in found["PRISM", equal]
    words = words_of(tmp_path / "out" / "tradeoff-plot.svg")
    assert {"MiB on disk", "seconds of condensing"} <= words
    judged = [row for row in found.values() if row["mean"] is not None]
    assert {f"{row['method']}, VPC {row['vpc']}" for row in judged} <= words
    assert found["PRISM", "VPC 1"]["file_bytes"] < found["DM", "VPC 1"]["file_bytes"]


def test_frames_counts_what_is_kept(call: Call, tmp_path: Path) -> None:
    assert call("frames", "--set", "insertion.threshold=1.0") == 0
    values = json.loads((tmp_path / "out" / "frames.json").read_text())
    kept = [line for line in values["frames"] if line["method"] == "PRISM"]
    assert [line["frame 0"] for line in kept] == [1, 1, 1]
    assert all(line["key_frames"] == sum(line[f"frame {time}"] for time in range(4)) for line in kept)
    inserted = len(values["insertions"]["D: without cool-down"])
    row = next(one for one in values["rows"] if one["method"] == "D: without cool-down")
    assert row["key_frames"] * 3 == 6 + inserted
    assert inserted
    out = tmp_path / "out"
    titles = {f"{method}: share of videos that keep a frame" for method in values["insertions"]}
    counts = {f"{len(events)} insertions" for events in values["insertions"].values()}
    assert titles | counts <= words_of(out / "frames.svg")
    assert len(list(csv.DictReader((out / "frames.csv").read_text().splitlines()))) == len(values["frames"])
    shares = table(out, "frames", "share of videos")
    assert all(line["0"] == line["3"] == "1.00" for line in shares)
    assert colours_of(out / "frames-pictures.png") > 50


def test_retrieval_with_condensed_sets_is_not_done_twice(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("retrieval", "--methods", "random", "prism")
    trained: list[int] = []
    once = Trial.trained
    monkeypatch.setattr(Trial, "trained", lambda *given: (trained.append(1), once(*given))[1])
    assert call(*arguments) == 0
    first = json.loads((tmp_path / "out" / "retrieval.json").read_text())["recalls"]
    assert [line["method"] for line in first] == ["random weights", "Random", "PRISM"]
    for line in first:
        assert line["networks"] + line["diverged"] == 1
        assert line["R@1"] is None or 0 <= line["R@1"] <= line["R@5"] <= line["R@10"] <= 100
    assert len(table(tmp_path / "out", "retrieval", "R@1")) == 3
    assert call(*arguments) == 0
    assert len(trained) == 2
    assert json.loads((tmp_path / "out" / "retrieval.json").read_text())["recalls"] == first
    assert call(*arguments, "--networks", 2) == 0
    assert len(trained) == 4
    assert call(*arguments, "--networks", 2, "--clips", 1) == 0
    assert len(trained) == 8, "other videos are searched"


def test_motion_of_condensed_clips_beside_real_and_still_ones(call: Call, tmp_path: Path) -> None:
    assert call("motion", "--methods", "random", "prism", "--vpc", 2, "--seeds", 0, 1) == 0
    found = json.loads((tmp_path / "out" / "motion.json").read_text())["recognised"]
    assert [line["clips"] for line in found] == ["real test clips", "Random", "PRISM"]
    for line in found:
        assert line["stilled"] == pytest.approx(100 / 3)
        assert 0 <= line["as they are"] <= 100
    assert len(table(tmp_path / "out", "motion", "frames shuffled")) == 3


def test_flow_of_condensed_clips_beside_real_ones(call: Call, tmp_path: Path) -> None:
    pytest.importorskip("cv2", reason="OpenCV is not installed: pip install 'vidcondense[flow]'")
    assert call("flow", "--methods", "random", "prism", "--vpc", 2) == 0
    values = json.loads((tmp_path / "out" / "flow.json").read_text())
    lines = values["end_point_error"]
    assert len(lines) == 4
    for method in ("no motion", "Random", "PRISM"):
        assert lines[-1][method] == pytest.approx(sum(line[method] for line in lines[:3]) / 3)
        assert all(line[method] > 0 for line in lines)
    assert colours_of(tmp_path / "out" / "flow.png") > 50
    shown = table(tmp_path / "out", "flow", "no motion")
    assert [line["Random"] for line in shown] == [f"{line['Random']:.3f}" for line in lines]


def test_a_grid_with_classes(call: Call, tmp_path: Path) -> None:
    cells = ("--cell", "a=--recipe random", "--cell", "b=--recipe dm_small --vpc 1")
    assert call("grid", *cells, "--seeds", 0, 1, "--evaluation-seed", 0, "--per-class") == 0
    found = rows(tmp_path / "out", "grid")
    assert [row["method"] for row in found] == ["a", "b"]
    if found[0]["mean"] is not None:
        assert len(table(tmp_path / "out", "grid", "class |")) == 3
    seeds = [json.loads(path.read_text())["seed"] for path in (tmp_path / "out").rglob("evaluations/*.json")]
    assert seeds == [0] * 4


def test_storage_by_formula_needs_no_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from vidcondense import cli

    monkeypatch.setattr("sys.argv", ["vidcondense", "benchmark", "storage", "--out", str(tmp_path / "out")])
    cli.main()
    lines = json.loads((tmp_path / "out" / "storage.json").read_text())["formula"]
    wang = next(one for one in lines if one["method"] == "DM + Wang" and one["vpc"] == 5)
    assert f"| miniUCF | DM + Wang | 5 | {wang['mib']:.1f} |" in (tmp_path / "out" / "storage.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nonsense",), "no benchmark 'nonsense'; known: accuracy"),
        (("accuracy", "--vpc", 0), "--vpc must be at least 1"),
        (("accuracy", "--clips", 0), "--clips must be at least 1"),
        (("accuracy", "--published", "ucf"), "--published must be one of auto, none"),
        (("accuracy", "--cell", "a=--recipe dm"), "--cell is for benchmark grid"),
        (("accuracy", "--set", "iteration=2"), "did you mean 'iterations'"),
        (("accuracy", "--splits", "7"), "no split '7'"),
        (("grid",), "grid needs cells"),
    ],
)
def test_bad_options_are_one_line(
    call: Call,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[object, ...],
    message: str,
) -> None:
    assert call(*arguments) == 2  # type: ignore[arg-type]
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert message in line
    assert not (tmp_path / "out").exists()


def test_list_names_every_benchmark(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from vidcondense import cli

    monkeypatch.setattr("sys.argv", ["vidcondense", "benchmark", "--list"])
    cli.main()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(BENCHMARKS)
    assert all(len(line.split()) > 4 for line in lines)


def test_accuracy_against_bytes(
    tmp_path: Path, tiny_store_path: Path, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PROTOCOLS, "strong", lambda: Strong(steps=4, epochs=1))  # type: ignore[arg-type]
    out = tmp_path / "out"
    words = ["benchmark", "bytes", tiny_store_path, "--out", out, "--networks", 1, "--network", "minic3d"]
    words += ["--budgets", "900", "1600", "6KB", "--steps", 3, 2]
    words += ["--methods", "random", "every_video", "whole"]
    monkeypatch.setattr(sys, "argv", ["vidcondense", *map(str, words)])
    cli.main()
    found = rows(out, "bytes")
    assert [(row["method"], row["column"]) for row in found if row["recipe"]] == [
        (method, column)
        for method in ("Random", "Whole dataset, coded")
        for column in ("1600", "6KB", "1600, 2 steps")
        if (method, column[:4]) != ("Whole dataset, coded", "1600")
    ]
    for row in found:
        if row["recipe"]:
            assert row["file_bytes"] <= row["budget"] < 8 * row["file_bytes"]
            assert row["vpc"] >= 1 and row["steps"] == (2 if "2 steps" in row["column"] else 3)
    skipped = json.loads((out / "bytes.json").read_text())["not_measured"]
    assert {(one["row"], one["column"]) for one in skipped} >= {
        ("Random", "900"),
        ("Whole dataset, coded", "1600"),
    }
    text = (out / "bytes.md").read_text()
    assert "does not hold one video of each class" in text and "## Networks in place of clips" in text
    (network,) = json.loads((out / "bytes.json").read_text())["networks"]
    assert network["network"] == "minic3d" and network["bytes"] > 1e5 and network["networks"] == 1
    assert {"Random", "Whole dataset, coded", "training steps", "minic3d, 8 bits", "1 KB"} <= words_of(
        out / "bytes.svg"
    )
    condensed = [words for words in commands if words[0] == "condense"]
    assert len(condensed) == 3  # methods and budgets: steps need no further sets
    assert len([words for words in commands if words[0] == "evaluate"]) == 4 + 1


@pytest.mark.parametrize(
    ("name", "words", "message"),
    [
        ("accuracy", ("--budgets", "8KB"), "--budgets is for benchmark bytes, not for accuracy"),
        ("bytes", ("--vpc", "1"), "has as many videos as --budgets hold: leave --vpc out"),
        ("grid", ("--steps", "3", "4"), "several --steps are for benchmark bytes; grid wants one number"),
        (
            "bytes",
            ("--budgets", "much"),
            "--budgets wants a number of bytes such as 64KB or 1MiB, not 'much'",
        ),
        ("bytes", ("--steps", "0"), "--steps must be at least 1"),
    ],
)
def test_options_of_bytes_that_do_not_fit_are_refused(
    name: str,
    words: tuple[str, ...],
    message: str,
    call: Call,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert call(name, *words, learns=False) == 2
    assert message in " ".join(capsys.readouterr().err.split())

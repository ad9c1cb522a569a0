"""A benchmark of which a cell has failed never ends with exit code 0, whatever it measures."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from vidcondense import cli
from vidcondense.benchmark.grids import BENCHMARKS

Call = Callable[..., int]
ROWS = {
    "accuracy": ("--methods", "random", "dm", "whole", "--vpc", 1),
    "storage": ("--methods", "random", "dm", "--vpc", 1),
    "cross-architecture": ("--methods", "random", "dm", "--network", "minic3d", "cnn_mean"),
    "flow": ("--methods", "random", "dm", "--vpc", 1),
    "tradeoff": ("--methods", "random", "dm", "--vpc", 1),
    "bytes": ("--methods", "random", "dm", "--budgets", "9KB"),
    "grid": ("--cell", "a=--recipe dm_small", "--cell", "b=--recipe dm_small --vpc 2"),
}
"""Few cells, where a benchmark leaves them to the user."""


@pytest.fixture
def fail(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[list[str]], bool]], None]:
    """Has commands of cells fail, in one line as they do."""
    original = cli.main

    def choose(failing: Callable[[list[str]], bool]) -> None:
        def main() -> None:
            if sys.argv[1] != "benchmark" and failing(sys.argv[1:]):
                print("vidcondense: out of luck", file=sys.stderr)
                sys.exit(2)
            original()

        monkeypatch.setattr(cli, "main", main)

    return choose


def all_but(name: str) -> Callable[[list[str]], bool]:
    """Every command fails but those of the first cell for which one is given."""
    first: list[str] = []

    def failing(words: list[str]) -> bool:
        cell = next(part for word in words for part in Path(word).parts if "-split1-" in part)
        first.append(cell)
        return cell != first[0]

    return failing


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_failed_cell_is_named_and_ends_with_1_as_often_as_it_is_tried(
    name: str,
    call: Call,
    fail: Callable[..., None],
    commands: list[list[str]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if name == "flow":
        pytest.importorskip("cv2", reason="OpenCV is not installed: pip install 'vidcondense[flow]'")
    fail(all_but(name))
    for again in (False, True):
        commands.clear()
        assert call(name, *ROWS.get(name, ())) == 1
        said = capsys.readouterr()
        assert said.out == f"{tmp_path / 'out' / name}.md\n"
        assert "failed, listed on the page too; the same command tries again" in said.err.splitlines()[-1]
        assert said.err.count("failed: ") >= 1 and "next:" not in said.err
        assert "out of luck" in (tmp_path / "out" / f"{name}.md").read_text()
        assert commands, "what has failed is tried again"
        assert not again or all(command[0] != "condense" or "--resume" not in command for command in commands)


def test_interrupted_and_repeated_it_says_so_too(
    call: Call, fail: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    fails = all_but("accuracy")
    count: list[int] = []

    def stopped(words: list[str]) -> bool:
        count.append(1)
        if len(count) == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return fails(words)

    fail(stopped)
    words = ("accuracy", "--methods", "random", "dm", "herding", "--vpc", 1)
    codes = [call(*words) for _ in range(3)]
    assert codes == [130, 1, 1]
    fail(lambda words: False)
    assert call(*words) == 0
    assert capsys.readouterr().err.splitlines()[-1].startswith("next: vidcondense benchmark accuracy")


def test_a_number_of_videos_that_could_not_be_tried_is_a_failure(
    call: Call, fail: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """PRISM has room for 2 videos where random selection keeps 4 frames; its cell with 2 fails."""
    fail(lambda words: words[0] == "condense" and "--vpc 2" in " ".join(words) and "prism" in " ".join(words))
    words = ("tradeoff", "--methods", "random", "prism", "--set", "insertion.kind=none")
    for _ in range(2):
        assert call(*words) == 1
        said = capsys.readouterr().err
        assert "failed: PRISM prism_small-vpc2-" in said and "out of luck" in said
    assert "prism_small-vpc2-" in (tmp_path / "out" / "tradeoff.md").read_text()


def test_a_number_of_videos_beyond_that_of_the_classes_is_none(call: Call, fail: Callable[..., None]) -> None:
    """Random selection of all 5 videos takes the bytes of 10 of PRISM, which no class has."""
    words = ("tradeoff", "--methods", "random", "prism", "--vpc", 5, "--set", "insertion.kind=none")
    assert call(*words) == 0


def test_force_measures_all_cells_anew(call: Call, commands: list[list[str]], tmp_path: Path) -> None:
    words = ("accuracy", "--methods", "random", "dm", "whole", "--vpc", 1)
    assert call(*words) == 0
    made = [command[0] for command in commands]
    run = next((tmp_path / "out" / "cells").glob("dm_small-*"))
    before = {path: path.read_bytes() for path in run.rglob("*.safetensors")}
    text = (run / "run.json").read_text()
    (run / "run.json").write_text(text.replace('"iterations": 2', '"iterations": 3'))
    assert call(*words) == 2
    commands.clear()
    assert call(*words, "--force") == 0
    assert [command[0] for command in commands] == made == [*["condense", "evaluate"] * 2, "evaluate"]
    assert {path: path.read_bytes() for path in run.rglob("*.safetensors")} == before
    commands.clear()
    assert call(*words) == 0
    assert commands == []
    assert call(*words, "--force", "--dry-run") == 2


def test_force_measures_cells_at_equal_bytes_once(call: Call, commands: list[list[str]]) -> None:
    words = ("tradeoff", "--methods", "random", "prism", "--set", "insertion.kind=none")
    assert call(*words) == 0
    made = sorted(map(str, commands))
    commands.clear()
    assert call(*words, "--force") == 0
    assert sorted(map(str, commands)) == made

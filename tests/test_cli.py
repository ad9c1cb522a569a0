"""The command as a user meets it: the whole way, help, and bad input in one line with exit code 2."""

import subprocess
import sys
from pathlib import Path

import pytest

from vidcondense import cli

COMMANDS = ("demo", "generate", "prepare", "condense", "evaluate", "report", "show", "export", "recipes")


def call(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Run the command in this process; returns its exit code."""
    monkeypatch.setattr(sys, "argv", ["vidcondense", *map(str, arguments)])
    try:
        cli.main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    """Run the command, expect exit code 2 and one line on standard error; returns the line."""

    def check(*arguments: object) -> str:
        capsys.readouterr()
        assert call(monkeypatch, *arguments) == 2
        lines = capsys.readouterr().err.strip().splitlines()
        assert len(lines) == 1, lines
        return lines[0]

    return check


def test_the_whole_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clips, store, run = tmp_path / "clips", tmp_path / "store", tmp_path / "run"
    small = ("--size", 48, "--frames", 8, "--workers", 1)
    steps: list[tuple[object, ...]] = [
        ("generate", "motion", clips, "--classes", 2, "--train-per-class", 2, "--test-per-class", 1, *small),
        ("prepare", clips, store, "--frames", 4, "--stride", 2, "--size", 32, "--workers", 1),
        ("condense", store, "--recipe", "prism_small_debug", "--out", run, "--set", "flip=0", "--seed", 3),
        ("evaluate", run, store, "--networks", 1),
        ("report", run, "--out", tmp_path / "report.html"),
        ("show", run),
        ("export", run, tmp_path / "mp4"),
        ("export", run / "condensed.safetensors", tmp_path / "png", "--format", "frames"),
        ("recipes",),
    ]
    for step in steps:
        assert call(monkeypatch, *step) == 0, step
    printed = capsys.readouterr().out
    assert "2 videos" in printed
    assert "top-1" in printed
    assert "prism_small" in printed
    assert (run / "evaluations" / "strict-minic3d.json").is_file()
    assert (tmp_path / "report.html").stat().st_size > 1000
    assert len(list((tmp_path / "mp4").rglob("*.mp4"))) == 2
    assert list((tmp_path / "png").rglob("*.png"))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, command, "--help") == 0
    assert len(capsys.readouterr().out) > 100


def test_bad_input_is_one_line_with_the_mend(tiny_store_path: Path, tmp_path: Path, refused) -> None:  # type: ignore[no-untyped-def]
    assert "no folder at" in refused("prepare", tmp_path / "nowhere", tmp_path / "store")
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "video" in refused("prepare", empty, tmp_path / "store")
    assert "not a store" in refused("condense", empty, "--out", tmp_path / "run")
    assert "--out" in refused("condense", tiny_store_path)
    assert "--resume" in refused("condense")
    assert "did you mean 'prism'" in refused(
        "condense", tiny_store_path, "--recipe", "pris", "--out", tmp_path / "r"
    )
    line = refused("condense", tiny_store_path, "--set", "optimizer.lr=1", "--out", tmp_path / "r")
    assert "did you mean 'optimiser" in line
    line = refused("condense", tiny_store_path, "--split", "9", "--out", tmp_path / "r")
    assert "no split '9'" in line
    line = refused("condense", tiny_store_path, "--set", "frames=16", "--out", tmp_path / "r")
    assert "recipe wants 16" in line
    assert "not a run folder" in refused("condense", "--resume", empty)
    assert "device 'tpu'" in refused("condense", tiny_store_path, "--device", "tpu", "--out", tmp_path / "r")
    assert "no condensed file" in refused("show", tmp_path / "nothing.safetensors")
    assert "no condensed file" in refused("evaluate", empty, tiny_store_path)
    assert "not a run folder" in refused("report", empty)
    text = tmp_path / "notes.safetensors"
    text.write_text("not a condensed file")
    assert "cut short or not ours" in refused("export", text, tmp_path / "out")
    assert not (tmp_path / "r").exists()


def test_a_target_below_a_file_is_one_line(tiny_store_path: Path, tmp_path: Path, refused) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "file"
    file.write_text("")
    assert "cannot create folder" in refused(
        "condense", tiny_store_path, "--recipe", "random", "--out", file / "run"
    )


def test_usage_errors_exit_with_2(monkeypatch: pytest.MonkeyPatch) -> None:
    assert call(monkeypatch, "condense", "--nonsense") == 2
    assert call(monkeypatch) == 2


def test_help_does_not_wait_for_torch() -> None:
    code = "import sys; from vidcondense import cli; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

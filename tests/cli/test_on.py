"""Where the units of commands run: every command that has units takes --on, and refuses in one line."""

import json
import sys
from pathlib import Path

import pytest

from vidcondense import cli
from vidcondense.base.errors import UnitsFailed
from vidcondense.run import shards
from vidcondense.work import engines

QUICK = ("--set", "iterations=1", "--set", "objective.batch_real=2")
COMMANDS = {
    "prepare": ("{clips}", "{out}", "--frames", "4", "--size", "32"),
    "condense": ("{store}", "--out", "{out}", "--recipe", "dm_small", "--shards", "2", *QUICK),
    "condense in 16": ("{store}", "--out", "{out}", "--recipe", "dm_small", *QUICK),
    "experts": ("{store}", "--out", "{out}", "--network", "cnn_mean", "--experts", "1", "--epochs", "1"),
    "evaluate": (
        "{store}",
        "--out",
        "{out}/made.json",
        "--network",
        "cnn_mean",
        "--networks",
        "1",
        "--steps",
        "2",
    ),
    "benchmark": (
        "storage",
        "{store}",
        "--out",
        "{out}",
        "--methods",
        "random",
        "--vpc",
        "1",
        "--no-controls",
    ),
}


def run(name: str, store: Path, out: Path, patch: pytest.MonkeyPatch, *more: str) -> int:
    """A command in this process; its exit code."""
    paths = {"store": store, "clips": store.parent / "clips", "out": out}
    words = [name.split()[0], *(word.format(**paths) for word in COMMANDS[name]), *more]
    patch.setattr(sys, "argv", ["vidcondense", *words])
    try:
        cli.main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize(
    ("more", "line"),
    [
        (("--on", "slurm"), "--on must be here, ray or ray://HOST:PORT, not 'slurm'"),
        (("--on", "ray"), "pip install 'vidcondense[ray]'"),
    ],
)
def test_every_command_with_units_takes_on(
    name: str,
    more: tuple[str, ...],
    line: str,
    tiny_store_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert run(name, tiny_store_path, tmp_path / "out", monkeypatch, *more) == 2
    assert line in capsys.readouterr().err.splitlines()[-1]


def test_jobs_are_for_this_machine(
    tiny_store_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("condense", "experts", "evaluate", "benchmark"):
        out = tmp_path / name
        assert run(name, tiny_store_path, out, monkeypatch, "--on", "ray", "--jobs", "2") == 2
        assert "--jobs is for this machine; leave it out" in capsys.readouterr().err.splitlines()[-1]
        assert not out.exists()


def test_units_that_failed_end_a_command_with_1(
    tiny_store_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise UnitsFailed("failed: shard-2\n  its log\nvidcondense: 1 of 2 units failed")

    monkeypatch.setattr(shards, "condense_in_shards", fail)
    assert run("condense", tiny_store_path, tmp_path / "out", monkeypatch) == 1
    said = capsys.readouterr().err.splitlines()
    assert said[-3:] == ["failed: shard-2", "  its log", "vidcondense: 1 of 2 units failed"]


def test_several_gpus_make_no_shards_of_a_run(
    tiny_store_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "gpus_of", lambda device: 2)
    out = tmp_path / "out"
    words = ["condense", tiny_store_path, "--out", out, "--recipe", "random", "--vpc", 1, "--device", "cpu"]
    for again in (words, ["condense", "--resume", out]):
        monkeypatch.setattr(sys, "argv", ["vidcondense", *map(str, again)])
        cli.main()
        assert "shards" not in json.loads((out / "run.json").read_text())

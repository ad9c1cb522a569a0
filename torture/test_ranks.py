"""Under torchrun: the same results from any number of processes, also when one of them is killed."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import quick

from vidcondense import toys
from vidcondense.data.prepare import prepare

TOKEN = "VIDCONDENSE_TEST"
PATIENCE = 900.0
"""Seconds, on a machine that others use too."""
CONDENSE = (*quick.words("prism_small"), "--set", "iterations=150", "--set", "objective.batch_real=3")
EVALUATE = ("--networks", "4", "--device", "cpu")
BENCHMARK = ("--methods", "random", "prism", "--seeds", "0", "1", "--vpc", "1", "--networks", "1")
QUICK = ("--set", "iterations=40", "--set", "objective.batch_real=2", "--published", "none")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ranks")
    counts = {"train_per_class": 4, "test_per_class": 2, "classes": 6}
    source = toys.generate("actions", folder / "clips", **counts, frames=16, size=48, workers=1)
    prepare(source, folder / "store", frames=4, size=32, workers=1, progress=False)
    return folder / "store"


class Torchrun:
    """A running `torchrun -m vidcondense ...`."""

    def __init__(self, processes: int, *words: object, restarts: int = 0) -> None:
        self.token = uuid.uuid4().hex
        options = ["--standalone", "--nproc-per-node", processes, "--max-restarts", restarts]
        command = [sys.executable, "-m", "torch.distributed.run", *options, "-m", "vidcondense", *words]
        self.process = subprocess.Popen(
            list(map(str, command)),
            env={**os.environ, TOKEN: self.token, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def processes(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Process ids that belong to this run, with their environment."""
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                pairs = (folder / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            found = dict(pair.decode(errors="replace").split("=", 1) for pair in pairs if b"=" in pair)
            if found.get(TOKEN) == self.token:
                yield int(folder.name), found

    def kill(self, rank: int) -> None:
        """SIGKILL one process."""
        (found,) = [pid for pid, found in self.processes() if found.get("RANK") == str(rank)]
        os.kill(found, signal.SIGKILL)

    def end(self) -> str:
        """Wait for the end, of which no process may be left; what was printed."""
        said, _ = self.process.communicate(timeout=PATIENCE)
        assert not list(self.processes())
        return said


def wait_for(there: Callable[[], bool], run: Torchrun) -> None:
    until = time.monotonic() + PATIENCE
    while not there():
        if time.monotonic() > until:
            run.process.terminate()
            pytest.fail(run.end())
        assert run.process.poll() is None, run.end()
        time.sleep(0.01)


def named(said: str, rank: int) -> bool:
    """Whether torchrun says which process failed, and how."""
    return f"rank      : {rank} " in said and "Signal 9 (SIGKILL)" in said


def lines(path: Path) -> int:
    return len(path.read_bytes().splitlines()) if path.is_file() else 0


@pytest.fixture(scope="module")
def whole(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in shards by a single process."""
    out = tmp_path_factory.mktemp("whole") / "run"
    command = [sys.executable, "-m", "vidcondense", "condense", store, "--out", out, *CONDENSE, "--shards", 4]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(list(map(str, command)), check=True, env=environment, capture_output=True)
    return out


def same(out: Path, whole: Path) -> bool:
    names = ("condensed.safetensors", "metrics.jsonl")
    clean = sorted(path.name for path in out.iterdir()) == sorted(path.name for path in whole.iterdir())
    return clean and all((out / name).read_bytes() == (whole / name).read_bytes() for name in names)


def condense(store: Path, out: Path) -> tuple[object, ...]:
    return ("condense", store, "--out", out, *CONDENSE, "--shards", 4)


def test_condense_gives_the_same_bytes(store: Path, whole: Path, tmp_path: Path) -> None:
    run = Torchrun(4, *condense(store, tmp_path / "run"))
    said = run.end()
    assert run.process.returncode == 0, said
    assert same(tmp_path / "run", whole)


@pytest.mark.parametrize("rank", [0, 1])
def test_condense_restarts_by_itself(rank: int, store: Path, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    run = Torchrun(2, *condense(store, out), restarts=3)
    for number, least in ((rank, 20), (rank + 2, 60)):  # in its first shard, then in its second
        wait_for(lambda: lines(out / "shards" / f"{number:03d}" / "metrics.jsonl") > least, run)  # noqa: B023
        run.kill(rank)
    said = run.end()
    assert run.process.returncode == 0, said
    assert same(out, whole)


def test_condense_stops_names_the_dead_and_goes_on_with_others(
    store: Path, whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    run = Torchrun(2, *condense(store, out))
    wait_for(lambda: lines(out / "shards" / "001" / "metrics.jsonl") > 20, run)
    run.kill(1)
    said = run.end()
    assert run.process.returncode
    assert named(said, 1), said
    assert not (out / "condensed.safetensors").exists()
    again = Torchrun(3, *condense(store, out))
    said = again.end()
    assert again.process.returncode == 0, said
    assert same(out, whole)


def written(path: Path) -> dict[str, Any]:
    return {**json.loads(path.read_text()), "seconds": 0}


def test_evaluate(store: Path, whole: Path, tmp_path: Path) -> None:
    single, out = tmp_path / "single.json", tmp_path / "shared.json"
    words = ("evaluate", whole, store, *EVALUATE)
    command = [sys.executable, "-m", "vidcondense", *words, "--out", single]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(list(map(str, command)), check=True, env=environment, capture_output=True)
    run = Torchrun(2, *words, "--out", out, restarts=1)
    wait_for(lambda: (out.with_suffix(".networks") / "001.json").is_file(), run)
    run.kill(1)
    said = run.end()
    assert run.process.returncode == 0, said
    assert written(out) == written(single)
    assert not out.with_suffix(".networks").exists()
    cut = tmp_path / "cut.json"
    run = Torchrun(3, *words, "--out", cut)
    wait_for(lambda: (cut.with_suffix(".networks") / "002.json").is_file(), run)
    run.kill(0)
    said = run.end()
    assert run.process.returncode
    assert named(said, 0), said
    assert not cut.exists()
    run = Torchrun(2, *words, "--out", cut)
    said = run.end()
    assert run.process.returncode == 0, said
    assert written(cut) == written(single)


def rows(folder: Path) -> list[dict[str, Any]]:
    found = json.loads((folder / "accuracy.json").read_text())["rows"]
    return [{name: value for name, value in row.items() if "seconds" not in name} for row in found]


def test_benchmark(store: Path, tmp_path: Path) -> None:
    single, out = tmp_path / "single", tmp_path / "shared"
    words = ("benchmark", "accuracy", store, *BENCHMARK, *QUICK)
    command = [sys.executable, "-m", "vidcondense", *words, "--out", single, "--jobs", 2]
    subprocess.run(list(map(str, command)), check=True, capture_output=True)
    run = Torchrun(2, *words, "--out", out, restarts=1)
    logs = "cells/prism_small*/metrics.jsonl"
    wait_for(lambda: any(lines(path) > 5 for path in out.glob(logs)), run)
    run.kill(1)  # and not the command that it runs, which goes on and keeps its cell's lock
    said = run.end()
    assert run.process.returncode == 0, said
    assert rows(out) == rows(single)

"""Runs the benchmark's commands in this process, so that a cell costs a fraction of a second."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import command
import pytest

from vidcondense import cli
from vidcondense.benchmark import cost
from vidcondense.evaluation.protocols import PROTOCOLS, Strict
from vidcondense.work import here, process, queue
from vidcondense.work.unit import Job


class InProcess:
    """Stands in for a process of the queue: runs the command at once, its errors go to the log."""

    calls: list[list[str]]
    stdin = None
    pid = 2**31 - 1

    def __init__(self, job: Job, more: Any) -> None:
        self.calls.append(list(job.words[1:]))
        before, sys.argv = sys.argv, list(job.words)
        streams = sys.stdout, sys.stderr
        self.returncode = 0
        try:
            with open(job.log, "w") as log:  # noqa: PTH123
                sys.stdout = sys.stderr = log
                cli.main()
        except SystemExit as stop:
            self.returncode = int(stop.code or 0)
        finally:
            sys.argv = before
            sys.stdout, sys.stderr = streams

    def poll(self) -> int:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        return self.returncode


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Commands run in this process and are listed; `strict` trains for a few steps only."""
    calls: list[list[str]] = []
    monkeypatch.setattr(process, "start", type("Recorded", (InProcess,), {"calls": calls}))
    monkeypatch.setattr(here, "POLL_SECONDS", 0.0)
    monkeypatch.setattr(queue, "RETRY_SECONDS", 0.0)
    monkeypatch.setattr(cost, "MEASURING_SECONDS", 0.0)
    monkeypatch.setitem(PROTOCOLS, "strict", lambda: Strict(steps=4, epochs=1))  # type: ignore[arg-type]
    return calls


@pytest.fixture
def call(
    monkeypatch: pytest.MonkeyPatch, commands: list[list[str]], tiny_store_path: Path, tmp_path: Path
) -> Callable[..., int]:
    """`vidcondense benchmark NAME STORE --out tmp_path/out ...` with tiny settings; returns the exit code.

    `learns=False` is for methods that only select clips, and would refuse settings of learning.
    """
    small = ("--set", "iterations=2", "--set", "objective.batch_real=2")

    def run(name: str, *arguments: object, learns: bool = True) -> int:
        words = ["benchmark", name, tiny_store_path, "--out", tmp_path / "out", "--networks", "1"]
        words += ["--protocol", "strict", "--no-controls"]
        words += [*(small if learns else ()), *arguments]
        return command.call(monkeypatch, *words)

    return run

"""Which command comes next, how many run at a time, and stopping without losing anything."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from vidcondense.benchmark import runner
from vidcondense.benchmark.cell import Cell, Choices
from vidcondense.benchmark.options import Options
from vidcondense.benchmark.tasks import tasks_of
from vidcondense.data.store import ClipStore
from vidcondense.run.folder import RunFolder
from vidcondense.work import here, process, queue
from vidcondense.work.unit import Job


def test_the_whole_dataset_is_trained_on_the_store_itself(tiny_store: ClipStore, tmp_path: Path) -> None:
    cell = Choices(overrides=("flip=0", "iterations=3")).cell("whole", "", 0)
    options = Options(networks=2, evaluation_seed=5, device="cpu")
    (task,) = tasks_of([cell], options, tmp_path)
    step = runner.next_step(task, tiny_store)
    assert step is not None
    assert step[:3] == ["evaluate", str(tiny_store.path), str(tiny_store.path)]
    pairs = dict(zip(step[3::2], step[4::2], strict=True))
    assert pairs.pop("--out").startswith(str(tmp_path / "cells" / "whole-flip=0-split1-seed0"))
    assert pairs == {
        "--network": "minic3d+convnet3d",
        "--networks": "2",
        "--protocol": "strong",
        "--seed": "5",
        "--flip": "0",
        "--split": "1",
        "--device": "cpu",
        "--precision": "auto",
    }


def finish(out: Path) -> None:
    """What a finished run leaves, as far as the runner looks."""
    out.mkdir(parents=True)
    (out / "condensed.safetensors").touch()
    described: dict[str, Any] = {
        "format": 1,
        "status": "finished",
        "recipe": {},
        "precision": "float32",
        "seconds": 0.0,
    }
    described["store"] = {"path": "", "split": "1", "fingerprint": ""}
    (out / "run.json").write_text(json.dumps(described))


class Slow:
    """A process that takes a few polls, and makes what it was asked for; those of seed 1 fail."""

    running = most = 0
    jobs: list[Job]
    stdin = None

    def __init__(self, job: Job, more: Any) -> None:
        self.polls, self.returncode = 0, 0
        self.out = Path(job.words[job.words.index("--out") + 1])
        type(self).running += 1
        type(self).most = max(self.most, self.running)
        self.jobs.append(job)

    def poll(self) -> int | None:
        self.polls += 1
        if self.polls < 4:
            return None
        if self.polls == 4:
            type(self).running -= 1
            if "seed1" in self.out.name:
                self.returncode = 2
            else:
                finish(self.out)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        return self.returncode


@pytest.mark.parametrize(("jobs", "threads"), [(1, 0), (3, 1)])
def test_as_many_run_side_by_side_as_jobs(
    jobs: int, threads: int, tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One at a time has the threads that it would have anyway."""
    kind = type("Counted", (Slow,), {"jobs": []})
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(process, "start", kind)
    monkeypatch.setattr(here, "POLL_SECONDS", 0.0)
    monkeypatch.setattr(queue, "RETRY_SECONDS", 0.0)
    options = Options(jobs=jobs, seeds=tuple(range(5)))
    tasks = tasks_of([Cell("a", "", "random", 1)], options, tmp_path)
    told: list[int] = []

    def work() -> dict[Path, str]:
        engine = here.Processes(jobs)
        return runner.run_tasks(tasks, tiny_store, options, tmp_path / "logs", engine, lambda: told.append(1))

    failed = work()
    assert list(failed) == [task.folder for task in tasks if task.seed == 1]
    assert kind.most == jobs
    assert [job.threads for job in kind.jobs] == [threads] * 7  # one was tried three times
    assert len(told) == 5
    assert work() == failed
    assert len(kind.jobs) == 10, "a later command tries what has failed again, and nothing else"


def test_ctrl_c_saves_the_state_of_what_runs(tiny_store_path: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "vidcondense", "benchmark", "storage", str(tiny_store_path)]
    command += ["--out", str(out), "--methods", "prism", "--vpc", "1"]
    command += ["--set", "iterations=1000000", "--set", "objective.batch_real=2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, start_new_session=True
    )
    try:
        deadline = time.monotonic() + 300
        metrics: list[Path] = []
        while time.monotonic() < deadline and process.poll() is None:
            metrics = list(out.glob("cells/*/metrics.jsonl"))
            if metrics and metrics[0].stat().st_size > 1000:
                break
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the whole group
        _, shown = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 130, shown
    assert b"the same command goes on" in shown.splitlines()[-1]
    run = RunFolder(metrics[0].parent)
    assert run.read()["status"] == "interrupted"
    assert run.checkpoint.is_file()
    lines = metrics[0].read_text().splitlines()
    time.sleep(0.5)
    assert metrics[0].read_text().splitlines() == lines  # nobody goes on writing

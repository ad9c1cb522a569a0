"""Which command comes next, how many run at a time, and stopping without losing anything."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from vidcondense.benchmark import runner
from vidcondense.benchmark.cell import Cell, Choices
from vidcondense.benchmark.options import Options
from vidcondense.benchmark.tasks import tasks_of
from vidcondense.data.store import ClipStore
from vidcondense.run.folder import RunFolder


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
    """A process that takes a few polls, and makes what it was asked for."""

    running = 0
    most = 0
    environments: list[dict[str, str]]

    def __init__(self, command: list[str], *, env: dict[str, str], **_: Any) -> None:
        self.polls, self.returncode = 0, 0
        self.out = Path(command[command.index("--out") + 1])
        type(self).running += 1
        type(self).most = max(self.most, self.running)
        self.environments.append(env)

    def poll(self) -> int | None:
        self.polls += 1
        if self.polls == 4:
            type(self).running -= 1
            finish(self.out)
        return None if self.polls < 4 else 0


@pytest.mark.parametrize(("jobs", "threads"), [(1, None), (3, "1")])
def test_as_many_run_side_by_side_as_jobs(
    jobs: int,
    threads: str | None,
    tiny_store: ClipStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    kind = type("Counted", (Slow,), {"environments": []})
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(runner, "Popen", kind)
    monkeypatch.setattr(runner, "POLL_SECONDS", 0.0)
    options = Options(jobs=jobs, seeds=tuple(range(5)))
    tasks = tasks_of([Cell("a", "", "random", 1)], options, tmp_path)
    assert runner.run_tasks(tasks, tiny_store, options, tmp_path / "logs") == {}
    assert kind.most == jobs
    assert [one.get("OMP_NUM_THREADS") for one in kind.environments] == [threads] * 5
    assert runner.run_tasks(tasks, tiny_store, options, tmp_path / "logs") == {}
    assert len(kind.environments) == 5
    assert "other processes" not in capsys.readouterr().err


@pytest.mark.parametrize("jobs", [1, 2])
def test_processes_on_one_folder_share_the_cells(
    jobs: int, tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began: list[str] = []

    class Worker:
        """Takes a few polls; the second seed's cells fail."""

        def __init__(self, command: list[str], *, env: dict[str, str], **_: Any) -> None:
            assert not {"RANK", "WORLD_SIZE", "LOCAL_RANK"} & set(env)
            self.out = Path(command[command.index("--out") + 1])
            began.append(self.out.name)
            self.polls, self.returncode = 0, 0

        def poll(self) -> int | None:
            self.polls += 1
            if self.polls < 4:
                return None
            if "seed1" in self.out.name:
                self.returncode = 2
            else:
                finish(self.out)
            return self.returncode

    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(runner, "Popen", Worker)
    options = Options(jobs=jobs, seeds=tuple(range(5)))
    tasks = tasks_of([Cell("a", "", "random", 1), Cell("b", "", "random", 2)], options, tmp_path)
    told: dict[str, int] = {"a": 0, "b": 0}

    def work(name: str) -> dict[Path, str]:
        def finished() -> None:
            told[name] += 1

        return runner.run_tasks(tasks, tiny_store, options, tmp_path / "logs", finished)

    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(work, name) for name in told]
        failed = [one.result(timeout=60) for one in done]
    assert sorted(began) == sorted(task.title for task in tasks)
    assert failed[0] == failed[1]
    assert told == {"a": 10, "b": 10}  # of cells of their own and of each other's, done and failed
    assert [path.name for path in sorted(failed[0])] == [name for name in sorted(began) if "seed1" in name]
    began.clear()
    assert runner.run_tasks(tasks, tiny_store, options, tmp_path / "logs").keys() == failed[0].keys()
    assert len(began) == 2  # failed ones are tried again, by a later call


def test_a_step_that_leaves_nothing_behind_is_a_failure_not_a_loop(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Idle:
        returncode = 0

        def __init__(self, command: list[str], **_: Any) -> None:
            pass

        def poll(self) -> int:
            return 0

    monkeypatch.setattr(runner, "Popen", Idle)
    (task,) = tasks_of([Cell("a", "", "random", 1)], Options(), tmp_path)
    failed = runner.run_tasks([task], tiny_store, Options(), tmp_path / "logs")
    assert "failed with exit code 0" in failed[task.folder]


def test_a_cell_that_another_command_works_on_is_tried_again(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began: list[Path] = []

    class Refused:
        """Finds its folder locked at first, as by the command of a benchmark that was killed."""

        def __init__(self, command: list[str], *, stdout: Any, **_: Any) -> None:
            out = Path(command[command.index("--out") + 1])
            self.returncode = 0 if began else 2
            if began:
                finish(out)
            else:
                stdout.write(f"vidcondense: another process is working in {out}; wait for it".encode())
            began.append(out)

        def poll(self) -> int:
            return self.returncode

    monkeypatch.setattr(runner, "Popen", Refused)
    monkeypatch.setattr(runner, "BUSY_SECONDS", 0.2)
    (task,) = tasks_of([Cell("a", "", "random", 1)], Options(), tmp_path)
    assert runner.run_tasks([task], tiny_store, Options(), tmp_path / "logs") == {}
    assert began == [task.folder, task.folder]


def test_the_reason_of_a_failure_is_the_last_line(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("0.5 s per iteration\nvidcondense: the loss is nan at iteration 3\n\n")
    assert runner.reason(log, 2) == "the loss is nan at iteration 3"
    assert "SIGKILL" in runner.reason(log, -9)
    log.write_text("")
    assert "exit code 1" in runner.reason(log, 1)


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

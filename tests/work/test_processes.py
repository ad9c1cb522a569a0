"""Processes on this machine: threads, GPUs, stopping, and that none outlives who started it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from chores import is_running, tries, unit, wait_until
from clusters import slowness

from vidcondense.base.errors import VidcondenseError
from vidcondense.work import process
from vidcondense.work.engines import check_on, jobs_of
from vidcondense.work.here import Processes
from vidcondense.work.process import last_lines, reason
from vidcondense.work.queue import do
from vidcondense.work.unit import Job, Needs, threads


def test_units_are_done_by_processes_with_their_number_of_threads(tmp_path: Path) -> None:
    units = [
        unit(tmp_path, "a", needs=Needs(cores=3)),
        unit(tmp_path, "b", "die-once"),
        unit(tmp_path, "c", "die"),
    ]
    failed = do(units, Processes(2), tmp_path / "logs", show=False)
    assert list(failed) == ["c"]
    assert "SIGKILL" in failed["c"].reason
    assert [len(tries(tmp_path, name)) for name in "abc"] == [1, 2, 3]
    assert (tmp_path / "a").read_text() == "a"
    assert (tmp_path / "logs" / "a.log").read_text() == "try 1 with 3 threads\n"


def test_a_refusal_is_one_line(tmp_path: Path) -> None:
    failed = do([unit(tmp_path, "a", "refuse")], Processes(1), tmp_path, show=False)
    assert failed["a"].reason == "the loss of a is nan"
    assert "Traceback" not in (tmp_path / "a.log").read_text()


def test_stopping_lets_what_runs_save_its_state(tmp_path: Path) -> None:
    engine = Processes(2)
    for name in "ab":
        one = unit(tmp_path, name, seconds=600)
        engine.start(name, Job(tuple(one.step()), str(tmp_path / f"{name}.log"), 1), one.needs)
    wait_until(lambda: all(tries(tmp_path, name) for name in "ab"))
    time.sleep(0.2)
    began = time.monotonic()
    engine.stop()
    assert time.monotonic() - began < 5
    assert all((tmp_path / f"{name}.saved").is_file() for name in "ab")
    assert not any(is_running(pid) for name in "ab" for pid in tries(tmp_path, name))


def test_what_does_not_stop_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "STOP_SECONDS", 0.5)
    deaf = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(60)",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert deaf.stdout is not None
    assert deaf.stdout.readline() == b"1\n"
    process.stop([deaf])
    assert deaf.returncode == -signal.SIGKILL
    deaf.stdout.close()


DRIVER = """
import sys
from pathlib import Path
from chores import unit
from vidcondense.work.here import Processes
from vidcondense.work.queue import do
folder = Path(sys.argv[1])
do([unit(folder, name, seconds=600) for name in "ab"], Processes(2), folder / "logs", show=False)
"""


def test_no_process_outlives_a_killed_command(tmp_path: Path) -> None:
    driver = subprocess.Popen([sys.executable, "-c", DRIVER, tmp_path])
    wait_until(lambda: all(tries(tmp_path, name) for name in "ab"))
    time.sleep(0.2)
    driver.kill()
    driver.wait()
    started = [pid for name in "ab" for pid in tries(tmp_path, name)]
    wait_until(lambda: not any(map(is_running, started)), 10)
    assert all((tmp_path / f"{name}.saved").is_file() for name in "ab"), "they have saved their state"


STEP = """
import sys
from vidcondense.work.nodes import Wanted
from vidcondense.work.step import run_step
from vidcondense.work.unit import Job
folder = sys.argv[1]
run_step(Job(("chores", "write", folder, "a", "600"), folder + "/log", 1), Wanted({}, folder, "token"))
"""
NODE = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1], sys.argv[2]])"


def test_a_step_ends_when_the_process_of_its_node_has_died(tmp_path: Path) -> None:
    """As that of a node whose head is lost: Ray has its workers live on until their tasks end."""
    (tmp_path / "token").write_text("token")
    node = subprocess.Popen([sys.executable, "-c", NODE, STEP, tmp_path])
    wait_until(lambda: bool(tries(tmp_path, "a")))
    time.sleep(0.2)
    node.kill()
    node.wait()
    wait_until(lambda: not is_running(tries(tmp_path, "a")[0]), 10 * slowness())
    assert (tmp_path / "a.saved").is_file(), "it has saved its state"


def test_each_process_has_a_gpu_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[str | None] = []
    monkeypatch.setattr(process, "start", lambda job, more: given.append(more.get("CUDA_VISIBLE_DEVICES")))
    engine = Processes(4, gpus=2)
    for number in range(4):
        engine.start(str(number), Job((), "", 1), Needs(gpus=1))
    assert given == ["0", "1", "0", "1"]
    given.clear()
    Processes(2, gpus=1).start("a", Job((), "", 1), Needs(gpus=1))
    Processes(2, gpus=2).start("b", Job((), "", 1), Needs())
    assert given == [None, None]


def test_the_reason_of_a_failure_is_the_last_line(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("0.5 s per iteration\nvidcondense: the loss is nan at iteration 3\n\n")
    assert reason(log, 2) == "the loss is nan at iteration 3"
    assert "SIGKILL" in reason(log, -9)
    assert last_lines(log) == ["0.5 s per iteration", "vidcondense: the loss is nan at iteration 3"]
    log.write_text("")
    assert "exit code 1" in reason(log, 1)
    assert last_lines(tmp_path / "missing") == []


def test_threads_are_those_of_the_environment_or_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for value, expected in (("4", 4), ("", 1), ("0", 1), ("x", 1)):
        monkeypatch.setitem(os.environ, "OMP_NUM_THREADS", value)
        assert threads() == expected
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert threads() == 1


def test_bad_options_are_refused() -> None:
    for on in ("slurm", "rays", "RAY", ""):
        with pytest.raises(VidcondenseError, match="--on must be here, ray or ray://HOST:PORT"):
            check_on(on)
    with pytest.raises(VidcondenseError, match="--jobs is for this machine"):
        jobs_of("ray", 2, "cpu")
    assert [jobs_of("here", jobs, "cpu") for jobs in (0, 1, 5)] == [1, 1, 5]
    assert jobs_of("ray", 0, "cpu") == 1

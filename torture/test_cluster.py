"""On Ray clusters of several nodes: the same bytes as here, also when workers, nodes or the command die."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from chores import wait_until
from clusters import QUIET, cluster, free_port, processes_of, slowness

import tasks
from tasks import Inputs, Task

# One process of pytest-xdist has them all, and one cluster at a time.
pytestmark = pytest.mark.xdist_group("ray")

PATIENCE = 1800.0
SOON = 15.0
"""Seconds within which Ctrl-C ends a command on an idle machine; a unit saves its state for 10 at most."""
SHARDS = ("--shards", 3)
SLURM = Path(__file__).parents[1] / "examples" / "cluster" / "slurm.sh"


@dataclass
class Given:
    """A command that runs on a cluster.

    Attributes:
        process: its process.
        out: the folder that it and its units write.
    """

    process: "subprocess.Popen[str]"
    out: Path

    def end(self, code: int = 0) -> str:
        """Wait for the end, of which no process may be left; what was printed."""
        said, _ = self.process.communicate(timeout=PATIENCE)
        assert self.process.returncode == code, said
        wait_until(lambda: not processes_of(self.out), SOON * slowness())
        return said

    def units(self) -> list[int]:
        """The processes that do units now."""
        return [pid for pid in processes_of(self.out) if pid != self.process.pid]

    def wait_for(self, there: Callable[[], bool]) -> None:
        """Wait for something that happens while it runs."""
        wait_until(lambda: there() or self.process.poll() is not None, PATIENCE)
        assert self.process.poll() is None, self.process.communicate()[0]


def give(out: Path, *words: object) -> Given:
    """Give a command, with one thread per unit."""
    made = subprocess.Popen(
        [sys.executable, "-m", "vidcondense", *map(str, words)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    return Given(made, out)


@pytest.fixture(scope="module", params=[1, 2, 4])
def nodes(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A cluster of so many nodes."""
    with cluster(request.param) as made:
        session = Path(made.head_node.get_session_dir_path())
        yield made
    wait_until(lambda: not processes_of(session), SOON * slowness())


@pytest.fixture(scope="module")
def port() -> int:
    """Where the cluster of two nodes has a server for clients."""
    return free_port()


@pytest.fixture(scope="module")
def two(port: int) -> Iterator[Any]:
    """A cluster of two nodes."""
    with cluster(2, ray_client_server_port=port) as made:
        yield made


def long_condense(inputs: Inputs, out: Path) -> tuple[object, ...]:
    """A command whose units take long enough to be killed."""
    words = [*tasks.condense(inputs, out).words, *SHARDS]
    words[words.index("iterations=8")] = "iterations=200"
    return tuple(words)


@pytest.fixture(scope="module")
def whole(inputs: Inputs, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What the long command leaves, undisturbed and here."""
    out = tmp_path_factory.mktemp("whole") / "run"
    give(out, *long_condense(inputs, out)).end()
    return tasks.content(out)


@pytest.mark.parametrize(
    "make", [tasks.condense_in_shards, tasks.evaluate, tasks.experts, tasks.prepare, tasks.benchmark]
)
def test_any_number_of_nodes_leaves_what_one_process_does(
    make: Callable[[Inputs, Path], Task], inputs: Inputs, nodes: Any, tmp_path: Path
) -> None:
    here, there = make(inputs, tmp_path / "here"), make(inputs, tmp_path / "there")
    give(here.out, *here.words).end()
    give(there.out, *there.words, "--on", "ray").end()
    assert there.content() == here.content()
    before = there.content()
    give(there.out, *there.words, "--on", "ray").end()
    assert there.content() == before


def test_killed_workers_and_a_lost_node_change_nothing(
    inputs: Inputs, two: Any, whole: dict[str, object], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    made = give(out, *long_condense(inputs, out), "--on", "ray")
    made.wait_for(lambda: len(list((out / "shards").glob("*/metrics.jsonl"))) >= 2)
    os.kill(made.units()[0], signal.SIGKILL)  # a unit
    time.sleep(1)
    lost = two.add_node(num_cpus=1, **QUIET)
    made.wait_for(lambda: len(list((out / "shards").glob("*/metrics.jsonl"))) >= 3)
    two.remove_node(lost)
    said = made.end()
    assert tasks.content(out) == whole
    assert "given up" not in said


def test_a_killed_command_that_is_given_again_does_nothing_twice(
    inputs: Inputs, two: Any, whole: dict[str, object], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    made = give(out, *long_condense(inputs, out), "--on", "ray")
    first = out / "shards" / "000" / "condensed.safetensors"
    made.wait_for(lambda: any((out / "shards").glob("*/condensed.safetensors")))
    done = {path: path.stat().st_mtime_ns for path in (out / "shards").glob("*/condensed.safetensors")}
    units = made.units()
    made.process.kill()
    made.process.communicate()
    wait_until(lambda: not set(units) & set(processes_of(out)), SOON * slowness())
    assert not (out / first.name).exists()
    assert all(path.stat().st_mtime_ns == when for path, when in done.items())
    give(out, *long_condense(inputs, out), "--on", "ray").end()
    assert tasks.content(out) == whole


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_command_ends_soon_and_goes_on_elsewhere(
    number: int, inputs: Inputs, two: Any, whole: dict[str, object], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    made = give(out, *long_condense(inputs, out), "--on", "ray")
    made.wait_for(lambda: len(list((out / "shards").glob("*/metrics.jsonl"))) >= 2)
    soon, began = SOON * slowness(), time.monotonic()
    made.process.send_signal(number)
    assert "run the same command again to go on" in made.end(130)
    assert time.monotonic() - began < soon
    give(out, *long_condense(inputs, out), "--jobs", 2).end()
    assert tasks.content(out) == whole


def test_a_lost_head_ends_the_command_which_goes_on_with_another(
    inputs: Inputs, whole: dict[str, object], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    with cluster(2) as made:
        given = give(out, *long_condense(inputs, out), "--on", "ray")
        given.wait_for(lambda: len(list((out / "shards").glob("*/metrics.jsonl"))) >= 2)
        made.remove_node(made.head_node, allow_graceful=False)
        assert "the head of the cluster at" in given.end(2)
    with cluster(2):
        give(out, *long_condense(inputs, out), "--on", "ray").end()
    assert tasks.content(out) == whole


def test_a_command_from_outside_of_the_cluster(
    inputs: Inputs, two: Any, port: int, whole: dict[str, object], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    give(out, *long_condense(inputs, out), "--on", f"ray://127.0.0.1:{port}").end()
    assert tasks.content(out) == whole


def test_the_script_for_slurm_as_far_as_one_machine_allows(
    inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job of one node; what Slurm's own commands do there, two lines do here."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    commands = tmp_path / "bin"
    commands.mkdir()
    for name, does in (("scontrol", "echo 127.0.0.1"), ("srun", 'exec "$@"')):
        (commands / name).write_text(f"#!/bin/sh\n{does}\n", encoding="utf-8")
        (commands / name).chmod(0o755)
    here, there = (tasks.condense_in_shards(inputs, tmp_path / name) for name in ("here", "there"))
    give(here.out, *here.words).end()
    job = {"SLURM_JOB_NODELIST": "one", "SLURM_JOB_NUM_NODES": "1", "SLURM_CPUS_PER_TASK": "1"}
    path = f"{commands}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, **job, "PATH": path, "HOME": str(tmp_path), "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(
        ["bash", str(SLURM), *map(str, there.words)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert there.content() == here.content()
    wait_until(lambda: not processes_of(Path("symmetric-run")), SOON * slowness())


def test_a_cluster_that_ray_starts_for_a_command_ends_with_it(
    inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when the command is killed."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    out = tmp_path / "run"
    with tempfile.TemporaryDirectory(prefix="ray") as name:  # its path must be short, and has no cluster
        monkeypatch.setenv("RAY_TMPDIR", name)
        made = give(out, *long_condense(inputs, out), "--on", "ray")
        made.wait_for(lambda: any((out / "shards").glob("*/metrics.jsonl")))
        assert processes_of(Path(name))
        made.process.kill()
        made.process.communicate()
        wait_until(lambda: not processes_of(Path(name)) and not processes_of(out), 60 * slowness())

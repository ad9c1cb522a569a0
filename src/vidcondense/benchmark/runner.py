"""Runs what is missing, cell by cell, as processes of the `vidcondense` command, some side by side."""

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vidcondense import files
from vidcondense.benchmark.options import Options
from vidcondense.benchmark.tasks import Task
from vidcondense.data.store import ClipStore
from vidcondense.interrupt import Interrupted, catch_interrupts
from vidcondense.progress import Progress

COMMAND = (sys.executable, "-m", "vidcondense")
POLL_SECONDS = 0.05


@dataclass
class Child:
    """A running step of a task."""

    task: Task
    process: "subprocess.Popen[bytes]"
    log: Path
    left: int
    """Steps that the task needed when this one began."""
    began: float = field(default_factory=time.monotonic)


def next_step(task: Task, store: ClipStore, options: Options) -> list[str] | None:
    """Arguments of the next command that a task needs, from what is on disk; None when it is done."""
    device = ["--device", options.device, "--precision", options.precision]
    where = ["--split", task.split]
    if not task.condensed:
        if task.run.description.is_file():
            return ["condense", str(store.path), "--resume", str(task.folder), *where, *device[:2]]
        arguments = task.cell.arguments(task.seed, task.split)
        return ["condense", str(store.path), "--out", str(task.folder), *arguments, *where, *device]
    missing = task.missing()
    if not missing:
        return None
    network, judging = missing[0], task.judging
    training = str(task.folder if task.cell.recipe else store.path)
    flip = [part for text in task.cell.overrides for part in ("--flip", text.partition("=")[2])]
    arguments = [
        *("--network", network, "--networks", str(judging.networks), "--protocol", judging.protocol),
        *("--seed", str(judging.seed), "--out", str(task.evaluation_file(network))),
        *([] if task.cell.recipe else flip),
    ]
    return ["evaluate", training, str(store.path), *arguments, *where, *device]


def steps_left(task: Task) -> int:
    """How many commands a task still needs."""
    return (not task.condensed) + len(task.missing())


def run_tasks(tasks: Sequence[Task], store: ClipStore, options: Options, logs: Path) -> dict[Path, str]:
    """Run what is missing; a task that fails is given up and does not stop the others.

    Args:
        tasks: of which some may be done already.
        store: the real clips.
        options: how many side by side, and on what device.
        logs: folder for what the commands print.

    Returns:
        The reason of failure by task folder.

    Raises:
        Interrupted: Ctrl-C or SIGTERM; finished cells and checkpoints are kept.
    """
    waiting = deque(task for task in tasks if steps_left(task))
    failed: dict[Path, str] = {}
    running: list[Child] = []
    total = sum(map(steps_left, waiting))
    with Progress(total, enabled=total > 0) as progress, catch_interrupts() as interrupted:
        try:
            while waiting or running:
                if interrupted():
                    break
                while waiting and len(running) < options.jobs:
                    running.append(_start(waiting.popleft(), store, options, logs))
                for child in [child for child in running if child.process.poll() is not None]:
                    running.remove(child)
                    _finished(child, failed, waiting, progress)
                time.sleep(POLL_SECONDS)
        finally:
            _stop(running)
        if interrupted():
            left = sum(steps_left(task) for task in tasks if task.folder not in failed)
            raise Interrupted(f"stopped with {left} steps left; all is saved, the same command goes on")
    return failed


def _start(task: Task, store: ClipStore, options: Options, logs: Path) -> Child:
    step, left = next_step(task, store, options), steps_left(task)
    assert step is not None
    log = files.make_folder(logs) / f"{task.title}.log"
    environment = {**os.environ, **({"OMP_NUM_THREADS": "1"} if options.jobs > 1 else {})}
    files.make_folder(task.folder.parent)
    if step[0] == "evaluate":
        files.make_folder(task.run.evaluations)
    with log.open("wb") as output:
        # A session of its own: Ctrl-C must reach it once, from us, so that it can save its state.
        process = subprocess.Popen(
            [*COMMAND, *step],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            start_new_session=True,
        )
    return Child(task, process, log, left)


def _finished(child: Child, failed: dict[Path, str], waiting: "deque[Task]", progress: Progress) -> None:
    """Note how a step ended; a task with more steps goes on before others begin."""
    task, seconds = child.task, time.monotonic() - child.began
    progress.advance()
    if child.process.returncode or steps_left(task) >= child.left:
        failed[task.folder] = reason(child.log, child.process.returncode)
        progress.say(f"{task.title}: {failed[task.folder]}")
        return
    progress.say(f"{task.title}: {outcome(task)}, {seconds:.0f} s")
    if steps_left(task):
        waiting.appendleft(task)


def outcome(task: Task) -> str:
    """What of a task is done, in words."""
    shown = []
    for network in task.cell.networks:
        result = task.evaluation(network)
        if result is not None:
            mean = result["top1"]["mean"]
            shown.append(f"{network} " + ("did not train" if mean is None else f"top-1 {100 * mean:.1f}"))
    return ", ".join(shown) or "condensed"


def reason(log: Path, code: int) -> str:
    """Why a command failed: its last line, without the command's name."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    if code < 0:
        return f"killed by signal {-code} ({signal.Signals(-code).name}); see {log}"
    return lines[-1].removeprefix("vidcondense: ") if lines else f"failed with exit code {code}; see {log}"


def _stop(running: Sequence[Child]) -> None:
    """Ask what still runs to save its state and end, and wait for it."""
    for child in running:
        if child.process.poll() is None:
            child.process.send_signal(signal.SIGINT)
    try:
        for child in running:
            child.process.wait()
    except BaseException:  # a second Ctrl-C: no more waiting
        for child in running:
            child.process.kill()
        raise

"""Runs what is missing, cell by cell, as processes of the `vidcondense` command, some side by side.

Several processes may do this on one folder at a time: the cells are a queue.
"""

import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import DEVNULL, Popen

from vidcondense.base import files
from vidcondense.base.interrupt import Interrupted, catch_interrupts
from vidcondense.base.progress import Progress
from vidcondense.base.queue import Queue
from vidcondense.base.ranks import Ranks, environment_of_one
from vidcondense.benchmark.options import Options
from vidcondense.benchmark.tasks import Task
from vidcondense.data.store import ClipStore

COMMAND = (sys.executable, "-m", "vidcondense")
POLL_SECONDS = 0.05
BUSY_SECONDS = 10.0
"""How long a cell is left to a command on which a killed benchmark has left it, before it is tried again."""


@dataclass
class Child:
    """A running step of a task."""

    task: Task
    process: "Popen[bytes]"
    log: Path
    left: int
    """Steps that the task needed when this one began."""
    began: float = field(default_factory=time.monotonic)


def next_step(task: Task, store: ClipStore) -> list[str] | None:
    """Arguments of the next command that a task needs, from what is on disk; None when it is done."""
    options = task.options
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
    training = str(task.folder if task.cell.recipe else store.path)
    flip = [part for text in task.cell.overrides for part in ("--flip", text.partition("=")[2])]
    arguments = [
        *("--network", missing[0].network, "--networks", str(options.networks)),
        *("--protocol", options.protocol),
        *(("--steps", str(missing[0].steps)) if missing[0].steps else ()),
        *("--seed", str(task.judging_seed), "--out", str(task.evaluation_file(missing[0]))),
        *([] if task.cell.recipe else flip),
    ]
    return ["evaluate", training, str(store.path), *arguments, *where, *device]


def steps_left(task: Task) -> int:
    """How many commands a task still needs."""
    return (not task.condensed) + len(task.missing())


def run_tasks(
    tasks: Sequence[Task],
    store: ClipStore,
    options: Options,
    logs: Path,
    finished: Callable[[], None] = lambda: None,
) -> dict[Path, str]:
    """Run what is missing; a task that fails is given up and does not stop the others.

    Args:
        tasks: of which some may be done already.
        store: the real clips.
        options: how many side by side.
        logs: folder for what the commands print.
        finished: called whenever a task is done or given up, here or in another process.

    Returns:
        The reason of failure by task folder, when every task is done or has failed, here or in another
        process that works on the same folder.

    Raises:
        Interrupted: Ctrl-C or SIGTERM; finished cells and checkpoints are kept.
    """
    return _Runner(tasks, store, options, files.make_folder(logs), finished).run()


class _Runner:
    """The state of `run_tasks`."""

    def __init__(
        self,
        tasks: Sequence[Task],
        store: ClipStore,
        options: Options,
        logs: Path,
        finished: Callable[[], None],
    ) -> None:
        self.store, self.options, self.logs, self.finished = store, options, logs, finished
        self.queue = Queue(
            logs,
            tasks,
            name=lambda task: task.title,
            is_done=lambda task: not steps_left(task),
            settled=self._settled,
        )
        self.tasks = list(self.queue.waiting)
        self.running: list[Child] = []
        self.said_waiting = False
        total = sum(map(steps_left, self.tasks))
        self.progress = Progress(total, enabled=total > 0 and Ranks.here().first)

    def run(self) -> dict[Path, str]:
        with self.progress, catch_interrupts() as interrupted:
            try:
                while (self.queue.waiting or self.running) and not interrupted():
                    while len(self.running) < self.options.jobs and (task := self.queue.claim()):
                        self._start(task)
                    self._say_waiting()
                    for child in [child for child in self.running if child.process.poll() is not None]:
                        self.running.remove(child)
                        self._finished(child)
                    time.sleep(POLL_SECONDS)
            finally:
                _stop(self.running)
                for child in self.running:
                    self.queue.release(child.task)
            if interrupted():
                left = sum(steps_left(task) for task in self.tasks if task.title not in self.queue.failed)
                raise Interrupted(f"stopped with {left} steps left; all is saved, the same command goes on")
        failed = self.queue.failed
        return {task.folder: failed[task.title] for task in self.tasks if task.title in failed}

    def _settled(self, task: Task) -> None:
        """Another process has done a task, or failed in it."""
        self._say(task, self.queue.failed.get(task.title) or f"{outcome(task)}, by another process")
        self.finished()

    def _say_waiting(self) -> None:
        if self.queue.waiting and not self.running and not self.said_waiting:
            titles = ", ".join(task.title for task in self.queue.waiting)
            self.progress.say(f"waiting for other processes: {titles}")
            self.said_waiting = True

    def _start(self, task: Task) -> None:
        step, left = next_step(task, self.store), steps_left(task)
        assert step is not None
        log = self.logs / f"{task.title}.log"
        threads = {"OMP_NUM_THREADS": "1"} if self.options.jobs > 1 else {}
        files.make_folder(task.folder.parent)
        if step[0] == "evaluate":
            files.make_folder(task.run.evaluations)
        with log.open("wb") as output:
            # A session of its own: Ctrl-C must reach it once, from us, so that it can save its state.
            # If we are killed it goes on, and holds its own folder.
            process = Popen(
                [*COMMAND, *step],
                stdin=DEVNULL,
                stdout=output,
                stderr=output,
                env={**environment_of_one(), **threads},
                start_new_session=True,
            )
        self.running.append(Child(task, process, log, left))

    def _finished(self, child: Child) -> None:
        """Note how a step ended; a task with more steps goes on before others begin."""
        task, seconds = child.task, time.monotonic() - child.began
        if child.process.returncode or steps_left(task) >= child.left:
            why = reason(child.log, child.process.returncode)
            if why.startswith(files.BUSY):
                self.queue.release(task, BUSY_SECONDS)
                return
            self.queue.fail(task, why)
            self._say(task, why)
            self.finished()
            return
        self._say(task, f"{outcome(task)}, {seconds:.0f} s")
        if steps_left(task):
            self._start(task)
        else:
            self.queue.release(task)
            self.finished()

    def _say(self, task: Task, what: str) -> None:
        self.progress.advance()
        self.progress.say(f"{task.title}: {what}")


def outcome(task: Task) -> str:
    """What of a task is done, in words."""
    shown = []
    for judge in task.judges:
        result = task.evaluation(judge)
        if result is not None:
            mean, length = result["top1"]["mean"], f", {judge.steps} steps" if judge.steps else ""
            shown.append(
                f"{judge.network}{length} " + ("did not train" if mean is None else f"top-1 {100 * mean:.1f}")
            )
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

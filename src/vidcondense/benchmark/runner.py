"""Cells as units of work: each is a few `vidcondense` commands, one after another, until none is missing."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from vidcondense.base import files
from vidcondense.benchmark.options import Options
from vidcondense.benchmark.tasks import Task
from vidcondense.data.store import ClipStore
from vidcondense.work.engines import HERE
from vidcondense.work.here import gpus
from vidcondense.work.queue import do
from vidcondense.work.unit import Engine, Needs, Unit, threads


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
    engine: Engine,
    finished: Callable[[], None] = lambda: None,
) -> dict[Path, str]:
    """Run what is missing; a task that fails is given up and does not stop the others.

    Args:
        tasks: of which some may be done already.
        store: the real clips.
        options: where they run.
        logs: folder for what the commands print.
        engine: what runs the commands.
        finished: called whenever a task is done or given up.

    Returns:
        The reason of failure by task folder, when every task is done or has failed.

    Raises:
        Interrupted: Ctrl-C or SIGTERM; finished cells and checkpoints are kept.
    """
    by_title = {task.title: task for task in tasks}
    units = [
        Unit(title, partial(steps_left, task), partial(_step, task, store), needs(options))
        for title, task in by_title.items()
    ]

    def said(unit: Unit, seconds: float) -> str:
        return f"{unit.name}: {outcome(by_title[unit.name])}, {seconds:.0f} s"

    failed = do(units, engine, logs, stepped=said, settled=lambda unit: finished())
    return {by_title[name].folder: failure.reason for name, failure in failed.items()}


def needs(options: Options) -> Needs:
    """What a cell takes; one at a time on this machine may have all its cores."""
    alone = options.on == HERE and options.jobs <= 1
    return Needs(cores=0 if alone else threads(), gpus=int(gpus(options.device) > 0))


def _step(task: Task, store: ClipStore) -> list[str]:
    """The next command of a task, in a folder that is there."""
    step = next_step(task, store)
    assert step is not None
    files.make_folder(task.folder.parent)
    if step[0] == "evaluate":
        files.make_folder(task.run.evaluations)
    return ["vidcondense", *step]


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

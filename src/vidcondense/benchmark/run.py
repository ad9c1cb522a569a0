"""From a name and a store to the finished page: plan, cost, cells, rows, page."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from rich.console import Console

from vidcondense.base import files
from vidcondense.base.compute import choose
from vidcondense.base.errors import VidcondenseError
from vidcondense.benchmark import equal_bytes, extras, page
from vidcondense.benchmark.cell import Cell, Skipped
from vidcondense.benchmark.cost import Cost
from vidcondense.benchmark.grids import BENCHMARKS
from vidcondense.benchmark.options import Options
from vidcondense.benchmark.plan import Plan, plan
from vidcondense.benchmark.resolve import resolve
from vidcondense.benchmark.rows import Made, Row, build_rows, read_result
from vidcondense.benchmark.runner import needs, run_tasks, steps_left
from vidcondense.benchmark.statistics import Pair
from vidcondense.benchmark.tasks import Task, clear, refuse_foreign, seeds_in, tasks_of
from vidcondense.data.store import ClipStore
from vidcondense.work.engines import HERE, Where, engine, jobs_of
from vidcondense.work.here import gpus
from vidcondense.work.unit import Engine


def run_benchmark(
    name: str,
    store_path: Path | None,
    out: Path | None,
    options: Options,
    *,
    dry_run: bool = False,
    force: bool = False,
    points: float | None = None,
) -> tuple[Path | None, list[Skipped]]:
    """Measure what is missing and write the page, anew after every cell.

    Args:
        name: one of `BENCHMARKS`.
        store_path: the real clips; may be None for `storage` alone, which then prints formulas.
        out: folder for cells and results; one folder may serve several benchmarks of a store.
        options: the user's choices.
        dry_run: only say what it would cost; nothing is written.
        force: measure all cells anew; what they hold is removed first.
        points: only say how much of it resolves a difference of so many points; nothing is written.

    Returns:
        The Markdown page, and the cells that failed; None and no cells for a dry run and with `points`.

    Raises:
        VidcondenseError: an option that does not fit, a folder of other cells, or nothing measured.
        Interrupted: Ctrl-C or SIGTERM; the same command goes on.
    """
    if name not in BENCHMARKS:
        raise VidcondenseError(f"no benchmark {name!r}; known: {', '.join(BENCHMARKS)}")
    if options.cells and name != "grid":
        raise VidcondenseError(f"--cell is for benchmark grid, not for {name}")
    if options.budgets and name != "bytes":
        raise VidcondenseError(f"--budgets is for benchmark bytes, not for {name}")
    if options.vpc and name == "bytes":
        raise VidcondenseError("benchmark bytes has as many videos as --budgets hold: leave --vpc out")
    if len(options.steps) > 1 and name != "bytes":
        raise VidcondenseError(f"several --steps are for benchmark bytes; {name} wants one number")
    if store_path is None:
        if name != "storage":
            raise VidcondenseError(f"benchmark {name} needs a STORE made by `vidcondense prepare`")
        if dry_run:
            return None, []
        if out is not None:
            return extras.write_formula(out), []
        Console(soft_wrap=True, highlight=False).print(extras.formula_page(), markup=False)
        return None, []
    runs = not dry_run and points is None
    if out is None and runs:
        raise VidcondenseError("benchmark needs --out FOLDER (or --dry-run)")
    if force and not runs:
        raise VidcondenseError(f"{'--dry-run' if dry_run else '--resolve'} runs nothing; leave --force out")
    if points is not None and not 0 < points < 100:
        raise VidcondenseError(f"--resolve must be points between 0 and 100, not {points:g}")
    options = _decided(options)
    stores = [ClipStore.open(store_path, split) for split in options.splits]
    planned = plan(name, stores[0], options, out or Path("benchmark"))
    tasks = tasks_of(planned.cells, options, planned.folder)
    if not runs:
        refuse_foreign(tasks, planned.store)
        if points is None:
            _say(planned, tasks)
        else:
            _say_resolving(planned, points)
        return None, []
    with files.lock_folder(files.make_folder(planned.folder)):
        if force:
            clear(tasks)
            files.unlink_quietly(planned.file(".json"))  # what a margin was named for is gone
        refuse_foreign(tasks, planned.store)
        _say(planned, tasks)
        where: Where = {"jobs": options.jobs, "gpus": gpus(options.device), "show": True}
        with engine(options.on, planned.folder, [needs(options)], [store_path], **where) as runner:
            return _measure(planned, runner, {task.folder for task in tasks} if force else None)


def _decided(options: Options) -> Options:
    """The same with how many at a time; for a cluster with device and precision as they are here.

    Other machines of the cluster must not choose.
    """
    options = replace(options, jobs=jobs_of(options.on, options.jobs, options.device))
    if options.on == HERE:
        return options
    compute = choose(options.device, options.precision)
    return replace(options, device=compute.device.type, precision=compute.precision)


def _say(planned: Plan, tasks: Sequence[Task]) -> None:
    """What will be measured, what not, and what that costs."""
    say = partial(Console(stderr=True, highlight=False, soft_wrap=True).print, markup=False)
    for remark in planned.remarks:
        say(remark)
    for skipped in planned.skipped:
        say(f"left out: {skipped.row} {skipped.column}: {skipped.reason}")
    cost = Cost(planned.options)
    cost.add(tasks, planned.store.path)
    for line in cost.describe(len(tasks)):
        say(line)
    if planned.name == "tradeoff":
        say("and cells at equal bytes, whose number of videos is known when these are condensed")


def _say_resolving(planned: Plan, points: float) -> None:
    """From whatever the folder holds of the benchmark's cells, under any split and seed."""
    if not any(cell.networks for cell in planned.cells):
        raise VidcondenseError(f"--resolve is for accuracies, and {planned.name} measures none")
    splits = tuple(planned.store.split_names)
    seeds = tuple(dict.fromkeys((*planned.options.seeds, *seeds_in(planned.folder))))
    wide = replace(planned, options=replace(planned.options, splits=splits, seeds=seeds))
    refuse_foreign(tasks_of(wide.cells, wide.options, wide.folder), wide.store)
    results = {cell: read_result(tasks, {}) for cell, tasks in wide.tasks(wide.cells).items()}
    print("\n".join(resolve(planned, points, results, Cost(planned.options))))


def _measure(planned: Plan, runner: Engine, cleared: set[Path] | None) -> tuple[Path | None, list[Skipped]]:
    """Run all cells, the page being written after each; the cells that failed.

    Args:
        planned: what to measure.
        runner: what runs the cells.
        cleared: folders that are empty; others are cleared too. None: what they hold is gone on with.
    """
    options, cells, skipped = planned.options, list(planned.cells), list(planned.skipped)
    reasons: dict[Path, str] = {}
    tried: dict[Path, Task] = {}
    made: dict[Path, Made] = {}

    def run(cells: Sequence[Cell]) -> None:
        tasks = tasks_of(cells, options, planned.folder)
        for task in tasks:
            tried[task.folder] = task
            reasons.pop(task.folder, None)  # it is tried again
        if cleared is not None:
            clear(task for task in tasks if task.folder not in cleared)
            cleared.update(task.folder for task in tasks)
        refuse_foreign(tasks, planned.store)
        logs = planned.folder / "logs"
        told = partial(write_so_far, planned, made)
        reasons.update(run_tasks(tasks, planned.store, options, logs, runner, told))

    run(cells)
    if planned.name == "tradeoff":
        within = equal_bytes.settle(cells, planned.tasks, run)
        skipped += equal_bytes.too_large(cells, within)
        cells += within
    tasks = planned.tasks(cells)
    failed = _failed(tasks, reasons) + _failed_on_the_way(planned, tasks, tried, reasons)
    skipped += failed
    done = replace(planned, cells=cells, skipped=skipped)
    rows = _rows(done, made)
    if not rows:
        raise VidcondenseError(f"no cell could be measured: {skipped[0].reason}")
    extra = extras.EXTRAS[done.name](done, rows) if done.name in extras.EXTRAS else page.Extra()
    return page.write(done, rows, extra), failed


def write_so_far(planned: Plan, made: dict[Path, Made]) -> None:
    """Write the page of what is finished by now.

    Args:
        planned: what is measured.
        made: condensed sets that were read before, by folder; new ones are added.
    """
    tasks = tasks_of(planned.cells, planned.options, planned.folder)
    left = sum(steps_left(task) > 0 for task in tasks)
    if left and (rows := _rows(planned, made)):
        so_far = f"So far {len(tasks) - left} of {len(tasks)} cells are finished; the others are to come."
        page.write(replace(planned, remarks=[*planned.remarks, so_far]), rows, None)


def _rows(planned: Plan, made: dict[Path, Made]) -> list[Row]:
    options, benchmark = planned.options, BENCHMARKS[planned.name]
    return build_rows(
        {cell: read_result(tasks, made) for cell, tasks in planned.tasks(planned.cells).items()},
        options.metric,
        options.against or benchmark.against,
        benchmark.figures,
        planned.figures,
        options.margin,
    )


def _failed(tasks: Mapping[Cell, Mapping[Pair, Task]], reasons: Mapping[Path, str]) -> list[Skipped]:
    """Why cells failed, and under which splits and seeds where not under all."""
    failed = []
    for cell, of_cell in tasks.items():
        sets_by_reason: dict[str, list[str]] = {}
        for (split, seed), task in of_cell.items():
            if task.folder in reasons:
                sets_by_reason.setdefault(reasons[task.folder], []).append(f"split {split} seed {seed}")
        for reason, sets in sets_by_reason.items():
            where = "" if len(sets) == len(of_cell) else f" ({', '.join(sets)})"
            failed.append(Skipped(cell.row, cell.column, reason + where))
    return failed


def _failed_on_the_way(
    planned: Plan,
    tasks: Mapping[Cell, Mapping[Pair, Task]],
    tried: Mapping[Path, Task],
    reasons: Mapping[Path, str],
) -> list[Skipped]:
    """Why cells failed that were only to find a number of videos, unless the classes have too few."""
    shown = {task.folder for of_cell in tasks.values() for task in of_cell.values()}
    failed = []
    for folder in reasons.keys() - shown:
        task = tried[folder]
        videos = ClipStore.open(planned.store.path, task.split).by_class("train")
        if task.cell.vpc <= min(map(len, videos)):
            failed.append(Skipped(task.cell.row, task.title, reasons[folder]))
    return failed

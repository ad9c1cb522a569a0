"""From a name and a store to the finished page: plan, cost, cells, rows, page."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from rich.console import Console

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.ranks import Ranks, local_device, refuse_force
from vidcondense.benchmark import equal_bytes, extras, page
from vidcondense.benchmark.cell import Cell, Skipped
from vidcondense.benchmark.cost import Cost
from vidcondense.benchmark.grids import BENCHMARKS
from vidcondense.benchmark.options import Options
from vidcondense.benchmark.plan import Plan, plan
from vidcondense.benchmark.rows import build_rows, read_result
from vidcondense.benchmark.runner import run_tasks
from vidcondense.benchmark.statistics import Pair, require_scipy
from vidcondense.benchmark.tasks import Task, clear, refuse_foreign, tasks_of
from vidcondense.data.store import ClipStore


def run_benchmark(
    name: str,
    store_path: Path | None,
    out: Path | None,
    options: Options,
    *,
    dry_run: bool = False,
    force: bool = False,
) -> tuple[Path | None, list[Skipped]]:
    """Measure what is missing and write the page.

    Several processes may be called with the same arguments, under torchrun: they share the cells, and the
    first one writes the page.

    Args:
        name: one of `BENCHMARKS`.
        store_path: the real clips; may be None for `storage` alone, which then prints formulas.
        out: folder for cells and results; one folder may serve several benchmarks of a store.
        options: the user's choices.
        dry_run: only say what it would cost; nothing is written.
        force: measure all cells anew, in one process; what they hold is removed first.

    Returns:
        The Markdown page, and the cells that failed; None and no cells for a dry run, and in all processes
        but the first.

    Raises:
        VidcondenseError: an option that does not fit, a folder of other cells, or nothing measured.
        Interrupted: Ctrl-C or SIGTERM; the same command goes on.
    """
    if name not in BENCHMARKS:
        raise VidcondenseError(f"no benchmark {name!r}; known: {', '.join(BENCHMARKS)}")
    if options.cells and name != "grid":
        raise VidcondenseError(f"--cell is for benchmark grid, not for {name}")
    if store_path is None:
        if name != "storage":
            raise VidcondenseError(f"benchmark {name} needs a STORE made by `vidcondense prepare`")
        if dry_run:
            return None, []
        if out is not None:
            return extras.write_formula(out), []
        Console(soft_wrap=True, highlight=False).print(extras.formula_page(), markup=False)
        return None, []
    if out is None and not dry_run:
        raise VidcondenseError("benchmark needs --out FOLDER (or --dry-run)")
    if force and dry_run:
        raise VidcondenseError("--dry-run says what is missing; leave --force out")
    require_scipy()
    options = replace(options, device=local_device(options.device))
    stores = [ClipStore.open(store_path, split) for split in options.splits]
    planned = plan(name, stores[0], options, out or Path("benchmark"))
    tasks = tasks_of(planned.cells, options, planned.folder)
    if force:
        refuse_force(planned.folder)
        clear(tasks)
    refuse_foreign(tasks, planned.store)
    if Ranks.here().first:
        _say(planned, tasks)
    return (None, []) if dry_run else _measure(planned, {task.folder for task in tasks} if force else None)


def _say(planned: Plan, tasks: Sequence[Task]) -> None:
    """What will be measured, what not, and what that costs."""
    say = partial(Console(stderr=True, highlight=False, soft_wrap=True).print, markup=False)
    together = replace(planned.options, jobs=planned.options.jobs * Ranks.here().count)
    for remark in planned.remarks:
        say(remark)
    for skipped in planned.skipped:
        say(f"left out: {skipped.row} {skipped.column}: {skipped.reason}")
    cost = Cost(together)
    cost.add(tasks, planned.store.path)
    for line in cost.describe(len(tasks)):
        say(line)
    if planned.name == "tradeoff":
        say("and cells at equal bytes, whose number of videos is known when these are condensed")


def _measure(planned: Plan, cleared: set[Path] | None) -> tuple[Path | None, list[Skipped]]:
    """Run all cells and write the page; the cells that failed.

    Args:
        planned: what to measure.
        cleared: folders that are empty; others are cleared too. None: what they hold is gone on with.
    """
    options, cells, skipped = planned.options, list(planned.cells), list(planned.skipped)
    reasons: dict[Path, str] = {}
    tried: dict[Path, Task] = {}

    def run(cells: Sequence[Cell]) -> None:
        tasks = tasks_of(cells, options, planned.folder)
        for task in tasks:
            tried[task.folder] = task
            reasons.pop(task.folder, None)  # it is tried again
        if cleared is not None:
            clear(task for task in tasks if task.folder not in cleared)
            cleared.update(task.folder for task in tasks)
        refuse_foreign(tasks, planned.store)
        reasons.update(run_tasks(tasks, planned.store, options, planned.folder / "logs"))

    run(cells)
    if planned.name == "tradeoff":
        within = equal_bytes.settle(cells, planned.tasks, run)
        skipped += equal_bytes.too_large(cells, within)
        cells += within
    if not Ranks.here().first:
        return None, []
    benchmark, tasks = BENCHMARKS[planned.name], planned.tasks(cells)
    results = {cell: read_result(of_cell) for cell, of_cell in tasks.items()}
    against = options.against or benchmark.against
    rows = build_rows(results, options.metric, against, benchmark.figures, planned.figures)
    failed = _failed(tasks, reasons) + _failed_on_the_way(planned, tasks, tried, reasons)
    skipped += failed
    if not rows:
        raise VidcondenseError(f"no cell could be measured: {skipped[0].reason}")
    done = replace(planned, cells=cells, skipped=skipped)
    extra = extras.EXTRAS[done.name](done, rows) if done.name in extras.EXTRAS else page.Extra()
    return page.write(done, rows, extra), failed


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

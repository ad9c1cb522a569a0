"""From a name and a store to the finished page: plan, cost, cells, tables."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from rich.console import Console

from vidcondense.base import files
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.ranks import Ranks, local_device
from vidcondense.benchmark import BENCHMARKS, equal_bytes, extras, page
from vidcondense.benchmark.cell import Cell, Skipped
from vidcondense.benchmark.cost import Estimator, describe
from vidcondense.benchmark.options import Options
from vidcondense.benchmark.plan import Plan, check_options, plan
from vidcondense.benchmark.published import DATASETS, Published, lookup
from vidcondense.benchmark.results import read_result
from vidcondense.benchmark.rows import build_rows
from vidcondense.benchmark.runner import run_tasks
from vidcondense.benchmark.statistics import Pair, require_scipy
from vidcondense.benchmark.tables import comma_separated
from vidcondense.benchmark.tasks import Task, refuse_foreign, task_of, tasks_of
from vidcondense.data.store import ClipStore


def run_benchmark(
    name: str, store_path: Path | None, out: Path | None, options: Options, *, dry_run: bool = False
) -> Path | None:
    """Measure what is missing and write the page.

    Several processes may be called with the same arguments, under torchrun: they share the cells, and the
    first one writes the page.

    Args:
        name: one of `BENCHMARKS`.
        store_path: the real clips; may be None for `storage` alone, which then prints formulas.
        out: folder for cells and results; one folder may serve several benchmarks of a store.
        options: the user's choices.
        dry_run: only say what it would cost; nothing is written.

    Returns:
        The Markdown page; None for a dry run, and in all processes but the first.

    Raises:
        VidcondenseError: an option that does not fit, a folder of other cells, or nothing measured.
        Interrupted: Ctrl-C or SIGTERM; the same command goes on.
    """
    check_options(name, options)
    if store_path is None:
        if BENCHMARKS[name].needs_store:
            raise VidcondenseError(f"benchmark {name} needs a STORE made by `vidcondense prepare`")
        return None if dry_run else _formula_only(out)
    if out is None and not dry_run:
        raise VidcondenseError("benchmark needs --out FOLDER (or --dry-run)")
    require_scipy()
    options = replace(options, device=local_device(options.device))
    stores = [ClipStore.open(store_path, split) for split in options.splits]
    planned = plan(name, stores[0], options)
    session = _Session(name, stores[0], out or Path("benchmark"), options, planned)
    tasks = tasks_of(planned.cells, options, session.folder)
    refuse_foreign(tasks, stores[0])
    if Ranks.here().first:
        _say_cost(session, tasks)
    return None if dry_run else session.measure()


def _say_cost(session: "_Session", tasks: Sequence[Task]) -> None:
    say = partial(Console(stderr=True, highlight=False, soft_wrap=True).print, markup=False)
    together = replace(session.options, jobs=session.options.jobs * Ranks.here().count)
    for remark in session.plan.remarks:
        say(remark)
    for skipped in session.plan.skipped:
        say(f"left out: {skipped.row} {skipped.column}: {skipped.reason}")
    for line in describe(Estimator(together).cost(tasks, session.store.path), len(tasks), together):
        say(line)
    if BENCHMARKS[session.name].equal_bytes:
        say("and cells at equal bytes, whose number of videos is known when these are condensed")


class _Session:
    """One call of a benchmark: what it measures, where, and which tasks have failed."""

    def __init__(self, name: str, store: ClipStore, folder: Path, options: Options, planned: Plan) -> None:
        self.name, self.store, self.folder, self.options, self.plan = name, store, folder, options, planned
        self.failed: dict[Path, str] = {}

    def measure(self) -> Path | None:
        """Run all cells and write the page; None in all processes but the first."""
        benchmark, cells, skipped = BENCHMARKS[self.name], list(self.plan.cells), list(self.plan.skipped)
        self.run(cells)
        if benchmark.equal_bytes:
            within = equal_bytes.settle(cells, self.tasks_by_cell, self.run)
            skipped += equal_bytes.too_large(cells, within)
            cells += within
        if not Ranks.here().first:
            return None
        tasks = self.tasks_by_cell(cells)
        results = {cell: read_result(tasks[cell], self.options.metric) for cell in cells}
        dataset = self.plan.dataset
        judged = any(cell.networks for cell in cells)
        if dataset is None or (judged and DATASETS[dataset].metric != self.options.metric):
            figures = _no_figures
        else:
            figures = partial(lookup, benchmark.figures or self.name, dataset)
        rows = build_rows(cells, results, self.options.against or benchmark.against, figures)
        skipped += _failures(tasks, self.failed)
        if not rows:
            raise VidcondenseError(f"no cell could be measured: {skipped[0].reason}")
        outcome = page.Outcome(
            self.name,
            self.options,
            self.store,
            self.folder,
            cells,
            tasks,
            results,
            rows,
            skipped,
            self.plan.remarks,
        )
        return page.write(outcome, extras.EXTRAS.get(self.name, extras.none)(outcome))

    def run(self, cells: Sequence[Cell]) -> None:
        """Condense and evaluate what is missing of cells, and note what failed."""
        tasks = tasks_of(cells, self.options, self.folder)
        refuse_foreign(tasks, self.store)
        self.failed |= run_tasks(tasks, self.store, self.options, self.folder / "logs")

    def tasks_by_cell(self, cells: Sequence[Cell]) -> dict[Cell, Mapping[Pair, Task]]:
        """The tasks of each cell, by split and seed."""
        options = self.options
        pairs = [(split, seed) for split in options.splits for seed in options.seeds]
        return {cell: {pair: task_of(cell, options, self.folder, *pair) for pair in pairs} for cell in cells}


def _no_figures(row: str, column: str) -> list[Published]:
    return []


def _failures(tasks: Mapping[Cell, Mapping[Pair, Task]], failed: Mapping[Path, str]) -> list[Skipped]:
    """Why cells failed, and under which splits and seeds where not under all."""
    skipped = []
    for cell, of_cell in tasks.items():
        reasons: dict[str, list[str]] = {}
        for (split, seed), task in of_cell.items():
            if task.folder in failed:
                reasons.setdefault(failed[task.folder], []).append(f"split {split} seed {seed}")
        for reason, sets in reasons.items():
            where = "" if len(sets) == len(of_cell) else f" ({', '.join(sets)})"
            skipped.append(Skipped(cell.row, cell.column, reason + where))
    return skipped


def _formula_only(out: Path | None) -> Path | None:
    """Table 2 for the papers' datasets, which needs no store."""
    extra = extras.formula()
    text = "# Storage\n\n" + "\n".join(extra.sections)
    if out is None:
        Console(soft_wrap=True, highlight=False).print(text, markup=False)
        return None
    files.make_folder(out)
    files.write_json(out / "storage.json", extra.data)
    files.write_bytes(out / "storage.csv", comma_separated(extra.data["formula"]).encode())
    files.write_bytes(out / "storage.md", text.encode())
    return out / "storage.md"

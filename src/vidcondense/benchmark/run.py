"""From a name and a store to the finished page: plan, cost, cells, tables."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from vidcondense.base import files
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.ranks import Ranks, local_device
from vidcondense.benchmark import BENCHMARKS, extras, page
from vidcondense.benchmark.cell import Cell, Choices, Skipped, check_overrides
from vidcondense.benchmark.cost import Estimator, describe
from vidcondense.benchmark.grids import equal_bytes
from vidcondense.benchmark.options import Options
from vidcondense.benchmark.published import DATASETS, Published, lookup, recognise
from vidcondense.benchmark.results import read_made, read_result
from vidcondense.benchmark.rows import build_rows
from vidcondense.benchmark.runner import run_tasks
from vidcondense.benchmark.statistics import Pair
from vidcondense.benchmark.tables import WORD, comma_separated
from vidcondense.benchmark.tasks import Task, refuse_foreign, task_of, tasks_of
from vidcondense.data.store import ClipStore
from vidcondense.evaluation.protocols import PROTOCOLS
from vidcondense.networks import is_known
from vidcondense.recipes import load as recipe

PAPER_FRAMES, PAPER_SIZE = 16, 112
"""Clips of miniUCF and HMDB51 in the papers, for which the published hyper-parameters are."""


@dataclass(frozen=True)
class Plan:
    """What is to be measured, what cannot be, and how that was decided."""

    cells: list[Cell]
    skipped: list[Skipped]
    dataset: str | None
    remarks: list[str]


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
    ranks, options = Ranks.here(), replace(options, device=local_device(options.device))
    say = Console(stderr=True, highlight=False, soft_wrap=True).print
    if store_path is None and name == "storage":
        return _formula_only(out, dry_run)
    if store_path is None:
        raise VidcondenseError(f"benchmark {name} needs a STORE made by `vidcondense prepare`")
    if out is None and not dry_run:
        raise VidcondenseError("benchmark needs --out FOLDER (or --dry-run)")
    folder = out or Path("benchmark")
    stores = [ClipStore.open(store_path, split) for split in options.splits]
    made = plan(name, stores[0], options)
    tasks = tasks_of(made.cells, options, folder)
    refuse_foreign(tasks, stores[0])
    if ranks.first:
        together = replace(options, jobs=options.jobs * ranks.count)
        for line in (
            *_lines(made),
            *describe(Estimator(together).cost(tasks, store_path), len(tasks), together),
        ):
            say(line, markup=False)
        if name == "tradeoff":
            say("and cells at equal bytes, whose number of videos is known when these are condensed")
    return None if dry_run else _measure(name, stores[0], folder, options, made)


def _lines(made: Plan) -> list[str]:
    left_out = [f"left out: {one.row} {one.column}: {one.reason}" for one in made.skipped]
    return [*made.remarks, *left_out]


def check_options(name: str, options: Options) -> None:
    """Refuse what no cell could run with, before anything starts.

    Raises:
        VidcondenseError: names the option and the mend.
    """
    if name not in BENCHMARKS:
        raise VidcondenseError(f"no benchmark {name!r}; known: {', '.join(BENCHMARKS)}")
    if options.protocol not in PROTOCOLS:
        raise VidcondenseError(f"unknown protocol {options.protocol!r}; known: {', '.join(PROTOCOLS)}")
    for option, value in (
        ("--jobs", options.jobs),
        ("--networks", options.networks),
        ("--clips", options.clips),
    ):
        if value < 1:
            raise VidcondenseError(f"{option} must be at least 1, not {value}")
    for vpc in options.vpc:
        if vpc < 1:
            raise VidcondenseError(f"--vpc must be at least 1, not {vpc}")
    if options.published not in ("auto", "none", "all", *DATASETS):
        known = ", ".join(("auto", "none", "all", *DATASETS))
        raise VidcondenseError(f"--published must be one of {known}, not {options.published!r}")
    if options.cells and name != "grid":
        raise VidcondenseError(f"--cell is for benchmark grid, not for {name}")
    check_overrides(options.overrides)


def plan(name: str, store: ClipStore, options: Options) -> Plan:
    """The cells that can be measured with this version, and the others with the reason.

    Raises:
        VidcondenseError: none can.
    """
    dataset = known_dataset(options.published, store)
    small = options.recipes == "small" or (
        options.recipes == "auto" and (store.frames < PAPER_FRAMES or store.size < PAPER_SIZE)
    )
    choices = Choices(
        options.methods,
        options.vpc,
        options.network,
        options.overrides,
        store.frames,
        small,
        dataset,
        options.cells,
    )
    checked = [(cell, _problem(cell, options)) for cell in BENCHMARKS[name].cells(choices)]
    cells = list(dict.fromkeys(cell for cell, problem in checked if problem is None))
    skipped = [Skipped(cell.row, cell.column, problem) for cell, problem in checked if problem is not None]
    for network in dict.fromkeys(network for cell in cells for network in cell.networks):
        if not is_known(network):
            skipped.append(Skipped(network, "", f"no network {network!r} in this version"))
    judged = any(cell.networks for cell in cells)
    cells = [replace(cell, networks=tuple(one for one in cell.networks if is_known(one))) for cell in cells]
    if not cells or judged > any(cell.networks for cell in cells):
        raise VidcondenseError(f"nothing to measure: {skipped[0].reason}")
    remarks = [] if name == "grid" else [_recipe_remark(options, store, small)]
    return Plan(cells, skipped, dataset, remarks + _remarks(options, store, dataset))


def known_dataset(wanted: str, store: ClipStore) -> str | None:
    """Which of the papers' datasets the store is, by the user's word or by its name.

    Raises:
        VidcondenseError: the user names one with another number of classes.
    """
    if wanted == "none":
        return None
    if wanted in ("auto", "all"):
        return recognise(store.name, len(store.class_names))
    classes = DATASETS[wanted].classes
    if classes != len(store.class_names):
        raise VidcondenseError(
            f"--published {wanted}: {DATASETS[wanted].title} has {classes} classes, the store "
            f"{len(store.class_names)}; to print its figures for reference use --published all"
        )
    return wanted


def _problem(cell: Cell, options: Options) -> str | None:
    """Why a cell cannot be measured with this version; None if it can."""
    if not cell.recipe:
        return None
    if cell.recipe not in recipe.available() and not cell.recipe.endswith(".toml"):
        return f"no recipe {cell.recipe!r} in this version"
    try:
        for split in options.splits:
            cell.resolve(0, split)
    except VidcondenseError as error:
        return str(error)
    return None


def _recipe_remark(options: Options, store: ClipStore, small: bool) -> str:
    chosen = (
        "Recipes for short runs (`_small`) where there are some"
        if small
        else "Recipes with the published hyper-parameters"
    )
    why = f"; chosen for clips of {store.frames}x{store.size}x{store.size}, see --recipes"
    return chosen + (why if options.recipes == "auto" else "") + "."


def _remarks(options: Options, store: ClipStore, dataset: str | None) -> list[str]:
    remarks = []
    if options.overrides:
        remarks.append(f"Overrides: {', '.join(f'`{text}`' for text in options.overrides)}.")
    if dataset is not None:
        theirs = DATASETS[dataset]
        same = (theirs.frames, theirs.size) == (store.frames, store.size)
        remarks.append(
            f"Published figures are for {theirs.title}, {theirs.frames} frames of {theirs.size}x{theirs.size}"
            + ("" if same else f" (here {store.frames} of {store.size}x{store.size})")
            + ", under the evaluation of Wang et al.'s code (protocol vdsd comes closest)."
        )
        if theirs.metric != options.metric:
            remarks.append(
                f"They are {WORD[theirs.metric]} and not shown beside {WORD[options.metric]}; use --metric."
            )
    return remarks


def _measure(name: str, store: ClipStore, folder: Path, options: Options, made: Plan) -> Path | None:
    failed = _run(made.cells, store, folder, options)
    cells, skipped = list(made.cells), list(made.skipped)
    if name == "tradeoff":
        more, failed = _equal_bytes(cells, store, folder, options, failed)
        skipped += _too_large(cells, more)
        cells += more
    if not Ranks.here().first:
        return None
    tasks = _by_cell(cells, folder, options)
    results = {cell: read_result(tasks[cell], options.metric) for cell in cells}
    figures = _figures(name, made.dataset, options)
    against = options.against or BENCHMARKS[name].against
    rows = build_rows(cells, results, against, figures)
    skipped += _failures(tasks, failed)
    if not rows:
        raise VidcondenseError(f"no cell could be measured: {skipped[0].reason}")
    outcome = page.Outcome(
        name, options, store, folder, made.dataset, cells, tasks, results, rows, skipped, made.remarks
    )
    return page.write(outcome, extras.EXTRAS.get(name, extras.none)(outcome))


def _run(cells: Sequence[Cell], store: ClipStore, folder: Path, options: Options) -> dict[Path, str]:
    tasks = tasks_of(cells, options, folder)
    refuse_foreign(tasks, store)
    return run_tasks(tasks, store, options, folder / "logs")


def _by_cell(cells: Sequence[Cell], folder: Path, options: Options) -> dict[Cell, Mapping[Pair, Task]]:
    return {
        cell: {
            (split, seed): task_of(cell, options, folder, split, seed)
            for split in options.splits
            for seed in options.seeds
        }
        for cell in cells
    }


def _failures(tasks: Mapping[Cell, Mapping[Pair, Task]], failed: Mapping[Path, str]) -> list[Skipped]:
    """Why cells failed, and under which splits and seeds where not under all."""
    skipped = []
    for cell, found in tasks.items():
        reasons: dict[str, list[str]] = {}
        for (split, seed), task in found.items():
            if task.folder in failed:
                reasons.setdefault(failed[task.folder], []).append(f"split {split} seed {seed}")
        for reason, sets in reasons.items():
            where = "" if len(sets) == len(found) else f" ({', '.join(sets)})"
            skipped.append(Skipped(cell.row, cell.column, reason + where))
    return skipped


def _equal_bytes(
    cells: Sequence[Cell], store: ClipStore, folder: Path, options: Options, failed: dict[Path, str]
) -> tuple[list[Cell], dict[Path, str]]:
    """Condense until every method's number of videos at equal bytes is known, then evaluate those cells."""
    sizes: dict[tuple[str, int], float] = {}
    tried: Sequence[Cell] = [cell for cell in cells if cell.recipe]
    while True:
        for cell, tasks in _by_cell(tried, folder, options).items():
            made = [read_made(task).stored_bytes for task in tasks.values() if task.condensed]
            complete = len(made) == len(tasks)
            sizes[cell.row, cell.vpc] = sum(made) / len(made) if complete else float("inf")
        more, settled = equal_bytes(cells, sizes)
        wanted = more if settled else [replace(cell, networks=()) for cell in more]
        failed = {**failed, **_run(wanted, store, folder, options)}
        if settled:
            return more, failed
        tried = more


def _too_large(cells: Sequence[Cell], more: Sequence[Cell]) -> list[Skipped]:
    """Methods that have no cell at equal bytes."""
    columns = dict.fromkeys(cell.column for cell in more)
    rows = {(cell.row, cell.column) for cell in more}
    methods = dict.fromkeys(cell.row for cell in cells if cell.recipe)
    reason = "not measured at the same number of videos, or one video per class takes more bytes"
    return [
        Skipped(row, column, reason) for column in columns for row in methods if (row, column) not in rows
    ]


def _figures(name: str, dataset: str | None, options: Options) -> Callable[[str, str], Sequence[Published]]:
    """Looks the papers' figures up for a row and column of theirs; none for data or a metric not theirs."""
    table = "accuracy" if name == "tradeoff" else name
    if dataset is None or (table != "storage" and DATASETS[dataset].metric != options.metric):
        return lambda row, column: ()
    return lambda row, column: lookup(table, dataset, row, column)


def _formula_only(out: Path | None, dry_run: bool) -> Path | None:
    """Table 2 for the papers' datasets, which needs no store."""
    if dry_run:
        return None
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

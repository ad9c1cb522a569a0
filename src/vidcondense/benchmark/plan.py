"""Which cells a benchmark has on a store, which it cannot measure, and what was decided on the way."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from vidcondense.base.errors import VidcondenseError
from vidcondense.benchmark.cell import Cell, Choices, Skipped, check_overrides
from vidcondense.benchmark.grids import BENCHMARKS, with_controls
from vidcondense.benchmark.options import Options
from vidcondense.benchmark.statistics import Pair
from vidcondense.benchmark.tables import WORD
from vidcondense.benchmark.tasks import Task
from vidcondense.data.store import ClipStore
from vidcondense.networks import is_known
from vidcondense.recipes import load as recipe
from vidcondense.recipes.datasets import DATASETS, recognise
from vidcondense.run.budget import Samples

PAPER_FRAMES, PAPER_SIZE = 16, 112
"""Clips of miniUCF and HMDB51 in the papers, for which the published hyper-parameters are."""


@dataclass(frozen=True)
class Plan:
    """What is to be measured, or in the end was, and what not.

    Attributes:
        name: of the benchmark.
        store: the real clips.
        options: as the user gave them.
        folder: for cells and results.
        cells: in the order of the table.
        skipped: what cannot be measured, and why.
        remarks: lines about how recipes and figures were chosen.
        figures: of which of the papers' datasets figures stand beside; empty for none.
    """

    name: str
    store: ClipStore
    options: Options
    folder: Path
    cells: list[Cell]
    skipped: list[Skipped]
    remarks: list[str]
    figures: str = ""

    @property
    def chance(self) -> float:
        """Accuracy of guessing in percent."""
        return 100 / len(self.store.class_names)

    def file(self, ending: str) -> Path:
        """An output file, `ending` after the benchmark's name."""
        return self.folder / f"{self.name}{ending}"

    def tasks(self, cells: Iterable[Cell]) -> dict[Cell, Mapping[Pair, Task]]:
        """The tasks of each cell, by split and seed."""
        splits, seeds = self.options.splits, self.options.seeds
        return {
            cell: {
                (split, seed): Task(cell, self.options, self.folder, split, seed)
                for split in splits
                for seed in cell.seeds(seeds)
            }
            for cell in cells
        }


def plan(name: str, store: ClipStore, options: Options, folder: Path) -> Plan:
    """The cells that can be measured with this version, and the others with the reason.

    Raises:
        VidcondenseError: none can.
    """
    dataset = known_dataset(options.published, store)
    small = options.recipes == "small" or (
        options.recipes == "auto" and (store.frames < PAPER_FRAMES or store.size < PAPER_SIZE)
    )
    choices = Choices(**vars(options), frames=store.frames, small=small, dataset=dataset)
    own = BENCHMARKS[name].cells(choices)
    check_overrides(options.overrides, own)
    wanted = with_controls(own, choices)
    problems = {cell: _problem(cell, options) for cell in wanted}
    problems |= _too_few_bytes([cell for cell in wanted if not problems[cell]], store, options)
    skipped = [Skipped(cell.row, cell.column, problem) for cell, problem in problems.items() if problem]
    possible = [cell for cell, problem in problems.items() if not problem]
    networks = dict.fromkeys(network for cell in possible for network in cell.networks)
    skipped += [
        Skipped(network, "", f"no network {network!r} in this version")
        for network in networks
        if not is_known(network)
    ]
    cells = [replace(cell, networks=tuple(filter(is_known, cell.networks))) for cell in possible]
    if not cells or (networks and not any(map(is_known, networks))):
        reason = skipped[0].reason if skipped else f"{name} is of condensed sets, and no method makes one"
        raise VidcondenseError(f"nothing to measure: {reason}")
    remarks = [] if name == "grid" else [_recipe_remark(choices, store.size)]
    remarks += dict.fromkeys(line for cell in cells for line in cell.remarks(store.name))
    if options.overrides:
        remarks.append(f"Overrides: {', '.join(f'`{text}`' for text in options.overrides)}.")
    figures = dataset or ""
    if dataset is not None:
        remarks += _figure_remarks(dataset, store, options)
        if networks and DATASETS[dataset].metric != options.metric:
            figures = ""
    return Plan(name, store, options, folder, cells, skipped, remarks, figures)


def known_dataset(wanted: str, store: ClipStore) -> str | None:
    """Which of the papers' datasets the store is, by the user's word or by its name.

    Raises:
        VidcondenseError: the user names one with another number of classes.
    """
    if wanted == "none":
        return None
    if wanted in ("auto", "all"):
        return recognise(store.name, store.class_names)
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


def _too_few_bytes(cells: Iterable[Cell], store: ClipStore, options: Options) -> dict[Cell, str]:
    """Why budgets do not hold the least that a recipe makes of the first split."""
    samples = Samples(store, device=options.device, precision=options.precision)
    problems = {}
    for cell in cells:
        if not cell.fitted:
            continue
        made = cell.resolve(0, options.splits[0])
        try:
            cell.fit(samples, made)
        except VidcondenseError as error:
            problems[cell] = str(error)
    return problems


def _recipe_remark(choices: Choices, size: int) -> str:
    short, full = "for short runs (`_small`) where there are some", "with the published hyper-parameters"
    why = f"; chosen for clips of {choices.frames}x{size}x{size}, see --recipes"
    return f"Recipes {short if choices.small else full}{why if choices.recipes == 'auto' else ''}."


def _figure_remarks(dataset: str, store: ClipStore, options: Options) -> list[str]:
    theirs = DATASETS[dataset]
    same = (theirs.frames, theirs.size) == (store.frames, store.size)
    here = "" if same else f" (here {store.frames} of {store.size}x{store.size})"
    remarks = [
        f"Published figures are for {theirs.title}, {theirs.frames} frames of {theirs.size}x{theirs.size}"
        f"{here}, under the evaluation of Wang et al.'s code (protocol vdsd comes closest)."
    ]
    if theirs.metric != options.metric:
        remarks.append(
            f"They are {WORD[theirs.metric]} and not shown beside {WORD[options.metric]}; use --metric."
        )
    return remarks

"""Which cells a benchmark has on a store, which it cannot measure, and what was decided on the way."""

from dataclasses import dataclass, replace

from vidcondense.base.errors import VidcondenseError
from vidcondense.benchmark import BENCHMARKS
from vidcondense.benchmark.cell import Cell, Choices, Skipped, check_overrides, refuse_unread
from vidcondense.benchmark.options import Options
from vidcondense.benchmark.published import DATASETS, recognise
from vidcondense.benchmark.tables import WORD
from vidcondense.data.store import ClipStore
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


def check_options(name: str, options: Options) -> None:
    """Refuse what no cell could run with, before anything starts.

    Raises:
        VidcondenseError: names the option and the mend.
    """
    if name not in BENCHMARKS:
        raise VidcondenseError(f"no benchmark {name!r}; known: {', '.join(BENCHMARKS)}")
    if options.cells and not BENCHMARKS[name].own_cells:
        raise VidcondenseError(f"--cell is for benchmark grid, not for {name}")
    check_overrides(options.overrides, any(method.endswith(".toml") for method in options.methods))


def plan(name: str, store: ClipStore, options: Options) -> Plan:
    """The cells that can be measured with this version, and the others with the reason.

    Raises:
        VidcondenseError: none can.
    """
    dataset = known_dataset(options.published, store)
    small = options.recipes == "small" or (
        options.recipes == "auto" and (store.frames < PAPER_FRAMES or store.size < PAPER_SIZE)
    )
    choices = Choices(**vars(options), frames=store.frames, small=small, dataset=dataset)
    wanted = BENCHMARKS[name].cells(choices)
    refuse_unread(options.overrides, wanted)
    checked = [(cell, _problem(cell, options)) for cell in wanted]
    cells = list(dict.fromkeys(cell for cell, problem in checked if problem is None))
    skipped = [Skipped(cell.row, cell.column, problem) for cell, problem in checked if problem is not None]
    for network in dict.fromkeys(network for cell in cells for network in cell.networks):
        if not is_known(network):
            skipped.append(Skipped(network, "", f"no network {network!r} in this version"))
    judged = any(cell.networks for cell in cells)
    cells = [replace(cell, networks=tuple(filter(is_known, cell.networks))) for cell in cells]
    if not cells or judged > any(cell.networks for cell in cells):
        raise VidcondenseError(f"nothing to measure: {skipped[0].reason}")
    remarks = [] if BENCHMARKS[name].own_cells else [_recipe_remark(choices, store.size)]
    return Plan(cells, skipped, dataset, remarks + _remarks(choices, store.size))


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


def _recipe_remark(choices: Choices, size: int) -> str:
    short, full = "for short runs (`_small`) where there are some", "with the published hyper-parameters"
    why = f"; chosen for clips of {choices.frames}x{size}x{size}, see --recipes"
    return f"Recipes {short if choices.small else full}{why if choices.recipes == 'auto' else ''}."


def _remarks(choices: Choices, size: int) -> list[str]:
    remarks = []
    if choices.overrides:
        remarks.append(f"Overrides: {', '.join(f'`{text}`' for text in choices.overrides)}.")
    if choices.dataset is not None:
        theirs = DATASETS[choices.dataset]
        same = (theirs.frames, theirs.size) == (choices.frames, size)
        remarks.append(
            f"Published figures are for {theirs.title}, {theirs.frames} frames of {theirs.size}x{theirs.size}"
            + ("" if same else f" (here {choices.frames} of {size}x{size})")
            + ", under the evaluation of Wang et al.'s code (protocol vdsd comes closest)."
        )
        if theirs.metric != choices.metric:
            remarks.append(
                f"They are {WORD[theirs.metric]} and not shown beside {WORD[choices.metric]}; use --metric."
            )
    return remarks

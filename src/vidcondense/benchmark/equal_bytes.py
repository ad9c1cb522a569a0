"""Every method at the bytes of random selection: as many videos per class as it affords for them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from vidcondense.benchmark.cell import Cell, Skipped, label
from vidcondense.benchmark.rows import read_made
from vidcondense.benchmark.statistics import Pair
from vidcondense.benchmark.tasks import Task

TOLERANCE = 1.01
"""Equal bytes are equal to within this factor: learned labels add a little to every frame."""

Sizes = dict[tuple[str, int], float]
"""Mean bytes of a method's condensed sets by (row, VPC); infinite where not all could be condensed."""


def settle(
    cells: Sequence[Cell],
    tasks_by_cell: Callable[[Sequence[Cell]], Mapping[Cell, Mapping[Pair, Task]]],
    run: Callable[[Sequence[Cell]], None],
) -> list[Cell]:
    """Condense until every method's number of videos at equal bytes is known, then evaluate those cells.

    `cells` are those of `tradeoff`, condensed as far as they can be; what is returned has been `run`.
    """
    sizes: Sizes = {}
    tried: Sequence[Cell] = [cell for cell in cells if cell.recipe]
    while True:
        for cell, tasks in tasks_by_cell(tried).items():
            stored = [read_made(task).stored_bytes for task in tasks.values() if task.condensed]
            complete = len(stored) == len(tasks)
            sizes[cell.row, cell.vpc] = sum(stored) / len(stored) if complete else float("inf")
        more, settled = cells_within(cells, sizes)
        run(more if settled else [replace(cell, networks=()) for cell in more])
        if settled:
            return more
        tried = more


def affordable(sizes: dict[int, float], budget: float) -> tuple[int, bool]:
    """The most videos per class whose bytes stay within a budget, 0 if not even one fits.

    Args:
        sizes: bytes by videos per class, as measured; infinite where a class has too few videos.
        budget: bytes.

    Returns:
        A number, and whether it was measured. If not, measure it and ask again.
    """
    best = max((vpc for vpc, size in sizes.items() if size <= budget), default=0)
    over = min((vpc for vpc, size in sizes.items() if size > budget), default=None)
    known = best or min(sizes)
    guess = int(budget / (sizes[known] / known) + 1e-9)
    guess = guess if over is None else min(guess, over - 1)
    return (guess, False) if guess > best else (best, True)


def cells_within(cells: Sequence[Cell], sizes: Sizes) -> tuple[list[Cell], bool]:
    """For each budget, the bytes of random selection at its VPC, a cell of every method with what it affords.

    Also says whether all numbers of videos are settled. If not, condense these cells and ask again.
    """
    within: list[Cell] = []
    settled = True
    for random in (cell for cell in cells if cell.row == label("random")):
        budget = sizes.get((random.row, random.vpc))
        if budget is None:
            continue
        for cell in (cell for cell in cells if cell.column == random.column):
            known = {vpc: size for (row, vpc), size in sizes.items() if row == cell.row}
            if all(size == float("inf") for size in known.values()):
                continue
            vpc, measured = affordable(known, TOLERANCE * budget)
            if vpc:
                column = f"bytes of Random at VPC {random.vpc}"
                within.append(replace(cell, column=column, vpc=vpc, reference=None))
                settled = settled and measured
    return within, settled


def too_large(cells: Sequence[Cell], within: Sequence[Cell]) -> list[Skipped]:
    """Methods of `cells` that have no cell at equal bytes."""
    columns = dict.fromkeys(cell.column for cell in within)
    rows = {(cell.row, cell.column) for cell in within}
    methods = dict.fromkeys(cell.row for cell in cells if cell.recipe)
    reason = "not measured at the same number of videos, or one video per class takes more bytes"
    return [
        Skipped(row, column, reason) for column in columns for row in methods if (row, column) not in rows
    ]

"""Figures of the papers, to stand in columns of their own beside what was measured here."""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import msgspec

from vidcondense.recipes.datasets import DATASETS

NETWORK = "network"
"""As a cell's reference: the column is the name of the evaluation network."""
VPCS = (1, 5, 10)
INITIAL_KEY_FRAMES = (2, 3, 4, 6, 8)


@dataclass(frozen=True)
class Published:
    """One figure of a paper: a line of figures.csv.

    They are from PRISM Tables 1 to 5 and DFS Tables 1 to 6, which describe one method. Most figures are in
    both; `source` names who prints one. They differ in the initial key frames and in some of `storage` at
    VPC 10. The text of DFS at hand lacks miniUCF in its Table 6 C and D: these figures are PRISM's alone.
    Rows of Wang et al. are as the two give them.

    Attributes:
        table: the benchmark it belongs to.
        dataset: a key of `recipes.datasets.DATASETS`.
        row: the method or variant, by the key that cells use.
        column: the column of the benchmark's table.
        source: the papers that print it.
        mean: percent, or MiB (the papers write MB) in `storage`. `storage-percent` is DFS Table 2's share of
            the whole dataset: float32 values over bytes of another kind (9.81 and 4.93 GB).
        std: standard deviation, None where none is given.
    """

    table: str
    dataset: str
    row: str
    column: str
    source: str
    mean: float
    std: float | None = None


@cache
def figures() -> tuple[Published, ...]:
    """Every published figure."""
    text = (files(__package__) / "figures.csv").read_text(encoding="utf-8")
    return tuple(
        msgspec.convert({**line, "std": line["std"] or None}, Published, strict=False)
        for line in csv.DictReader(text.splitlines())
    )


def lookup(table: str, dataset: str, row: str, column: str) -> list[Published]:
    """The figures for one entry of a table, one per source; often none."""
    wanted = (table, dataset, row, column)
    return [each for each in figures() if (each.table, each.dataset, each.row, each.column) == wanted]


def heading_of(figure: Published) -> str:
    """The column that a figure stands in: never one of ours."""
    return f"published {DATASETS[figure.dataset].title} ({figure.source})"

"""Figures of the papers, to stand in columns of their own beside what was measured here."""

import csv
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import msgspec

NETWORK = "network"
"""As a cell's reference: the column is the name of the evaluation network."""
VPCS = (1, 5, 10)
INITIAL_KEY_FRAMES = (2, 3, 4, 6, 8)


@dataclass(frozen=True)
class Published:
    """One figure of a paper: a line of figures.csv.

    They are from PRISM Tables 1 to 5 and DFS Tables 1 to 6: the same method, and the same figures but for
    some of `storage` at VPC 10 and the initial key frames. Rows of Wang et al. are as these two give them.

    Attributes:
        table: the benchmark it belongs to.
        dataset: a key of `DATASETS`.
        row: the method or variant, by the key that cells use.
        column: the column of the benchmark's table.
        source: the papers that print it; the text of DFS at hand lacks miniUCF in its Table 6 C and D.
        mean: percent, or MiB (the papers write MB) in `storage`.
        std: standard deviation, None where none is given.
    """

    table: str
    dataset: str
    row: str
    column: str
    source: str
    mean: float
    std: float | None = None


@dataclass(frozen=True)
class Dataset:
    """What the papers used."""

    title: str
    classes: int
    frames: int
    size: int
    metric: str
    names: tuple[str, ...]
    """What a store of it may be called, in lower case, letters and digits only."""


DATASETS = {
    "miniucf": Dataset("miniUCF", 50, 16, 112, "top1", ("miniucf", "miniucf101", "ucf50splits1")),
    "hmdb51": Dataset("HMDB51", 51, 16, 112, "top1", ("hmdb51", "hmdb")),
    "kinetics400": Dataset("Kinetics-400", 400, 8, 64, "top5", ("kinetics400", "kinetics", "k400")),
    "ssv2": Dataset("Something-Something V2", 174, 8, 64, "top5", ("ssv2", "somethingsomethingv2")),
}


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


def recognise(name: str, classes: int) -> str | None:
    """Which of the papers' datasets a store is, by its name and number of classes; None for any other."""
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    for key, dataset in DATASETS.items():
        if plain in dataset.names and classes == dataset.classes:
            return key
    return None

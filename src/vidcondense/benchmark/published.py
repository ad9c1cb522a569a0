"""Figures of the papers, to stand in columns of their own beside what was measured here.

Sources: PRISM Tables 1 to 5; DFS Tables 1 to 6 (the same method and, but for the initial key frames, the same
figures); rows of Wang et al. as PRISM gives them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

BOTH = "PRISM, DFS"
NETWORK = "network"
"""As a cell's reference: the column is the name of the evaluation network."""


@dataclass(frozen=True)
class Published:
    """One figure of a paper.

    Attributes:
        table: the benchmark it belongs to.
        dataset: a key of `DATASETS`.
        row: the method or variant, by the key that cells use.
        column: the column of the benchmark's table.
        source: which paper.
        mean: percent, or MiB in `storage`.
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

# Rows: method; then mean and deviation at VPC 1, 5, 10 (two VPCs for Kinetics-400 and SSv2).
_ACCURACY = {
    "miniucf": """
        random  10.9 0.7  19.6 0.4  27.8 1.1
        herding 13.2 1.3  26.3 1.0  33.7 0.3
        k_center 13.9 1.6  23.2 0.7  29.1 0.6
        dm      15.3 1.1  25.7 0.2  30.0 0.6
        wang    17.5 0.1  27.2 0.4
        prism   17.9 0.3  28.0 0.1  31.0 0.1""",
    "hmdb51": """
        random  3.3 0.1  6.8 0.7  9.8 0.4
        herding 3.0 0.1  9.0 0.6  10.8 0.6
        k_center 2.4 0.4  5.2 0.4  8.0 0.1
        dm      6.1 0.2  8.0 0.2  12.1 0.4
        wang    6.0 0.4  8.2 0.1
        prism   7.5 0.3  10.5 0.4  12.8 0.2""",
    "kinetics400": """
        random  3.0 0.2  5.5 0.2
        herding 3.3 0.1  6.3 0.2
        k_center 3.1 0.1  6.2 0.2
        dm      6.3 0.0  9.1 0.9
        wang    6.3 0.2  7.0 0.1
        prism   7.1 0.1  8.1 0.1""",
    "ssv2": """
        random  3.1 0.1  3.6 0.1
        herding 2.8 0.1  3.6 0.1
        k_center 2.6 0.2  4.5 0.1
        dm      3.6 0.0  4.1 0.0
        wang    4.0 0.1  3.8 0.1
        prism   3.9 0.2  4.1 0.1""",
}
_WHOLE = {"miniucf": (57.8, 1.1), "hmdb51": (25.4, 0.2), "kinetics400": (30.3, 0.1), "ssv2": (23.0, 0.3)}
# MiB (the papers write MB) at VPC 1, 5, 10, as DFS Table 2 has them; PRISM's VPC 10 entry for DM differs.
_STORAGE = {
    "miniucf": {"wang": (94, 455), "prism": (20, 133, 324)},
    "hmdb51": {"wang": (94, 455), "prism": (22, 137, 287)},
}
_EVERY_FRAME = (115, 586, 1150)
_CROSS = {
    "dm": {"minic3d": (15.3, 1.1), "cnn_gru": (9.9, 0.7), "cnn_lstm": (9.2, 0.3)},
    "wang": {"minic3d": (17.5, 0.1), "cnn_gru": (12.0, 0.7), "cnn_lstm": (10.3, 0.2)},
    "prism": {"minic3d": (17.9, 0.3), "cnn_gru": (18.9, 0.8), "cnn_lstm": (18.2, 1.3)},
}
_INITIAL = {  # 2, 3, 4, 6, 8 key frames; the two texts differ
    ("miniucf", "PRISM"): ((17.9, 0.3), (16.4, 0.5), (15.9, 0.3), (15.0, 0.2), (14.8, 0.2)),
    ("hmdb51", "PRISM"): ((7.5, 0.3), (6.4, 0.2), (6.0, 0.4), (5.2, 0.4), (4.9, 0.2)),
    ("miniucf", "DFS"): ((17.9, 0.3), (17.3, 0.8), (17.0, 0.1), (15.5, 0.2), (15.3, 0.2)),
    ("hmdb51", "DFS"): ((7.5, 0.3), (6.8, 0.1), (6.6, 0.1), (6.1, 0.3), (5.6, 0.2)),
}
_ABLATION = {
    "miniucf": {
        "full": (17.9, 0.3),
        "no-insertion": (15.8, 1.2),
        "random-position": (16.8, 0.4),
        "l2": (15.7, 0.7),
        "no-warm-up": (16.1, 0.8),
        "no-cool-down": (16.9, 1.3),
    },
    "hmdb51": {
        "full": (7.5, 0.3),
        "no-insertion": (6.1, 0.3),
        "random-position": (6.8, 0.2),
        "l2": (6.0, 0.6),
        "no-warm-up": (6.8, 1.2),
        "no-cool-down": (6.3, 0.3),
    },
}
VPCS = (1, 5, 10)
INITIAL_KEY_FRAMES = (2, 3, 4, 6, 8)


@cache
def figures() -> tuple[Published, ...]:
    """Every published figure."""
    return (*_accuracy(), *_storage(), *_others())


def lookup(table: str, dataset: str, row: str, column: str) -> list[Published]:
    """The figures for one entry of a table, one per source; often none."""
    wanted = (table, dataset, row, column)
    return [one for one in figures() if (one.table, one.dataset, one.row, one.column) == wanted]


def heading_of(one: Published) -> str:
    """The column that a figure stands in: never one of ours."""
    return f"published {DATASETS[one.dataset].title} ({one.source})"


def recognise(name: str, classes: int) -> str | None:
    """Which of the papers' datasets a store is, by its name and number of classes; None for any other."""
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    for key, dataset in DATASETS.items():
        if plain in dataset.names and classes == dataset.classes:
            return key
    return None


def _accuracy() -> Iterator[Published]:
    for dataset, text in _ACCURACY.items():
        for line in text.split("\n"):
            method, *numbers = line.split() or [""]
            pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
            for vpc, (mean, std) in zip(VPCS, pairs, strict=False):
                yield Published("accuracy", dataset, method, f"VPC {vpc}", BOTH, float(mean), float(std))
        yield Published("accuracy", dataset, "whole", "all", BOTH, *_WHOLE[dataset])


def _storage() -> Iterator[Published]:
    for dataset, rows in _STORAGE.items():
        every = dict.fromkeys(("random", "herding", "k_center", "dm"), _EVERY_FRAME)
        for method, values in {**every, **rows}.items():
            for vpc, mib in zip(VPCS, values, strict=False):
                yield Published("storage", dataset, method, f"VPC {vpc}", BOTH, mib)


def _others() -> Iterator[Published]:
    for method, by_network in _CROSS.items():
        for network, figure in by_network.items():
            yield Published("cross-architecture", "miniucf", method, network, BOTH, *figure)
    for (dataset, source), values in _INITIAL.items():
        for count, figure in zip(INITIAL_KEY_FRAMES, values, strict=True):
            yield Published("initial-frames", dataset, f"{count} key frames", "top-1", source, *figure)
    for dataset, variants in _ABLATION.items():
        for variant, figure in variants.items():
            yield Published("ablation", dataset, variant, "top-1", BOTH, *figure)

"""The datasets of the papers: what they are, and whether a store is one of them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from vidcondense.data.layouts.miniucf import CLASSES


@dataclass(frozen=True)
class Dataset:
    """What the papers used."""

    title: str
    classes: int
    frames: int
    size: int
    metric: str
    names: tuple[str, ...]
    """What the name of a store of it may begin with, in lower case, letters and digits only."""
    telling: tuple[str, ...]
    """Classes that tell it from other datasets with as many classes."""
    training_videos: int | None = None
    """As Wang et al.'s lists have them; None where none were at hand."""


DATASETS = {
    "miniucf": Dataset("miniUCF", 50, 16, 112, "top1", ("miniucf", "ucf50splits1"), CLASSES, 4662),
    "hmdb51": Dataset(
        *("HMDB51", 51, 16, 112, "top1", ("hmdb",)),
        telling=("brush_hair", "draw_sword", "fall_floor", "flic_flac", "shoot_bow", "sword_exercise"),
        training_videos=5236,
    ),
    "kinetics400": Dataset(
        *("Kinetics-400", 400, 8, 64, "top5", ("kinetics", "k400")),
        telling=("abseiling", "air drumming", "krumping", "tai chi", "zumba"),
    ),
    "ssv2": Dataset(
        *("Something-Something V2", 174, 8, 64, "top5", ("ssv2", "somethingsomethingv2")),
        telling=(
            "Pulling something from left to right",
            "Pulling something from right to left",
            "Tearing something into two pieces",
        ),
    ),
}


def recognise(name: str, class_names: Sequence[str]) -> str | None:
    """Which of the papers' datasets a store is, by its number of classes and its name or theirs.

    Returns:
        A key of `DATASETS`; None for any other dataset, and for a part of one of these.
    """
    classes = {_plain(each) for each in class_names}
    for key, dataset in DATASETS.items():
        telling = {_plain(each) for each in dataset.telling}
        named = _plain(name).startswith(dataset.names)
        if len(class_names) == dataset.classes and (named or telling <= classes):
            return key
    return None


def _plain(text: str) -> str:
    """Letters and digits alone, in lower case."""
    return re.sub(r"[^a-z0-9]", "", text.lower())

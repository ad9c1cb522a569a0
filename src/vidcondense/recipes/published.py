"""Published hyper-parameters: which row of a recipe is used for a dataset and a number of videos, and why."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.settings import Positive
from vidcondense.recipes.datasets import DATASETS

STEP_SIZE = "optimiser.learning_rate"


class Published(TypedDict):
    """One row of a recipe's [[published]] tables: what was published for a dataset and a number of videos."""

    dataset: str
    vpc: Positive
    set: dict[str, Any]


@dataclass(frozen=True)
class Choice:
    """What of a recipe's published hyper-parameters is used.

    Attributes:
        settings: by dotted key.
        remarks: a line for everything that nobody has published.
    """

    settings: Mapping[str, Any]
    remarks: tuple[str, ...] = ()


def choose(recipe: str, rows: Sequence[Published], dataset: str | None, vpc: int, store: str = "") -> Choice:
    """The row for a dataset and a number of videos per class.

    A VPC between two rows has the step size that lies between theirs on logarithmic scales, one beyond them
    that of the nearest row in proportion to VPC: the gradient of one video falls with 1 / VPC, since the
    loss compares a mean over videos. All else is of the nearest row.

    Args:
        recipe: its name, for messages.
        rows: of the recipe.
        dataset: whose; None takes the first.
        vpc: videos per class.
        store: what the dataset at hand is called, where None stands for one that has no rows.

    Raises:
        VidcondenseError: no row is of that dataset.
    """
    known = list(dict.fromkeys(row["dataset"] for row in rows))
    if dataset is not None and dataset not in known:
        there = f"it has them for {', '.join(known)}" if known else "it has none"
        raise VidcondenseError(f"recipe {recipe} has no published hyper-parameters for {dataset!r}; {there}")
    if not known:
        return Choice({})
    remarks = []
    if dataset is None and known[0] in DATASETS and store:  # others, such as "images", are never the store's
        used = DATASETS[known[0]].title
        remarks.append(f"recipe {recipe}: no published settings for {store!r}: those of {used} are used")
    by_vpc = {row["vpc"]: row["set"] for row in rows if row["dataset"] == (dataset or known[0])}
    if vpc in by_vpc:
        return Choice(by_vpc[vpc], tuple(remarks))
    nearest = min(by_vpc, key=lambda one: (abs(math.log(one / vpc)), one))
    settings = dict(by_vpc[nearest])
    what = f"those of VPC {nearest}, the nearest, are used"
    if STEP_SIZE in settings:
        settings[STEP_SIZE], how = _step_size(by_vpc, vpc, nearest)
        what += f", with {STEP_SIZE} = {settings[STEP_SIZE]:g}, {how}"
    remarks.append(f"recipe {recipe}: no published settings for VPC {vpc}: {what}")
    return Choice(settings, tuple(remarks))


def _step_size(by_vpc: Mapping[int, Mapping[str, Any]], vpc: int, nearest: int) -> tuple[float, str]:
    """The step size of a VPC without a row, and where it comes from."""
    sizes = {each: float(row[STEP_SIZE]) for each, row in by_vpc.items() if STEP_SIZE in row}
    below, above = ([each for each in sizes if (each > vpc) is over] for over in (False, True))
    if not below or not above:
        return _rounded(sizes[nearest] * vpc / nearest), "in proportion to VPC"
    low, high = max(below), min(above)
    share = math.log(vpc / low) / math.log(high / low)
    value = sizes[low] * (sizes[high] / sizes[low]) ** share
    return _rounded(value), f"between those of VPC {low} and {high}"


def _rounded(value: float) -> float:
    """Three digits: more would claim a precision that no interpolation has."""
    return float(f"{value:.3g}")

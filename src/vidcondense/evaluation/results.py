"""What an evaluation gives: the scores of its networks, the record that is written and read, and a table."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NotRequired, TypedDict

import torch
from torch import Tensor

from vidcondense import networks
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.typed import Count, Share
from vidcondense.evaluation.protocols import Protocol


class Scores(TypedDict):
    """An accuracy over networks as JSON: 0..1; null for a network that diverged, and where there is none.

    Earlier versions wrote a deviation of 0 for a single network.
    """

    mean: Share | None
    std: Share | None
    values: list[Share | None]


class Rounded(TypedDict):
    """The same networks with weights of 8 bits: top-1, and bytes of each one's file."""

    top1: Scores
    bytes: list[Count]


class TrainedOn(TypedDict):
    """Which real clips networks were trained on, and how many of them were mirrored."""

    name: NotRequired[str]
    fingerprint: str
    split: NotRequired[str]
    videos: Count
    flip: NotRequired[Share]


class Record(TypedDict):
    """What `Evaluation.to_dict` gives, as far as it is read again."""

    protocol: str
    network: str
    networks: Count
    diverged: Count
    top1: Scores
    top5: Scores
    controls: NotRequired[dict[str, Scores]]
    rounded: NotRequired[Rounded]
    per_class: dict[str, Share]
    confusion: list[list[Count]]
    test_videos: Count
    seconds: float
    trained_on: NotRequired[TrainedOn]


class FullRecord(Record):
    """All that `Evaluation.to_dict` gives, as it is read when the evaluation is asked for again."""

    train_loss: list[float | None]
    seed: Count
    precision: str
    settings: dict[str, Any]
    made_from: NotRequired[dict[str, Any]]


@dataclass(frozen=True)
class NetworkResult:
    """What one network scored on the test split.

    Attributes:
        top1: share of cases whose best class is right, 0..1.
        top5: share whose class is among the best five, 0..1.
        confusion: (true class, predicted class) int64 counts; None where it was read from an evaluation's
            file, which has the sum of all networks, as it has their seconds.
        loss: training loss at the end.
        diverged: whether training failed: a loss or a score that is not finite, or a loss no better than
            guessing.
        seconds: that training and testing took.
        controls: top-1 of the same test videos with their frames in another order, by its name.
        rounded: top-1 with weights of 8 bits.
        rounded_bytes: of a file of such weights; 0 where they were not tested.
    """

    top1: float
    top5: float
    confusion: Tensor | None
    loss: float
    diverged: bool
    seconds: float
    controls: Mapping[str, float] = field(default_factory=dict)
    rounded: float = math.nan
    rounded_bytes: int = 0


@dataclass(frozen=True)
class Evaluation:
    """Results of several networks under one protocol.

    Attributes:
        trained_on: which real clips the networks were trained on; empty for a condensed set.
        made_from: everything else that decides a network's result, see `Trial.made_from`.
        earlier: what a file says of networks that were evaluated before; `results` begins with them.
    """

    protocol: Protocol
    network: str
    class_names: tuple[str, ...]
    results: tuple[NetworkResult, ...]
    test_videos: int
    seed: int
    precision: str
    trained_on: Mapping[str, Any] = field(default_factory=dict)
    made_from: Mapping[str, Any] = field(default_factory=dict)
    earlier: Record | None = None

    @property
    def seconds(self) -> float:
        """What all networks took, one after another."""
        before = self.earlier["seconds"] if self.earlier else 0.0
        return before + sum(result.seconds for result in self.results)

    @property
    def confusion(self) -> Tensor:
        """(true class, predicted class) int64 counts of all networks that trained."""
        size = len(self.class_names)
        start = torch.zeros(size, size, dtype=torch.int64)
        if self.earlier:
            start += torch.tensor(self.earlier["confusion"], dtype=torch.int64)
        return sum((one.confusion for one in self.trained if one.confusion is not None), start)

    @property
    def trained(self) -> list[NetworkResult]:
        """The networks that did not diverge."""
        return [result for result in self.results if not result.diverged]

    @property
    def top1(self) -> tuple[float, float]:
        """Mean and deviation of top-1 accuracy over the networks that trained; NaN where there is none.

        The sample deviation; of networks that take turns, within a kind.
        """
        scores = self._scores([result.top1 for result in self.results])
        return _number(scores["mean"]), _number(scores["std"])

    @property
    def top5(self) -> tuple[float, float]:
        """The same of top-5 accuracy."""
        scores = self._scores([result.top5 for result in self.results])
        return _number(scores["mean"]), _number(scores["std"])

    @property
    def controls(self) -> dict[str, Scores]:
        """Top-1 accuracy with the frames of test videos in another order, by the order's name."""
        names = list(self.results[0].controls) if self.results else []
        return {name: self._scores([result.controls.get(name) for result in self.results]) for name in names}

    @property
    def rounded(self) -> Rounded | None:
        """The same networks with weights of 8 bits; None where one was not tested so."""
        sizes = [result.rounded_bytes for result in self.results]
        if not sizes or 0 in sizes:
            return None
        return {"top1": self._scores([result.rounded for result in self.results]), "bytes": sizes}

    def _scores(self, values: Sequence[float | None]) -> Scores:
        values = [None if one.diverged else value for one, value in zip(self.results, values, strict=True)]
        known = [value for value in values if value is not None]
        return {
            "mean": statistics.fmean(known) if known else None,
            "std": deviation(by_kind(values, self.network)),
            "values": values,
        }

    def to_dict(self) -> dict[str, Any]:
        """As JSON: accuracies in 0..1; null where no network trained."""
        confusion = self.confusion
        per_class = confusion.diagonal() / confusion.sum(1).clamp(min=1)
        return {
            "protocol": self.protocol.name,
            "network": self.network,
            "networks": len(self.results),
            "diverged": len(self.results) - len(self.trained),
            "top1": self._scores([result.top1 for result in self.results]),
            "top5": self._scores([result.top5 for result in self.results]),
            "per_class": dict(zip(self.class_names, per_class.tolist(), strict=True)),
            "confusion": confusion.tolist(),
            **({"controls": self.controls} if self.controls else {}),
            **({"rounded": self.rounded} if self.rounded else {}),
            "train_loss": [r.loss if math.isfinite(r.loss) else None for r in self.results],
            "test_videos": self.test_videos,
            "seconds": round(self.seconds, 3),
            "seed": self.seed,
            "precision": self.precision,
            "settings": self.protocol.settings(),
            **({"trained_on": dict(self.trained_on)} if self.trained_on else {}),
            **({"made_from": dict(self.made_from)} if self.made_from else {}),
        }


def networks_of(record: FullRecord) -> list[NetworkResult]:
    """The results of single networks, as far as a record has them.

    Raises:
        VidcondenseError: it does not have so many as it says, or no confusion of each class.
    """
    count, size = record["networks"], len(record["per_class"])
    columns = (record["top1"]["values"], record["top5"]["values"], record["train_loss"])
    if any(len(column) != count for column in columns):
        raise VidcondenseError(f"it has no value of each of its {count} networks")
    controls = {name: scores["values"] for name, scores in record.get("controls", {}).items()}
    if any(len(column) != count for column in controls.values()):
        raise VidcondenseError(f"it has no control of each of its {count} networks")
    others = [{name: _number(column[number]) for name, column in controls.items()} for number in range(count)]
    small = record.get("rounded")
    rounded = small["top1"]["values"] if small else [None] * count
    sizes = small["bytes"] if small else [0] * count
    if not len(rounded) == len(sizes) == count:
        raise VidcondenseError(f"it has no rounded weights of each of its {count} networks")
    if [len(row) for row in record["confusion"]] != [size] * size:
        raise VidcondenseError("it has no confusion of each class")
    return [
        NetworkResult(_number(top1), _number(top5), None, _number(loss), top1 is None, 0.0, *rest)
        for top1, top5, loss, *rest in zip(*columns, others, map(_number, rounded), sizes, strict=True)
    ]


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def accuracies(scores: Tensor, truth: Tensor) -> tuple[float, float, Tensor]:
    """Top-1, top-5 and the confusion matrix (true, predicted) of scores (case, class)."""
    classes = scores.shape[1]
    best = scores.topk(min(5, classes), dim=1).indices
    right = best == truth[:, None]
    confusion = torch.zeros(classes, classes, dtype=torch.int64)
    confusion.index_put_((truth, best[:, 0]), torch.ones_like(truth), accumulate=True)
    return right[:, 0].double().mean().item(), right.any(1).double().mean().item(), confusion


def mean_std(values: Sequence[float]) -> tuple[float | None, float | None]:
    """Mean, None of nothing, and sample standard deviation (n - 1), None of fewer than two values."""
    return statistics.fmean(values) if values else None, deviation([values])


def by_kind(values: Sequence[float | None], network: str) -> list[list[float]]:
    """The values of networks that trained, those of a kind together where several take turns."""
    kinds = len(networks.turns(network))
    return [[value for value in values[kind::kinds] if value is not None] for kind in range(kinds)]


def deviation(groups: Sequence[Sequence[float]]) -> float | None:
    """The sample deviation within groups: what groups differ by, as kinds of networks do, is no noise.

    Squares about the mean of each group, over their degrees of freedom, n - 1 of each; None where that is 0.
    """
    squares = sum((value - statistics.fmean(group)) ** 2 for group in groups for value in group)
    freedom = sum(len(group) - 1 for group in groups if group)
    return math.sqrt(squares / freedom) if freedom else None

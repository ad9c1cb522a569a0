"""What finished cells measured, read from their run folders."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from vidcondense.benchmark.statistics import Pair
from vidcondense.benchmark.tasks import Task
from vidcondense.condensed import CondensedVideos
from vidcondense.evaluation.results import Record, mean_std


@dataclass(frozen=True)
class Made:
    """A condensed set.

    Attributes:
        key_frames: per video, on average; None where videos are not made of frames (memories).
        stored_bytes: float32 values times four, as the papers count.
        file_bytes: of condensed.safetensors.
        seconds: of condensing.
        key_frames_by_class: per video of each class.
    """

    key_frames: float | None
    stored_bytes: int
    file_bytes: int
    seconds: float
    key_frames_by_class: Mapping[str, float]


@dataclass(frozen=True)
class Judged:
    """One condensed set under one evaluation network.

    Attributes:
        values: accuracy in percent of each network that trained.
        diverged: how many did not.
        per_class: accuracy in percent by class; empty if none trained.
    """

    values: tuple[float, ...]
    diverged: int
    per_class: Mapping[str, float] = field(default_factory=dict)

    @property
    def mean(self) -> float | None:
        """Mean over the networks that trained; None if none did."""
        return mean_std(self.values)[0]


@dataclass(frozen=True)
class Result:
    """What a cell measured under every split and seed."""

    made: Mapping[Pair, Made]
    judged: Mapping[str, Mapping[Pair, Judged]]
    """By evaluation network."""


def read_result(tasks: Mapping[Pair, Task], metric: Literal["top1", "top5"]) -> Result:
    """What of a cell is finished.

    Args:
        tasks: the cell's, by split and seed.
        metric: which accuracy.
    """
    made = {pair: read_made(task) for pair, task in tasks.items() if task.cell.recipe and task.condensed}
    judged: dict[str, dict[Pair, Judged]] = {}
    for pair, task in tasks.items():
        for network in task.cell.networks:
            record = task.evaluation(network)
            if record is not None:
                judged.setdefault(network, {})[pair] = _judged(record, metric)
    return Result(made, judged)


def read_made(task: Task) -> Made:
    """The condensed set of a finished task, as far as tables need it."""
    condensed = CondensedVideos.load(task.run.condensed)
    counts = condensed.key_counts if condensed.clips_per_video == 1 else []
    by_class: dict[str, list[int]] = {}
    for label, count in zip(condensed.labels.tolist(), counts, strict=False):
        by_class.setdefault(condensed.class_names[label], []).append(count)
    return Made(
        key_frames=mean_std(counts)[0],
        stored_bytes=condensed.stored_values * 4,
        file_bytes=task.run.condensed.stat().st_size,
        seconds=float(task.run.read()["seconds"]),
        key_frames_by_class={name: statistics.fmean(of_class) for name, of_class in by_class.items()},
    )


def _judged(result: Record, metric: Literal["top1", "top5"]) -> Judged:
    values = tuple(100 * value for value in result[metric]["values"] if value is not None)
    per_class = {name: 100 * value for name, value in result["per_class"].items()} if values else {}
    return Judged(values, result["diverged"], per_class)

"""Rows of a table: what was measured for one cell and evaluation network, over splits and seeds."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

from vidcondense import networks
from vidcondense.base.units import MEBIBYTE
from vidcondense.benchmark.cell import Cell
from vidcondense.benchmark.grids import FIRST
from vidcondense.benchmark.published import NETWORK, Published, heading_of, lookup
from vidcondense.benchmark.statistics import Difference, Pair, interval, judged, paired
from vidcondense.benchmark.tasks import Task
from vidcondense.condensed import CondensedVideos
from vidcondense.evaluation.results import Record, by_kind, deviation, mean_std


class Made(NamedTuple):
    """A condensed set, as far as tables need it; key frames per video are None, and {}, for memories."""

    key_frames: float | None
    stored_bytes: int
    """float32 values times four, as the papers count."""
    file_bytes: int
    seconds: float
    key_frames_by_class: Mapping[str, float]
    vpc: int
    """Of the largest class."""


class Result(NamedTuple):
    """What a cell measured, by split and seed: condensed sets, and evaluations by network."""

    made: Mapping[Pair, Made]
    judged: Mapping[str, Mapping[Pair, Record]]


@dataclass(frozen=True)
class Row:
    """One line of the long table, and of its CSV and JSON files.

    Accuracies are in percent, deviations those of samples; None stands where there is no number. What counts
    as one value is a condensed set, with the mean of its networks.

    Attributes:
        method: what was measured.
        column: under what condition; only rows of one column are compared.
        vpc: videos per class, of several numbers the largest; None for all.
        recipe: name of the recipe; empty for the whole dataset.
        network: the evaluation network; empty where nothing is evaluated.
        mean: accuracy, the mean over condensed sets.
        half_width: of its 95 % interval; None of fewer than three sets.
        std_of_sets: deviation of the condensed sets' means.
        std_of_networks: deviation of networks within a set.
        sets: how many condensed sets, or for the whole dataset evaluations.
        networks: how many were trained, with those that diverged.
        diverged: how many did not train.
        key_frames: per video; this and what follows is a mean over condensed sets.
        mib: float32 values times four, in MiB.
        stored_bytes: the same in bytes.
        file_bytes: of condensed.safetensors.
        seconds: of condensing.
        steps: that evaluation networks trained for; 0 for what the protocol says.
        budget: bytes that the file was to fill; 0: none.
        set_means: mean accuracy of each set, None where no network trained; empty where nothing is judged.
        test_videos: of each split.
        classes: accuracy and key frames per video of each class; empty where no network trained.
        controls: top-1 of the test videos with their frames in another order, by its name.
        against: differences by the row they are from.
        published: the papers' figures for the same entry.
    """

    method: str
    column: str
    vpc: int | None = None
    recipe: str = ""
    network: str = ""
    mean: float | None = None
    half_width: float | None = None
    std_of_sets: float | None = None
    std_of_networks: float | None = None
    sets: int = 0
    networks: int = 0
    diverged: int = 0
    key_frames: float | None = None
    mib: float | None = None
    stored_bytes: float | None = None
    file_bytes: float | None = None
    seconds: float | None = None
    steps: int = 0
    budget: int = 0
    set_means: Mapping[Pair, float | None] = field(default_factory=dict)
    test_videos: Mapping[str, int] = field(default_factory=dict)
    classes: Mapping[str, tuple[float, float | None]] = field(default_factory=dict)
    controls: Mapping[str, float] = field(default_factory=dict)
    against: Mapping[str, Difference] = field(default_factory=dict)
    published: Sequence[Published] = ()

    @property
    def title(self) -> str:
        """Method and column."""
        return ", ".join(filter(None, (self.method, self.column)))

    def flat(self) -> dict[str, Any]:
        """As a line of the CSV and JSON files: plain texts and numbers."""
        apart = ("set_means", "test_videos", "classes", "controls", "against", "published")
        line = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in apart}
        line |= {f"test frames {name}": value for name, value in self.controls.items()}
        for name, difference in self.against.items():
            column = f"against {name}"
            line[column] = difference.mean
            line[f"{column}, half width"] = difference.half_width
            line[f"{column}, pairs"] = difference.pairs
            line[f"{column}, left out"] = difference.left_out
            line[f"{column}, p"] = difference.p
            line[f"{column}, p by Holm"] = difference.p_holm
            line[f"{column}, p of level by Holm"] = difference.p_level
            line[f"{column}, verdict"] = difference.verdict
        for figure in self.published:
            line[heading_of(figure)] = figure.mean
            line[f"{heading_of(figure)}, std"] = figure.std
        return line


def read_result(tasks: Mapping[Pair, Task], known: dict[Path, Made]) -> Result:
    """What of a cell's tasks is finished.

    Args:
        tasks: of the cell.
        known: condensed sets that were read before, by folder; new ones are added.
    """
    made: dict[Pair, Made] = {}
    for pair, task in tasks.items():
        if task.cell.recipe and task.condensed:
            if task.folder not in known:
                known[task.folder] = read_made(task)
            made[pair] = known[task.folder]
    judged: dict[str, dict[Pair, Record]] = {}
    for pair, task in tasks.items():
        for judge in task.cell.judges:
            record = task.evaluation(judge)
            if record is not None:
                judged.setdefault(judge.network, {})[pair] = record
    return Result(made, judged)


def read_made(task: Task) -> Made:
    """The condensed set of a finished task."""
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
        vpc=condensed.vpc,
    )


def build_rows(
    results: Mapping[Cell, Result],
    metric: Literal["top1", "top5"],
    against: Sequence[str] = (),
    table: str = "",
    dataset: str = "",
    margin: float | None = None,
) -> list[Row]:
    """A row per cell and evaluation network of which something is finished.

    Args:
        results: what cells measured, in the order of the table.
        metric: which accuracy.
        against: rows to take differences from; `FIRST` is the first row of each column.
        table: the benchmark whose published figures stand beside.
        dataset: of which of the papers' datasets; empty for no figures.
        margin: points within which two rows count as level; None for none.
    """
    several = len({network for cell in results for network in cell.networks}) > 1
    rows = []
    for cell, result in results.items():
        for network in cell.networks or ("",):
            records = result.judged.get(network, {})
            if result.made or records:
                column = ", ".join(filter(None, (cell.column, network if several else "")))
                row = _row(cell, column, network, list(result.made.values()), records, metric)
                rows.append(replace(row, published=_published(cell, network, table, dataset)))
    compared = [_differences(row, rows, against) for row in rows]
    verdicts = iter(judged([one for of_row in compared for one in of_row.values()], margin))
    return [
        replace(row, against={name: next(verdicts) for name in of_row})
        for row, of_row in zip(rows, compared, strict=True)
    ]


def _row(
    cell: Cell,
    column: str,
    network: str,
    made: Sequence[Made],
    records: Mapping[Pair, Record],
    metric: Literal["top1", "top5"],
) -> Row:
    kinds = {
        pair: by_kind([value and 100 * value for value in record[metric]["values"]], network)
        for pair, record in records.items()
    }
    values = {pair: [value for group in groups for value in group] for pair, groups in kinds.items()}
    set_means = {pair: mean_std(of_set)[0] for pair, of_set in values.items()}
    known = {pair: mean for pair, mean in set_means.items() if mean is not None}
    mean, std_of_sets = mean_std(list(known.values()))
    test_videos = {split: record["test_videos"] for (split, _), record in records.items()}
    found = interval(known, sum(test_videos.values()))
    diverged = sum(record["diverged"] for record in records.values())
    stored = _mean([each.stored_bytes for each in made])
    return Row(
        method=cell.row,
        column=column,
        vpc=cell.vpc or (max(each.vpc for each in made) if made else None),
        recipe=cell.recipe,
        network=network,
        steps=cell.steps,
        budget=cell.budget,
        mean=mean,
        half_width=found.half_width() if found else None,
        std_of_sets=std_of_sets,
        std_of_networks=deviation([group for of_set in kinds.values() for group in of_set]),
        sets=len(made) or len(records),
        networks=sum(map(len, values.values())) + diverged,
        diverged=diverged,
        key_frames=_mean([each.key_frames for each in made]),
        mib=None if stored is None else stored / MEBIBYTE,
        stored_bytes=stored,
        file_bytes=_mean([each.file_bytes for each in made]),
        seconds=_mean([each.seconds for each in made]),
        set_means=set_means,
        test_videos=test_videos,
        controls=_controls(list(records.values())),
        classes=_by_class(made, [record for pair, record in records.items() if values[pair]]),
    )


def _mean(values: Sequence[float | None]) -> float | None:
    return mean_std([float(value) for value in values if value is not None])[0]


def _controls(records: Sequence[Record]) -> dict[str, float]:
    """Mean accuracy in percent with test frames in another order, over condensed sets that have it."""
    found: dict[str, list[float]] = {}
    for record in records:
        for name, scores in record.get("controls", {}).items():
            if scores["mean"] is not None:
                found.setdefault(name, []).append(100 * scores["mean"])
    return {name: statistics.fmean(values) for name, values in found.items()}


def _by_class(made: Sequence[Made], trained: Sequence[Record]) -> dict[str, tuple[float, float | None]]:
    """Accuracy and key frames per video of each class, in the store's order."""
    shares: dict[str, list[float]] = {}
    for record in trained:
        for name, share in record["per_class"].items():
            shares.setdefault(name, []).append(share)
    return {
        name: (100 * statistics.fmean(of_class), _mean([each.key_frames_by_class.get(name) for each in made]))
        for name, of_class in shares.items()
    }


def _differences(row: Row, rows: Sequence[Row], against: Sequence[str]) -> dict[str, Difference]:
    rivals = {
        rival.method: rival for rival in rows if (rival.column, rival.network) == (row.column, row.network)
    }
    names = dict.fromkeys(next(iter(rivals)) if name == FIRST else name for name in against)
    return {
        name: paired(row.set_means, rivals[name].set_means, sum(row.test_videos.values()))
        for name in names
        if name in rivals and name != row.method and row.set_means
    }


def _published(cell: Cell, network: str, table: str, dataset: str) -> Sequence[Published]:
    """The papers judge by miniC3D, but for the table that has a column per network."""
    if cell.reference is None:
        return ()
    row, column = cell.reference
    if column == NETWORK:
        return lookup(table, dataset, row, network)
    return lookup(table, dataset, row, column) if not network or "minic3d" in networks.turns(network) else ()

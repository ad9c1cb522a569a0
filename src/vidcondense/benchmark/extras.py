"""What single benchmarks show beside the common table: formulas, flow, kept frames, trade-offs."""

import json
import statistics
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vidcondense.base.units import MEBIBYTE
from vidcondense.benchmark import figures, flow, plots, storage, tables
from vidcondense.benchmark.cell import Cell
from vidcondense.benchmark.page import Extra, Outcome
from vidcondense.benchmark.statistics import Pair
from vidcondense.condensed import CondensedVideos
from vidcondense.data.store import ClipStore
from vidcondense.evaluation.results import mean_std

Flows = list[flow.Flow]
"""By class."""


def none(outcome: Outcome) -> Extra:
    """Nothing beside the common table."""
    return Extra()


def storage_extra(outcome: Outcome) -> Extra:
    """MiB measured as a plot, and the papers' datasets by formula."""
    extra = formula()
    if outcome.rows:
        plots.storage_plot(outcome.file(".svg"), outcome.rows)
        extra.pictures.append(outcome.file(".svg"))
        extra.sections.insert(0, "## Measured: MiB of float32 values\n\n" + tables.overview(outcome.rows))
        real = 4 * len(outcome.store.select("train")) * outcome.store.frames * 3 * outcome.store.size**2
        extra.sections.insert(
            1,
            f"All real training clips of split {outcome.store.split}, one per video, counted the same way: "
            f"{real / MEBIBYTE:,.0f} MiB; a quarter of that as 8-bit pixels.\n",
        )
    return extra


def formula() -> Extra:
    """PRISM Table 2 by formula."""
    lines = storage.formula_lines()
    headings = ("dataset", "method", "VPC", "MiB", "bytes", "published (MB)", "key frames it means")
    titled = [dict(zip(headings, line.values(), strict=True)) for line in lines]
    digits = dict(zip(headings, (None, None, None, 1, 0, 0, 2), strict=True))
    text = (
        "## By formula, for the papers' datasets\n\nThe papers print MB and mean MiB of float32 values. "
        "PRISM is computed with the 2 key frames it starts with, the least it can store.\n\n"
    )
    return Extra([text + tables.rounded(titled, digits)], {"formula": lines})


def flow_extra(outcome: Outcome) -> Extra:
    """Class-mean flow of real and condensed clips, and its end-point error."""
    flow.estimator()  # before anything is read
    classes = outcome.store.class_names
    real = {split: _real_flows(outcome, split) for split in outcome.options.splits}
    shown: dict[str, Flows] = {}
    still = [np.zeros_like(of_class) for of_class in next(iter(real.values()))]
    errors = {"no motion": _mean_errors([(still, flows) for flows in real.values()])}
    for cell in finished(outcome):
        learned = {pair: _flows(outcome, cell, pair) for pair in outcome.results[cell].made}
        shown[cell.row] = next(iter(learned.values()))
        errors[cell.row] = _mean_errors([(flows, real[split]) for (split, _), flows in learned.items()])
    picture = outcome.file(".png")
    drawn = figures.flow_figure(picture, classes, next(iter(real.values())), shown)
    lines: list[dict[str, Any]] = [
        {"class": name, **{method: of_class[index] for method, of_class in errors.items()}}
        for index, name in enumerate(classes)
    ]
    lines.append(
        {"class": "mean over classes"}
        | {method: mean_std(of_class)[0] for method, of_class in errors.items()}
    )
    table = tables.rounded(lines, {"class": None, **dict.fromkeys(errors, 3)})
    text = (
        "## End-point error of class-mean flow\n\nMean over pixels of the distance between the mean flow of "
        "a class's condensed clips and that of its real training clips, in pixels per frame; mean over "
        "condensed sets. `no motion` is what a still picture scores: one above it is worse.\n\n"
    )
    caption = (
        f"{len(drawn)} of {len(classes)} classes, those with the most real motion. Real clips above "
        "condensed ones of the first split and seed; hue is direction as in the wheel, brightness is "
        "magnitude, full at the longest flow of each picture (below it, in pixels per frame).\n"
    )
    return Extra([caption, text + table], {"end_point_error": lines}, lines, [picture])


def frames_extra(outcome: Outcome) -> Extra:
    """Which frames are kept, by class and position, and when they were inserted."""
    classes = outcome.store.class_names
    kept = {cell.row: _kept(outcome, cell) for cell in finished(outcome)}
    if not kept:
        return Extra()
    timeline, pictures = outcome.file(".svg"), outcome.file("-pictures.png")
    figures.frames_figure(timeline, classes, kept)
    figures.pictures_figure(pictures, classes, kept)
    times = [str(time) for time in range(outcome.store.frames)]
    heading = "share of videos that keep frame"
    shares = [
        {heading: method, **dict(zip(times, cell.shares.mean(0).tolist(), strict=True))}
        for method, cell in kept.items()
    ]
    lines = [
        {"class": name, "method": method, "key_frames": float(cell.shares[index].sum())}
        | {f"frame {time}": float(share) for time, share in enumerate(cell.shares[index])}
        for method, cell in kept.items()
        for index, name in enumerate(classes)
    ]
    by_class = [
        {"class": name, **{method: float(cell.shares[index].sum()) for method, cell in kept.items()}}
        for index, name in enumerate(classes)
    ]
    sections = [
        "## Frames\n\n" + tables.rounded(shares, {heading: None, **dict.fromkeys(times, 2)}),
        "## Key frames per video, by class\n\n"
        + tables.rounded(by_class, {"class": None, **dict.fromkeys(kept, 2)}),
    ]
    insertions = {method: [list(event) for event in cell.insertions] for method, cell in kept.items()}
    return Extra(sections, {"frames": lines, "insertions": insertions}, lines, [timeline, pictures])


def tradeoff_extra(outcome: Outcome) -> Extra:
    """Accuracy against bytes and time as a plot; what equal bytes mean."""
    picture = outcome.file("-plot.svg")
    plots.tradeoff_plot(picture, outcome.rows, 100 / len(outcome.store.class_names))
    text = (
        '## Equal bytes\n\nA column "bytes of Random at VPC v" gives every method the bytes (float32 values '
        "times four) that random selection stores at VPC v: it condenses as many videos per class as fit "
        "into them, see VPC in the details. Differences from Random in that column are those at equal bytes. "
        "Random could keep its clips as 8-bit pixels, in a quarter of these bytes.\n"
    )
    return Extra([text], pictures=[picture])


EXTRAS: dict[str, Callable[[Outcome], Extra]] = {
    "storage": storage_extra,
    "flow": flow_extra,
    "frames": frames_extra,
    "tradeoff": tradeoff_extra,
}


def finished(outcome: Outcome) -> list[Cell]:
    """The cells of which a condensed set is finished."""
    return [cell for cell in outcome.cells if outcome.results[cell].made]


def _real_flows(outcome: Outcome, split: str) -> Flows:
    """Mean flow of each class's real clips of a split."""
    store = ClipStore.open(outcome.store.path, split)
    return [flow.real_flow(store, index, outcome.options.clips) for index in range(len(store.class_names))]


def _mean_errors(pairs: Sequence[tuple[Flows, Flows]]) -> list[float]:
    """By class, the mean of the end-point errors over pairs of flows by class."""
    errors = [
        [flow.end_point_error(ours, theirs) for ours, theirs in zip(*pair, strict=True)] for pair in pairs
    ]
    return [statistics.fmean(of_class) for of_class in zip(*errors, strict=True)]


def _flows(outcome: Outcome, cell: Cell, pair: Pair) -> Flows:
    condensed = CondensedVideos.load(outcome.tasks[cell][pair].run.condensed)
    return [flow.condensed_flow(condensed, index) for index in range(len(condensed.class_names))]


def _kept(outcome: Outcome, cell: Cell) -> figures.Kept:
    counts: NDArray[np.float64] = np.zeros((len(outcome.store.class_names), outcome.store.frames))
    videos = np.zeros(len(outcome.store.class_names))
    insertions: list[tuple[int, int]] = []
    pictures: list[NDArray[np.uint8]] = []
    iterations = 0
    for pair in outcome.results[cell].made:
        task = outcome.tasks[cell][pair]
        condensed = CondensedVideos.load(task.run.condensed)
        for index, keys in zip(condensed.labels.tolist(), condensed.key_positions(), strict=True):
            counts[index, keys] += 1
            videos[index] += 1
        insertions += _insertions(task.run.metrics.read_text(encoding="utf-8").splitlines())
        iterations = task.run.recipe(task.run.read()).iterations
        pictures = pictures or _pictures(condensed)
    return figures.Kept(counts / videos[:, None], insertions, iterations, np.stack(pictures))


def _insertions(lines: Sequence[str]) -> list[tuple[int, int]]:
    events: list[dict[str, Any]] = [json.loads(line) for line in lines]
    return [(event["iteration"], event["position"]) for event in events if event["event"] == "insertion"]


def _pictures(condensed: CondensedVideos) -> list[NDArray[np.uint8]]:
    """(time, height, width, 3) of the first video of each class, grey where a frame is not stored."""
    labels = condensed.labels.tolist()
    pictures = []
    for index in range(len(condensed.class_names)):
        video = labels.index(index)
        pixels = condensed.pixels([video])[0].permute(0, 2, 3, 1).numpy().copy()
        stored = condensed.key_positions()[video]
        pixels[[time for time in range(len(pixels)) if time not in stored]] = figures.GREY
        pictures.append(pixels)
    return pictures

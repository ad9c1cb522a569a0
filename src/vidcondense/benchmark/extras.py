"""What single benchmarks show beside the common table: formulas, flow, kept frames, trade-offs."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vidcondense.base import files
from vidcondense.base.compute import choose
from vidcondense.base.units import MEBIBYTE
from vidcondense.benchmark import figures, flow, frontier, motion, plots, retrieval, storage, tables
from vidcondense.benchmark.page import Extra, rendered
from vidcondense.benchmark.plan import Plan
from vidcondense.benchmark.rows import Row
from vidcondense.benchmark.statistics import Pair
from vidcondense.benchmark.tasks import Task
from vidcondense.condensed import CondensedVideos
from vidcondense.data.store import ClipStore
from vidcondense.report.run import Insertion, read_metrics

EARLY, LATE = 0.2, 0.8
"""Where warm-up ends and cool-down begins in the papers, as shares of the iterations."""
Flows = list[flow.Flow]
"""By class."""


def storage_extra(plan: Plan, rows: Sequence[Row]) -> Extra:
    """MiB measured as a plot, and PRISM Table 2 for the papers' datasets by formula."""
    picture, formula, store = plan.file(".svg"), storage.formula_lines(), plan.store
    plots.storage_plot(picture, rows)
    shares = storage.shares(rows, store)
    whole = 4 * storage.whole_values(len(store.select("train")), store.frames, store.size)
    shown = {"formula": formula, "real_mib": whole / MEBIBYTE, "of_whole": shares}
    return Extra({"formula": formula, "of_whole": shares}, pictures=[picture], shown=shown)


def formula_page() -> str:
    """PRISM Table 2 for the papers' datasets by formula, which needs no store."""
    return "# Storage\n\n" + rendered("formula.md.jinja", formula=storage.formula_lines())


def write_formula(folder: Path) -> Path:
    """Write that page, and its numbers as CSV and JSON; returns the page."""
    lines = storage.formula_lines()
    files.make_folder(folder)
    files.write_json(folder / "storage.json", {"formula": lines})
    files.write_bytes(folder / "storage.csv", tables.comma_separated(lines).encode())
    files.write_bytes(folder / "storage.md", formula_page().encode())
    return folder / "storage.md"


def flow_extra(plan: Plan, rows: Sequence[Row]) -> Extra:
    """Class-mean flow of real and condensed clips, and its end-point error."""
    flow.estimator()  # before anything is read
    classes = plan.store.class_names
    real = {split: _real_flows(plan, split) for split in plan.options.splits}
    first_real = next(iter(real.values()))
    still = [np.zeros_like(of_class) for of_class in first_real]
    errors = {"no motion": _mean_errors([(still, flows) for flows in real.values()])}
    drawn: dict[str, Flows] = {}
    for method, tasks in finished(plan).items():
        learned = {pair: _condensed_flows(task) for pair, task in tasks.items()}
        drawn[method] = next(iter(learned.values()))
        errors[method] = _mean_errors([(flows, real[split]) for (split, _), flows in learned.items()])
    lines = [
        {"class": name, **{method: of_class[index] for method, of_class in errors.items()}}
        for index, name in enumerate(classes)
    ]
    means = {method: statistics.fmean(of_class) for method, of_class in errors.items()}
    lines.append({"class": "mean over classes", **means})
    picture = plan.file(".png")
    shown = figures.flow_figure(picture, classes, first_real, drawn)
    return Extra({"end_point_error": lines}, lines, [picture], {"errors": lines, "drawn": len(shown)})


def motion_extra(plan: Plan, rows: Sequence[Row]) -> Extra:
    """How many clips show their class by motion alone: real test clips, and those of each method."""
    by_split: dict[str, motion.Classifier] = {}
    real: list[dict[str, float]] = []
    for split in plan.options.splits:
        store = ClipStore.open(plan.store.path, split)
        by_split[split] = motion.train(store, plan.options.clips)
        clips = partial(motion.real_clips, store, "test", plan.options.clips)
        real.append(motion.shares(by_split[split], clips))
    found = {"real test clips": real}
    for method, tasks in finished(plan).items():
        found[method] = [
            motion.shares(
                by_split[split],
                partial(motion.condensed_clips, CondensedVideos.load(task.run.condensed)),
            )
            for (split, _), task in tasks.items()
        ]
    lines = [
        {"clips": name, **{key: statistics.fmean(one[key] for one in sets) for key in sets[0]}}
        for name, sets in found.items()
    ]
    return Extra({"recognised": lines}, lines, shown={"shares": lines})


def retrieval_extra(plan: Plan, rows: Sequence[Row]) -> Extra:
    """How often the nearest training videos of a test video are of its class, by method and VPC."""
    options = plan.options
    stores = {split: ClipStore.open(plan.store.path, split) for split in options.splits}
    compute = choose(options.device, options.precision)
    lines = []
    for network in options.network or ("minic3d",):
        guessed = [
            recalls
            for store in stores.values()
            for recalls in retrieval.untrained(store, network, options.seeds, options.clips, compute)
        ]
        lines.append(_recall_line("random weights", "-", network, guessed, 0))
        for cell, tasks in plan.tasks(plan.cells).items():
            found = [
                recalls
                for (split, _), task in tasks.items()
                if task.condensed
                for recalls in retrieval.retrieve(task, stores[split], network, options.clips)["recalls"]
            ]
            learned = [recalls for recalls in found if recalls is not None]
            if found:
                lines.append(_recall_line(cell.row, cell.column, network, learned, len(found) - len(learned)))
    return Extra({"recalls": lines}, lines, shown={"recalls": lines, "most": options.clips})


def _recall_line(
    method: str, column: str, network: str, recalls: Sequence[Sequence[float]], diverged: int
) -> dict[str, Any]:
    """Means over networks of all sets, and the deviation of R@1."""
    at = list(zip(*recalls, strict=True)) or [()] * len(retrieval.NEAREST)
    means = [statistics.fmean(values) if values else None for values in at]
    return {
        "method": method,
        "column": column or "-",
        "network": network,
        **{f"R@{count}": mean for count, mean in zip(retrieval.NEAREST, means, strict=True)},
        "std of R@1": statistics.stdev(at[0]) if len(at[0]) > 1 else None,
        "networks": len(recalls),
        "diverged": diverged,
    }


def frames_extra(plan: Plan, rows: Sequence[Row]) -> Extra:
    """Which frames are kept, by class and position, and when they were inserted."""
    classes = plan.store.class_names
    kept = {method: _kept(plan.store, list(tasks.values())) for method, tasks in finished(plan).items()}
    timeline, pictures = plan.file(".svg"), plan.file("-pictures.png")
    figures.frames_figure(timeline, classes, kept)
    figures.pictures_figure(pictures, classes, kept)
    shares = [
        {"share of videos that keep frame": method}
        | {str(time): float(share) for time, share in enumerate(frames.shares.mean(0))}
        for method, frames in kept.items()
    ]
    lines = [
        {"class": name, "method": method, "key_frames": float(frames.shares[index].sum())}
        | {f"frame {time}": float(share) for time, share in enumerate(frames.shares[index])}
        for method, frames in kept.items()
        for index, name in enumerate(classes)
    ]
    by_class = [
        {"class": name} | {method: float(frames.shares[index].sum()) for method, frames in kept.items()}
        for index, name in enumerate(classes)
    ]
    insertions = {method: [list(event) for event in frames.insertions] for method, frames in kept.items()}
    return Extra(
        {"frames": lines, "insertions": insertions},
        lines,
        [timeline, pictures],
        {"shares": shares, "by_class": by_class},
    )


def tradeoff_extra(plan: Plan, rows: Sequence[Row]) -> Extra:
    """Accuracy against bytes and time as a plot."""
    picture = plan.file("-plot.svg")
    plots.tradeoff_plot(picture, rows, plan.chance)
    return Extra(pictures=[picture])


def bytes_extra(plan: Plan, rows: Sequence[Row]) -> Extra:
    """Accuracy against bytes as a plot, and what networks score that are sent in place of clips."""
    records = [
        (judge.network, record)
        for cell, tasks in plan.tasks(plan.cells).items()
        if not cell.recipe
        for task in tasks.values()
        for judge in cell.judges
        if (record := task.evaluation(judge))
    ]
    sent, picture = frontier.sent(records), plan.file(".svg")
    frontier.plot(picture, rows, sent, plan.chance)
    lines = [one._asdict() for one in sent]
    return Extra({"networks": lines}, pictures=[picture], shown={"sent": lines})


EXTRAS: dict[str, Callable[[Plan, Sequence[Row]], Extra]] = {
    "storage": storage_extra,
    "flow": flow_extra,
    "motion": motion_extra,
    "retrieval": retrieval_extra,
    "frames": frames_extra,
    "tradeoff": tradeoff_extra,
    "bytes": bytes_extra,
}


def finished(plan: Plan) -> dict[str, Mapping[Pair, Task]]:
    """The tasks whose condensed set is finished, by row."""
    done = {
        cell.row: {pair: task for pair, task in tasks.items() if task.condensed}
        for cell, tasks in plan.tasks(plan.cells).items()
    }
    return {row: tasks for row, tasks in done.items() if tasks}


def _real_flows(plan: Plan, split: str) -> Flows:
    """Mean flow of each class's real clips of a split."""
    store = ClipStore.open(plan.store.path, split)
    return [flow.real_flow(store, index, plan.options.clips) for index in range(len(store.class_names))]


def _condensed_flows(task: Task) -> Flows:
    condensed = CondensedVideos.load(task.run.condensed)
    return [flow.condensed_flow(condensed, index) for index in range(len(condensed.class_names))]


def _mean_errors(pairs: Sequence[tuple[Flows, Flows]]) -> list[float]:
    """By class, the mean of the end-point errors over pairs of flows by class."""
    errors = [
        [flow.end_point_error(ours, theirs) for ours, theirs in zip(*pair, strict=True)] for pair in pairs
    ]
    return [statistics.fmean(of_class) for of_class in zip(*errors, strict=True)]


def _kept(store: ClipStore, tasks: Sequence[Task]) -> figures.Kept:
    counts: NDArray[np.float64] = np.zeros((len(store.class_names), store.frames))
    videos = np.zeros(len(store.class_names))
    insertions: list[tuple[int, int]] = []
    for task in tasks:
        condensed = CondensedVideos.load(task.run.condensed)
        for index, keys in zip(condensed.labels.tolist(), condensed.key_positions(), strict=True):
            counts[index, keys] += 1
            videos[index] += 1
        events = read_metrics(task.run.metrics).insertions
        insertions += [(event.iteration, event.position) for event in events]
    first = tasks[0].run
    shown = CondensedVideos.load(first.condensed)
    iterations = first.recipe(first.read()).iterations
    ill_timed = _ill_timed(shown, read_metrics(first.metrics).insertions, iterations)
    return figures.Kept(counts / videos[:, None], insertions, iterations, _pictures(shown), ill_timed)


def _ill_timed(
    condensed: CondensedVideos, insertions: Sequence[Insertion], iterations: int
) -> dict[tuple[int, int], str]:
    """By (class, time), whether a stored frame of a class's first video came in the first or last fifth."""
    labels, stored = condensed.labels.tolist(), condensed.key_positions()
    found: dict[tuple[int, int], str] = {}
    for event in insertions:
        if event.video >= len(labels):
            continue  # of a log that does not fit
        label = labels[event.video]
        share = event.iteration / max(1, iterations)
        if event.video != labels.index(label) or event.position not in stored[event.video]:
            continue  # of another video, or dropped again
        found.pop((label, event.position), None)  # where it was inserted before, and dropped
        if not EARLY <= share < LATE:
            found[label, event.position] = "early" if share < EARLY else "late"
    return found


def _pictures(condensed: CondensedVideos) -> NDArray[np.uint8]:
    """(class, time, height, width, 3): the first video of each class, grey where a frame is not stored."""
    labels = condensed.labels.tolist()
    pictures = []
    for index in range(len(condensed.class_names)):
        video = labels.index(index)
        pixels = condensed.pixels([video])[0].permute(0, 2, 3, 1).numpy().copy()
        stored = condensed.key_positions()[video]
        pixels[[time for time in range(len(pixels)) if time not in stored]] = figures.GREY
        pictures.append(pixels)
    return np.stack(pictures)

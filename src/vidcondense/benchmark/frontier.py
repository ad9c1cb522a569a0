"""Accuracy against real bytes: the plot, and networks that are sent in place of clips."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from vidcondense import networks
from vidcondense.benchmark.plots import CITED, INK, figure
from vidcondense.benchmark.rows import Row
from vidcondense.evaluation.results import Record, by_kind

COLOURS = ("#1f5fa8", "#d1801f", "#3a8f4d", "#b23a48", "#7a56a8", "#5b5b5b", "#2aa3a3", "#a8871f")
MARKS = "osD^vPX*"


class Sent(NamedTuple):
    """Networks of a kind that are trained on all real clips, with weights of 8 bits."""

    network: str
    bytes: int
    accuracy: float
    """Top-1 in percent, the mean over networks."""
    unrounded: float
    """The same before rounding."""
    networks: int


def sent(records: Iterable[tuple[str, Record]]) -> list[Sent]:
    """One entry for each kind of network, from (network, evaluation) of training on all real clips."""
    found: dict[str, tuple[set[int], list[float], list[float]]] = {}
    for network, record in records:
        if "rounded" not in record:
            continue
        small, sizes = record["rounded"]["top1"]["values"], record["rounded"]["bytes"]
        kinds = networks.turns(network)
        groups = zip(by_kind(small, network), by_kind(record["top1"]["values"], network), strict=True)
        for number, (kind, (rounded, exact)) in enumerate(zip(kinds, groups, strict=True)):
            known = found.setdefault(kind, (set(), [], []))
            known[0].add(sizes[number])
            known[1].extend(rounded)
            known[2].extend(exact)
    return [
        Sent(kind, max(sizes), 100 * statistics.fmean(small), 100 * statistics.fmean(exact), len(small))
        for kind, (sizes, small, exact) in found.items()
        if small
    ]


def plot(path: Path, rows: Sequence[Row], sent: Sequence[Sent], chance: float) -> None:
    """Accuracy against bytes of the file, and where there are several numbers of steps, against these.

    A line for each method, with its 95 % interval as a band. Hollow marks are where the papers' way of
    counting, float32, puts the same sets. Stars are networks, and the line across is training on all real
    clips; the dotted line is chance.
    """
    coded = [row for row in rows if row.budget and row.mean is not None]
    first = coded[0].steps if coded else 0
    other = {row.budget for row in coded if row.steps != first}
    methods = list(dict.fromkeys(row.method for row in coded))
    with figure(path, 1, 1 + bool(other), (6.2 + 4.4 * bool(other), 4.6), sharey=True) as axes:
        for number, method in enumerate(methods):
            style = {"color": COLOURS[number % len(COLOURS)], "marker": MARKS[number % len(MARKS)]}
            own = [row for row in coded if row.method == method]
            at_first = [row for row in own if row.steps == first]
            _line(axes[0][0], at_first, lambda row: row.file_bytes or 0.0, style, method)
            counted = [(row.stored_bytes, row.mean) for row in at_first]
            axes[0][0].plot(*zip(*counted, strict=True), ls="", mfc="none", alpha=0.6, **style)
            if other:
                at_one = [row for row in own if row.budget in other]
                _line(axes[0][1], at_one, lambda row: float(row.steps), style, method)
        for one in sent:
            axes[0][0].plot([one.bytes], [one.accuracy], "*", color=INK, markersize=11)
            place = {"xytext": (0, 8), "textcoords": "offset points", "ha": "center", "fontsize": 7.5}
            axes[0][0].annotate(f"{one.network}, 8 bits", (one.bytes, one.accuracy), **place)
        whole = [row.mean for row in rows if not row.recipe and row.mean is not None]
        titles = ("bytes (hollow: as the papers count, float32)", "training steps")
        for axis, title in zip(axes[0], titles, strict=False):
            axis.set_xscale("log", base=2 if title == titles[1] else 10)
            axis.set_xlabel(title)
            axis.axhline(chance, color="#888888", linestyle=":", linewidth=1)
            for value in whole:
                axis.axhline(value, color=CITED, linewidth=1)
            axis.grid(color="#eeeeee", zorder=0)
        if other:
            axes[0][1].set_title(f"at {min(other):,} bytes", fontsize=9)
            axes[0][1].set_xticks(sorted({row.steps for row in coded}))
            axes[0][1].xaxis.set_major_formatter("{x:g}")
        axes[0][0].set_xticks(*_sizes(coded))
        axes[0][0].set_ylabel("accuracy %")
        axes[0][0].legend(frameon=False, fontsize=8)


def _line(axis: Any, rows: Sequence[Row], place: Callable[[Row], float], style: Any, name: str) -> None:
    rows = sorted(rows, key=place)
    x = [place(row) for row in rows]
    means = [row.mean or 0.0 for row in rows]
    halves = [row.half_width or 0.0 for row in rows]
    axis.plot(x, means, label=name, markersize=4, **style)
    low, high = ([mean + sign * half for mean, half in zip(means, halves, strict=True)] for sign in (-1, 1))
    axis.fill_between(x, low, high, color=style["color"], alpha=0.15, linewidth=0)


def _sizes(rows: Sequence[Row]) -> tuple[list[float], list[str]]:
    """Ticks at powers of ten that bytes of these rows reach, in words."""
    most = max([row.stored_bytes or 0.0 for row in rows], default=1.0)
    ticks = [10**power for power in range(3, 13) if 10**power <= 10 * most]
    units = ("KB", "MB", "GB", "TB")
    names = [f"{10 ** (power % 3)} {units[power // 3 - 1]}" for power in range(3, 3 + len(ticks))]
    return [float(tick) for tick in ticks], names

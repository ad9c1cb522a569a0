"""Charts of a run as inline SVG, drawn by matplotlib in the page's colours; it is imported when one is drawn.

Each chart is drawn twice, for wide windows and for phones, so that its text is readable on both; the style
sheet shows one of them.
"""

import io
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from vidcondense.base.units import percent, plural, size
from vidcondense.report.run import Insertion, Score
from vidcondense.report.summary import Point

# More points than a chart has pixels only make the page larger.
MOST_POINTS = 600
WIDTHS = {"wide": 820, "narrow": 340}
"""Of the two drawings, in points; they fill what width there is, up to about one and a half times that."""
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 26, 44
"""Margins around the plot area for its labels, in points."""
QUIET, LINE, SUNK, BLUE, RUST, CARD = "#5a606b", "#dedfda", "#eeeeea", "#2455c3", "#b5480a", "#fffffe"
COLOURS = {QUIET: "quiet", LINE: "line", SUNK: "sunk", BLUE: "blue", RUST: "rust", CARD: "card"}
"""What is drawn in these colours takes the style sheet's variable of that name, which dark mode changes."""
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "path.simplify": False,
    "font.size": 12,
    "axes.edgecolor": LINE,
    "axes.labelcolor": QUIET,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "xtick.labelcolor": QUIET,
    "ytick.labelcolor": QUIET,
    "text.color": QUIET,
    **{f"axes.spines.{side}": False for side in ("left", "right", "top", "bottom")},
    "xtick.bottom": False,
    "ytick.left": False,
}
KEPT = {"viewBox", "d", "x", "y", "style", "transform"}
HREF = "{http://www.w3.org/1999/xlink}href"
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Chart:
    """Two drawings of one thing, `wide` and `narrow` SVG elements, and what they show in words."""

    wide: Markup
    narrow: Markup
    description: str


def losses_chart(losses: Sequence[tuple[int, float]], iterations: int) -> Chart:
    """Loss against iteration, log scale where all losses are positive: each value pale, their mean bold."""
    steps = np.array([i for i, _ in losses], dtype=float)
    values = np.array([loss for _, loss in losses])
    low, high = float(values.min()), float(values.max())
    log = low > 0
    scaled = np.log10(values) if log else values
    mean = smoothed(scaled, max(3, len(values) // 30))
    ticks = log_ticks(low, high) if log else round_ticks(low, high)

    def paint(axes: Any) -> None:
        for line, alpha, width in ((values, 0.4, 1), (10**mean if log else mean, 1, 2)):
            axes.plot(*_envelope(steps, line), color=BLUE, alpha=alpha, linewidth=width, clip_on=False)
        axes.set_yscale("log" if log else "linear")
        axes.minorticks_off()
        axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        if low < high:
            axes.set_ylim(low, high)
        _name_axes(axes, f"matching loss{', log scale' if log else ''}", max(iterations, float(steps[-1]), 1))

    words = f"Loss over {len(losses)} iterations, from {values[0]:.4g} to {values[-1]:.4g}"
    return _chart(paint, 200, words)


def insertions_chart(
    insertions: Sequence[Insertion],
    frames: int,
    iterations: int,
    warm_up: float,
    cool_down: float,
    drops: Sequence[Insertion] = (),
) -> Chart:
    """Where (time position) against when (iteration) key frames were inserted; a dot's area counts videos.

    Args:
        insertions: every insertion of the run.
        frames: T; positions run over 0..frames - 1.
        iterations: of the whole run.
        warm_up: fraction of iterations at the start in which nothing is inserted.
        cool_down: the same at the end.
        drops: every key frame that was dropped again, drawn as rings.
    """
    end = max(iterations, 1)
    # One dot for all insertions that a reader could not tell apart.
    width = max(1, math.ceil(iterations / 120))
    groups = Counter(
        (event.iteration // width, event.position, dropped)
        for dropped, events in enumerate((insertions, drops))
        for event in events
    )
    times = range(0, frames, max(1, math.ceil(frames / 12)))

    def paint(axes: Any) -> None:
        for name, start, stop, side in (
            ("warm-up", 0, warm_up, "left"),
            ("cool-down", 1 - cool_down, 1, "right"),
        ):
            if start < stop:
                axes.axvspan(start * end, stop * end, color=SUNK, linewidth=0, clip_on=False)
                # The name stands against the outer edge, where even a narrow band has room.
                place = (start if side == "left" else stop, 1)
                gap = (6 if side == "left" else -6, -6)
                coordinates = {"xycoords": "axes fraction", "textcoords": "offset points"}
                axes.annotate(name, place, gap, ha=side, va="top", **coordinates)
        for (group, position, dropped), count in sorted(groups.items()):
            first, last = group * width, min(group * width + width - 1, iterations)
            when = f"iteration {first}" if width == 1 else f"iterations {first} to {last}"
            said = f"{plural(count, 'key frame')}{' dropped' if dropped else ''} at time {position}, {when}"
            dot: dict[str, Any] = {
                "marker": "o",
                "linestyle": "",
                "markersize": 2 * min(4 * math.sqrt(count), 13),
                "color": RUST,
                "alpha": 0.62,
                "markeredgecolor": CARD,
            }
            if dropped:
                dot |= {"color": QUIET, "alpha": 1, "fillstyle": "none", "markeredgecolor": QUIET}
            axes.plot([first + (width - 1) / 2], [position], clip_on=False, gid=said, **dot)
        axes.set_ylim(-0.5, frames - 0.5)
        axes.set_yticks(times)
        _name_axes(axes, "time of the new key frame", end)

    words = f"{plural(len(insertions), 'key frame')} inserted over {iterations} iterations"
    words += f", {len(drops)} dropped again" if drops else ""
    return _chart(paint, min(240, 40 + 22 * len(times)), words)


def bytes_chart(points: Sequence[Point], chance: float | None) -> Chart:
    """Accuracy against bytes, log scale: a numbered dot for each set, its interval as a line through it.

    Args:
        points: at least one, by rising bytes; dots bear their numbers from 1.
        chance: accuracy of guessing, a dashed line, if it is known.
    """
    sizes = [point.bytes for point in points]
    low, high = min(sizes) / 1.7, max(sizes) * 1.7
    ends = [point.interval[1] for point in points if point.interval]
    scale = ScoreScale.over([point.score for point in points], chance)
    top = min(1.0, max([scale.high, *ends]))
    heights = round_ticks(0, top)

    def paint(axes: Any) -> None:
        axes.set_xscale("log")
        axes.set_xlim(low, high)
        axes.set_ylim(0, top)
        axes.minorticks_off()
        ticks = log_ticks(low, high)
        ticks = ticks[:: max(1, math.ceil(len(ticks) / (axes.figure.get_figwidth() * 72 / 75)))]
        axes.set_xticks(ticks, [size(tick) for tick in ticks])
        axes.set_yticks(heights, [percent(tick, 0) for tick in heights])
        _title_axes(axes, "bytes of the file, log scale", "accuracy")
        if chance is not None:
            axes.axhline(chance, color=QUIET, linewidth=1, linestyle=(0, (3, 3)))
        order = sorted(enumerate(points, 1), key=lambda item: item[1].main)
        for number, point in order:
            x, y, colour = point.bytes, point.score.mean, BLUE if point.main else QUIET
            if point.interval:
                axes.plot([x, x], point.interval, color=colour, alpha=0.5, linewidth=2, clip_on=False)
            dot = {"marker": "o", "linestyle": "", "markersize": 15, "color": colour, "markeredgecolor": CARD}
            axes.plot([x], [y], clip_on=False, gid=f"dot {number}", **dot)
            axes.text(x, y, str(number), color=CARD, size=10, weight=700, ha="center", va="center_baseline")

    words = "; ".join(
        f"{number}: {point.label}, {size(point.bytes)}, {percent(point.score.mean)}"
        for number, point in enumerate(points, 1)
    )
    return _chart(paint, 200, f"Accuracy against bytes of the file. {words}")


@dataclass(frozen=True)
class ScoreScale:
    """The common axis of a table's accuracies: round ticks from 0 to `high`, both fractions."""

    ticks: Sequence[float]
    high: float

    @classmethod
    def over(cls, scores: Sequence[Score], chance: float | None) -> "ScoreScale":
        """The axis that holds these scores with their deviations, and chance."""
        tops = [max([score.mean + (score.std or 0), *score.values]) for score in scores]
        top = min(1.0, 1.06 * max([*tops, (chance or 0) * 1.2, 0.01]))
        ticks = round_ticks(0, top)
        return cls(ticks, max(top, ticks[-1]))

    def at(self, value: float) -> float:
        """The place of an accuracy as a fraction of the axis; what is beyond an end is put there."""
        return min(max(value / self.high, 0.0), 1.0)


def round_ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers in [low, high], `most` steps apart at most."""
    from matplotlib.ticker import MaxNLocator

    ticks = MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    return [float(f"{tick:.10g}") for tick in ticks if low <= tick <= high] or [low]


def log_ticks(low: float, high: float) -> list[float]:
    """Round numbers in [low, high], both positive, for a log scale; linear steps if it spans little.

    matplotlib's LogLocator labels powers of ten alone, or where these are few, up to nine linear steps.
    """
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1,), (1, 3), (1, 2, 5)):
        ticks = [float(f"{f}e{d}") for d in decades[:: max(1, len(decades) // 6)] for f in factors]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) >= 3:
            return ticks
    return round_ticks(low, high, 4)


def smoothed(values: Numbers, window: int) -> Numbers:
    """The mean over `window` values around each; fewer at the ends."""
    sums = np.concatenate(([0.0], np.cumsum(values)))
    centre = np.arange(len(values))
    first = np.maximum(centre - window // 2, 0)
    last = np.minimum(centre + window // 2 + 1, len(values))
    return np.asarray((sums[last] - sums[first]) / (last - first), dtype=np.float64)


def _envelope(x: Numbers, y: Numbers) -> tuple[Numbers, Numbers]:
    """At most MOST_POINTS points that keep every peak: the lowest and highest of each stretch."""
    if len(x) <= MOST_POINTS:
        return x, y
    chosen: list[int] = []
    for part in np.array_split(np.arange(len(x)), MOST_POINTS // 2):
        chosen += sorted({int(part[y[part].argmin()]), int(part[y[part].argmax()])})
    return x[chosen], y[chosen]


def _name_axes(axes: Any, y_title: str, end: float) -> None:
    """What charts over iterations share: from 0 to `end`, few enough ticks for a phone, lines across."""
    ticks = [tick for tick in round_ticks(0, end, 4) if tick.is_integer()]
    axes.set_xlim(0, end)
    axes.set_xticks(ticks, [f"{tick:,.0f}" for tick in ticks])
    _title_axes(axes, "iteration", y_title)


def _title_axes(axes: Any, x_title: str, y_title: str) -> None:
    axes.set_xlabel(x_title)
    axes.annotate(y_title, (0, 1), (8 - LEFT, 12), xycoords="axes fraction", textcoords="offset points")
    axes.grid(axis="y")


def _chart(paint: Callable[[Any], None], height: int, description: str) -> Chart:
    """Draw a chart at both widths; `paint` draws into axes of a height in points, without the margins."""
    sizes = [(width, TOP + height + BOTTOM) for width in WIDTHS.values()]
    wide, narrow = (_drawn(paint, *size, salt=f"{description}, {size}") for size in sizes)
    return Chart(wide, narrow, description)


def _drawn(paint: Callable[[Any], None], width: int, height: int, salt: str) -> Markup:
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context({**STYLE, "svg.hashsalt": salt}):
        figure = Figure(figsize=(width / 72, height / 72))
        plot_area = (width - LEFT - RIGHT) / width, (height - TOP - BOTTOM) / height
        axes = figure.add_axes((LEFT / width, BOTTOM / height, *plot_area))
        axes.patch.set_visible(False)
        figure.patch.set_visible(False)
        paint(axes)
        file = io.BytesIO()
        figure.savefig(file, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    return _inline(file.getvalue())


def _inline(svg: bytes) -> Markup:
    """A drawing as an element of the page: in its colours and font, with titles on dots, no needless ids.

    What would reach beyond it in a page goes: namespaces, whose addresses look like links, and a style sheet.
    """
    root = ElementTree.fromstring(svg)
    used = {element.get(HREF, "")[1:] for element in root.iter()}
    for element in list(root.iter()):
        for child in list(element):
            if child.tag.endswith(("}style", "}clipPath")):
                element.remove(child)
        element.tag = element.tag.split("}")[-1]
        element.text, element.tail = (element.text or "").strip(), None
        name = element.get("id", "")
        if " " in name:  # of a dot, which was called what is to be said of it
            ElementTree.SubElement(element, "title").text = name
        kept = {key: " ".join(value.split()) for key, value in element.items() if key in KEPT}
        if "style" in kept:
            style = re.sub("font-family: [^;]*;? ?", "", kept["style"])
            kept["style"] = re.sub("#[0-9a-f]{6}", lambda colour: f"var(--{COLOURS[colour[0]]})", style)
        if name and name in used:
            kept["id"] = name
        if HREF in element.attrib:
            kept["href"] = element.attrib[HREF]
        element.attrib.clear()
        element.attrib.update(kept)
    return Markup(ElementTree.tostring(root, encoding="unicode"))

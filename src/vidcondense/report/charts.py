"""Charts as inline SVG.

All coordinates are percentages of the plot area and all text is sized in CSS, so that a chart fills whatever
width it gets and its text stays readable on a phone.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vidcondense.report.markup import Markup, join, percent, plural, spread, tag
from vidcondense.report.run import Insertion, Score

# More points than a chart has pixels only make the page larger.
MOST_POINTS = 600
Numbers = NDArray[np.float64]
Ticks = Sequence[tuple[float, str]]


@dataclass(frozen=True)
class Axis:
    """A linear axis from `low` to `high`; `at` gives the place of a value as a fraction."""

    low: float
    high: float

    def at(self, value: float) -> float:
        """The place of `value`: 0 at `low`, 1 at `high`."""
        return (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5


def plot(
    marks: Markup,
    x_ticks: Ticks,
    y_ticks: Ticks,
    *,
    x_title: str,
    y_title: str,
    description: str,
    height: int = 240,
) -> Markup:
    """A frame with grid lines and tick labels (places as fractions, y from the bottom) around `marks`."""
    grid = [line(0, y, 1, y, class_="grid") for y, _ in y_ticks]
    labels = [
        tag("text", text, x="-8", y=pct(1 - y), dy="0.32em", class_="tick", text_anchor="end")
        for y, text in y_ticks
    ]
    labels += [
        tag("text", text, x=pct(x), y="100%", dy="18", class_="tick", text_anchor="middle")
        for x, text in x_ticks
    ]
    labels.append(tag("text", x_title, x="50%", y="100%", dy="36", class_="axis", text_anchor="middle"))
    labels.append(tag("text", y_title, x="-44", y="-14", class_="axis"))
    style = f"height:{height}px"
    svg = tag("svg", *grid, marks, *labels, role="img", aria_label=description, style=style)
    return tag("div", svg, class_="plot")


def losses_chart(losses: Sequence[tuple[int, float]], iterations: int) -> Markup:
    """Loss against iteration, log scale where all losses are positive: each value pale, their mean bold."""
    steps = np.array([i for i, _ in losses], dtype=float)
    values = np.array([loss for _, loss in losses])
    log = bool((values > 0).all())
    low, high = float(values.min()), float(values.max())
    ticks = log_ticks(low, high) if log else nice_ticks(low, high)
    scaled = np.log10(values) if log else values
    y = Axis(float(scaled.min()), float(scaled.max()))
    x = Axis(0, max(iterations, float(steps[-1]), 1))
    window = max(3, len(values) // 30)
    mean = smoothed(scaled, window)
    marks = [
        _curve([(x.at(a), y.at(b)) for a, b in _envelope(steps, scaled)], "raw"),
        _curve([(x.at(a), y.at(b)) for a, b in _thinned(steps, mean)], "smooth"),
    ]
    places = [(y.at(math.log10(tick) if log else tick), f"{tick:g}") for tick in ticks]
    return plot(
        join(marks),
        iteration_ticks(x),
        places,
        x_title="iteration",
        y_title=f"matching loss{', log scale' if log else ''}",
        description=f"Loss over {len(losses)} iterations, from {values[0]:.4g} to {values[-1]:.4g}",
    )


def insertions_chart(
    insertions: Sequence[Insertion], frames: int, iterations: int, warm_up: float, cool_down: float
) -> Markup:
    """Where (time position) against when (iteration) key frames were inserted; a dot's area counts videos.

    Args:
        insertions: every insertion of the run.
        frames: T; positions run over 0..frames - 1.
        iterations: of the whole run.
        warm_up: fraction of iterations at the start in which nothing is inserted.
        cool_down: the same at the end.
    """
    x, y = Axis(0, max(iterations, 1)), Axis(-0.5, frames - 0.5)
    marks: list[Markup] = []
    if warm_up > 0:
        marks += _shade(0, warm_up, "warm-up", "start")
    if cool_down > 0:
        marks += _shade(1 - cool_down, cool_down, "cool-down", "end")
    # One dot for all insertions that a reader could not tell apart.
    width = max(1, math.ceil(iterations / 120))
    groups = Counter((event.iteration // width, event.position) for event in insertions)
    for (group, position), count in sorted(groups.items()):
        first, last = group * width, min(group * width + width - 1, iterations)
        when = f"iteration {first}" if width == 1 else f"iterations {first} to {last}"
        title = tag("title", f"{plural(count, 'key frame')} at time {position}, {when}")
        radius = f"{min(4 * math.sqrt(count), 13):.1f}"
        centre = {"cx": pct(x.at(first + (width - 1) / 2)), "cy": pct(1 - y.at(position))}
        marks.append(tag("circle", title, **centre, r=radius, class_="dot"))
    every = max(1, math.ceil(frames / 12))
    times = [(y.at(t), str(t)) for t in range(0, frames, every)]
    description = f"{plural(len(insertions), 'key frame')} inserted over {iterations} iterations"
    return plot(
        join(marks),
        iteration_ticks(x),
        times,
        x_title="iteration",
        y_title="time of the new key frame",
        description=description,
        height=min(300, 60 + 24 * len(times)),
    )


def _shade(start: float, width: float, name: str, side: str) -> list[Markup]:
    """A grey band with its name against the outer edge, where even a narrow band has room."""
    edge, gap = (pct(start), 6) if side == "start" else (pct(start + width), -6)
    box = tag("rect", x=pct(start), y="0", width=pct(width), height="100%", class_="shade")
    return [box, tag("text", name, x=edge, dx=gap, y="16", class_="tick", text_anchor=side)]


def scores_chart(rows: Sequence[tuple[str, str, Score]], chance: float | None) -> Markup:
    """One row per result: the value of each network as a dot, the mean as a bar and ± one std as a band.

    Args:
        rows: name, a second line, and the score, in the order shown.
        chance: accuracy of guessing, drawn as a dashed line.
    """
    top = max(
        [max([score.mean + (score.std or 0), *score.values]) for _, _, score in rows]
        + [(chance or 0) * 1.2, 0.01]
    )
    ticks = nice_ticks(0, min(1.0, top * 1.06), 5)
    x = Axis(0, max(min(1.0, top * 1.06), ticks[-1]))
    body: list[Markup] = []
    for name, detail, score in rows:
        words = tag("div", tag("b", name), tag("span", detail), class_="who")
        picture = _score_picture(score, x, chance)
        body.append(tag("div", words, picture, tag("div", spread(score.mean, score.std), class_="value")))
    axis = tag(
        "svg",
        *[
            tag("text", percent(tick, 0), x=pct(x.at(tick)), y="14", class_="tick", text_anchor="middle")
            for tick in ticks
        ],
        aria_hidden="true",
        style="height:20px",
    )
    return tag("div", *body, tag("div", tag("div"), axis, tag("div"), class_="scale"), class_="scores")


def _score_picture(score: Score, x: Axis, chance: float | None) -> Markup:
    std = score.std or 0.0
    left, right = max(score.mean - std, 0.0), min(score.mean + std, x.high)
    marks = [
        line(0, 0.5, 1, 0.5, class_="grid"),
        tag(
            "rect",
            x=pct(x.at(left)),
            y="25%",
            width=pct(x.at(right) - x.at(left)),
            height="50%",
            class_="band",
        ),
    ]
    if chance is not None:
        marks.append(line(x.at(chance), 0, x.at(chance), 1, class_="chance"))
    marks.append(line(x.at(score.mean), 0.15, x.at(score.mean), 0.85, class_="mean"))
    for value in score.values:
        dot = tag("circle", tag("title", percent(value)), cx=pct(x.at(value)), cy="50%", r="4", class_="dot")
        marks.append(dot)
    values = ", ".join(percent(value) for value in score.values)
    return tag(
        "svg", *marks, role="img", aria_label=f"networks: {values or 'not listed'}", style="height:36px"
    )


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """A line between two places given as fractions, y from the bottom."""
    return tag("line", x1=pct(x1), y1=pct(1 - y1), x2=pct(x2), y2=pct(1 - y2), class_=class_)


def pct(fraction: float) -> str:
    """A fraction as an SVG percentage."""
    return f"{100 * fraction:.2f}%"


def nice_ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers in [low, high], some `about` of them."""
    span = high - low
    if span <= 0:
        return [low]
    rough = span / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{k * step:.10g}") for k in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Round numbers in [low, high], both positive, for a log scale; linear steps if it spans little."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1,), (1, 3), (1, 2, 5)):
        every = max(1, len(decades) // 6)
        ticks = [float(f"{f}e{d}") for d in decades[::every] for f in factors]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) >= 3:
            return ticks
    return nice_ticks(low, high, 4)


def iteration_ticks(axis: Axis) -> Ticks:
    """Tick labels of an iteration axis; few enough for a phone."""
    return [
        (axis.at(tick), f"{tick:,.0f}") for tick in nice_ticks(axis.low, axis.high, 4) if tick.is_integer()
    ]


def smoothed(values: Numbers, window: int) -> Numbers:
    """The mean over `window` values around each; fewer at the ends."""
    sums = np.concatenate(([0.0], np.cumsum(values)))
    centre = np.arange(len(values))
    first = np.maximum(centre - window // 2, 0)
    last = np.minimum(centre + window // 2 + 1, len(values))
    return np.asarray((sums[last] - sums[first]) / (last - first), dtype=np.float64)


def _thinned(x: Numbers, y: Numbers) -> list[tuple[float, float]]:
    chosen = np.unique(np.linspace(0, len(x) - 1, min(len(x), MOST_POINTS)).round().astype(int))
    return [(float(x[i]), float(y[i])) for i in chosen]


def _envelope(x: Numbers, y: Numbers) -> list[tuple[float, float]]:
    """At most MOST_POINTS points that keep every peak: the lowest and highest of each stretch."""
    if len(x) <= MOST_POINTS:
        return list(zip(x.tolist(), y.tolist(), strict=True))
    chosen: list[int] = []
    for part in np.array_split(np.arange(len(x)), MOST_POINTS // 2):
        chosen += sorted({int(part[y[part].argmin()]), int(part[y[part].argmax()])})
    return [(float(x[i]), float(y[i])) for i in chosen]


def _curve(points: Sequence[tuple[float, float]], class_: str) -> Markup:
    """A line through places given as fractions. It alone needs a viewBox: paths take no percentages."""
    path = " ".join(f"{1000 * x:.0f},{1000 * (1 - y):.0f}" for x, y in points)
    polyline = tag("polyline", points=path, class_=class_, vector_effect="non-scaling-stroke")
    return Markup(f'<svg viewBox="0 0 1000 1000" preserveAspectRatio="none">{polyline}</svg>')

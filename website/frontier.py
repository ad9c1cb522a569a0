"""The plot of README, accuracy against bytes of the file, and the tables of it in docs/frontier.md.

    python website/frontier.py [docs/pictures/frontier.svg]

It draws measurements/frontier/*.csv, which `measurements/results.sh DATA FOLDER frontier-DATASET` writes, and
prints them as tables.
"""

import csv
import math
import sys
from pathlib import Path
from typing import Any, NamedTuple

from vidcondense.benchmark.plots import CITED, INK, figure

ROOT = Path(__file__).resolve().parents[1]
MEASURED = ROOT / "measurements" / "frontier"
PICTURE = ROOT / "docs" / "pictures" / "frontier.svg"
DATASETS = {
    "actions": ("actions (generated)", 10),
    "motion": ("motion (generated)", 12),
    "weizmann": ("Weizmann", 10),
    "jhmdb": ("JHMDB-21", 21),
}
"""What a panel is called, and how many classes there are."""
SETS = {
    "Real clips, a stream each": ("real clips as AV1 video, a stream each", "#5b5b5b", "o"),
    "Random": ("real clips, coded side by side", "#d1801f", "s"),
    "Herding": ("the same, chosen by herding", "#b23a48", "P"),
    "Displaced": ("moving key frames of real clips", "#1f5fa8", "D"),
}
"""What a line is called, and how it looks."""
APART = 1.06
"""By which factor of bytes methods stand apart, so that their intervals can be read."""


class Point(NamedTuple):
    """A method at a budget: its file, and top-1 in percent with half of its 95 % interval."""

    file_bytes: float
    accuracy: float
    half_width: float


class Panel(NamedTuple):
    """What was measured on a dataset."""

    lines: dict[str, list[Point]]
    whole: float


def read(path: Path) -> Panel:
    """A page of `benchmark bytes` as it writes it for other programs."""
    lines: dict[str, list[Point]] = {}
    whole = 0.0
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if not row["recipe"]:
                whole = float(row["mean"])
            elif row["budget"] not in ("", "0"):
                numbers = (float(row[key]) for key in ("file_bytes", "mean", "half_width"))
                lines.setdefault(row["method"], []).append(Point(*numbers))
    return Panel({method: sorted(points) for method, points in lines.items()}, whole)


def draw(picture: Path) -> None:
    """A panel for each dataset that was measured, two in a row."""
    names = [name for name in DATASETS if (MEASURED / f"{name}.csv").is_file()]
    rows = -(-len(names) // 2)
    with figure(picture, rows, 2, (6.6, 2.7 * rows + 0.8)) as axes:
        for axis, name in zip(axes.flat, names, strict=True):
            title, classes = DATASETS[name]
            _panel(axis, read(MEASURED / f"{name}.csv"), title, 100 / classes)
        for axis in axes.flat[len(names) :]:
            axis.set_visible(False)
        for row in axes:
            row[0].set_ylabel("test clips recognised, %")
        lines: dict[str, Any] = {}  # a panel may lack some
        for axis in axes.flat:
            handles, labels = axis.get_legend_handles_labels()
            lines |= dict(zip(labels, handles, strict=True))
        named = [label for label, *_ in SETS.values() if label in lines]
        handles = [lines[label] for label in named]
        axes[0][0].figure.legend(handles, named, loc="outside lower center", ncols=2, frameon=False)


def _panel(axis: Any, panel: Panel, title: str, chance: float) -> None:
    """Means with their intervals; across, training on all real clips, and chance, dotted."""
    for number, (method, points) in enumerate(panel.lines.items()):
        name, colour, mark = SETS[method]
        x, means, halves = zip(*points, strict=True)
        apart = [value * APART ** (number - (len(panel.lines) - 1) / 2) for value in x]
        style = {"color": colour, "marker": mark, "markersize": 4.5, "capsize": 2, "linewidth": 1.2}
        axis.errorbar(apart, means, yerr=halves, label=name, elinewidth=0.9, **style)
    for value, line, words in ((panel.whole, "-", "all real clips, not coded"), (chance, ":", "chance")):
        axis.axhline(value, color=CITED if line == "-" else "#888888", linestyle=line, linewidth=1)
        place = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "ha": "left"}
        axis.annotate(words, (0.02, value), xytext=(0, 3), fontsize=7.5, **place)
    budgets = sorted({2 ** round(math.log2(x / 1000)) for points in panel.lines.values() for x, *_ in points})
    axis.set_xscale("log")
    axis.set_xticks([1000 * budget for budget in budgets], [f"{budget} KB" for budget in budgets])
    axis.set_xticks([], minor=True)
    axis.set_xlim(600 * budgets[0], 1700 * budgets[-1])
    highest = max(point.accuracy + point.half_width for points in panel.lines.values() for point in points)
    axis.set_ylim(bottom=0, top=1.04 * max(highest, 1.08 * panel.whole))
    axis.set_title(title, fontsize=10, color=INK)
    axis.set_xlabel("bytes of the file")
    axis.grid(color="#eeeeee", zorder=0)


def table(path: Path) -> str:
    """The same in words, with the differences from the first method; bold is what its page stars."""
    lines = [
        f"| {path.stem} | videos per class | file bytes | top-1 % | against a stream each | p by Holm |",
        "|---|---|---|---|---|---|",
    ]
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            name = SETS[row["method"]][0] if row["recipe"] else "all real clips, not coded"
            cells = [f"{row['column']}, {name}" if row["recipe"] else name]
            cells += [row["vpc"], f"{float(row['file_bytes']):,.0f}"] if row["recipe"] else ["", ""]
            half = f" ± {float(row['half_width']):.1f}" if row["half_width"] else ""
            cells += [f"{float(row['mean']):.1f}{half}", *_compared(row)]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _compared(row: dict[str, str]) -> tuple[str, str]:
    against = "against Real clips, a stream each"
    if not row[against]:
        return "", ""
    star = "**" if row[f"{against}, verdict"] in ("better", "worse") else ""
    difference = f"{float(row[against]):+.1f} ± {float(row[f'{against}, half width']):.1f}"
    return f"{star}{difference}{star}", f"{float(row[f'{against}, p by Holm']):.3f}"


def main() -> None:
    if len(sys.argv) > 2:
        sys.exit(__doc__)
    draw(Path((*sys.argv, str(PICTURE))[1]))
    for path in sorted(MEASURED.glob("*.csv")):
        print(table(path) + "\n")


if __name__ == "__main__":
    main()

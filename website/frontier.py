"""The plot of README: accuracy against bytes of the file, a panel for each dataset.

    python website/frontier.py [docs/pictures/frontier.svg]

It draws measurements/frontier/*.csv, which `measurements/results.sh DATA FOLDER frontier` writes.
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
    "jhmdb": ("JHMDB-21", 21),
    "weizmann": ("Weizmann", 10),
    "actions": ("actions (generated)", 10),
    "motion": ("motion (generated)", 12),
}
"""What a panel is called, and how many classes there are."""
SETS = {
    "Real clips, a stream each": ("real clips as AV1 video, a stream each", "#5b5b5b", "o"),
    "Random": ("real clips side by side in a stream", "#d1801f", "s"),
    "Random, soft labels": ("the same with soft labels", "#b23a48", "P"),
    "Displaced": ("moving key frames of real clips (displaced)", "#1f5fa8", "D"),
    "PRISM": ("learned key frames (PRISM), coded", "#3a8f4d", "^"),
}
"""What a line is called, and how it looks."""
ABOVE: Any = {"xytext": (0, 3), "textcoords": "offset points", "fontsize": 7.5}


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
    """A panel for each dataset that was measured, two beside each other."""
    names = [name for name in DATASETS if (MEASURED / f"{name}.csv").is_file()]
    with figure(picture, -(-len(names) // 2), 2, (8.4, 6.2)) as axes:
        for number, name in enumerate(names):
            panel, (title, classes) = read(MEASURED / f"{name}.csv"), DATASETS[name]
            _panel(axes[number // 2][number % 2], panel, title, 100 / classes)
        for axis in axes[:, 0]:
            axis.set_ylabel("test clips recognised, %")
        for axis in axes[-1]:
            axis.set_xlabel("bytes of the file")
        handles, labels = axes[0][0].get_legend_handles_labels()
        axes[0][0].figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)


def _panel(axis: Any, panel: Panel, title: str, chance: float) -> None:
    """Lines with their intervals as bands; across, training on all real clips, and chance, dotted."""
    for method, points in panel.lines.items():
        name, colour, mark = SETS[method]
        x, means, halves = zip(*points, strict=True)
        axis.plot(x, means, label=name, color=colour, marker=mark, markersize=4)
        low, high = (
            [mean + sign * half for mean, half in zip(means, halves, strict=True)] for sign in (-1, 1)
        )
        axis.fill_between(x, low, high, color=colour, alpha=0.13, linewidth=0)
    axis.axhline(panel.whole, color=CITED, linewidth=1)
    axis.annotate(
        "all real clips, not coded", (1, panel.whole), xycoords=("axes fraction", "data"), ha="right", **ABOVE
    )
    axis.axhline(chance, color="#888888", linestyle=":", linewidth=1)
    axis.annotate("chance", (1, chance), xycoords=("axes fraction", "data"), ha="right", **ABOVE)
    budgets = sorted({2 ** round(math.log2(x / 1000)) for points in panel.lines.values() for x, *_ in points})
    axis.set_xscale("log")
    axis.set_xticks([1000 * budget for budget in budgets], [f"{budget} KB" for budget in budgets])
    axis.set_xticks([], minor=True)
    axis.set_ylim(bottom=0)
    axis.set_title(title, fontsize=10, color=INK)
    axis.grid(color="#eeeeee", zorder=0)


def main() -> None:
    if len(sys.argv) > 2:
        sys.exit(__doc__)
    draw(Path((*sys.argv, str(PICTURE))[1]))


if __name__ == "__main__":
    main()

"""Plots of benchmarks, as SVG that is the same for the same numbers; matplotlib is imported when needed."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vidcondense.base import files
from vidcondense.base.units import MEBIBYTE
from vidcondense.benchmark.rows import Row

INK, OURS, SETS, CITED = "#222222", "#1f5fa8", "#9db8d9", "#c05a1c"
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "vidcondense",
    "svg.fonttype": "none",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#888888",
    "text.color": INK,
}


@contextmanager
def figure(path: Path, rows: int, columns: int, size: tuple[float, float], **more: Any) -> Iterator[Any]:
    """Yield a 2D array of axes and save their figure to `path` (.svg or .png) without dates, atomically."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        drawn = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(drawn)
        yield drawn.subplots(rows, columns, squeeze=False, **more)
        kind = path.suffix.removeprefix(".")
        with files.replacing(path) as temporary:
            drawn.savefig(temporary, format=kind, dpi=150, metadata={"Date": None} if kind == "svg" else {})


def accuracy_plot(path: Path, rows: Sequence[Row], chance: float) -> None:
    """A panel per column: mean and its 95 % interval, a pale dot per set, published figures hollow."""
    shown = [row for row in rows if row.mean is not None]
    columns = list(dict.fromkeys(row.column for row in shown))
    methods = list(dict.fromkeys(row.method for row in shown))
    size = (max(4.5, 1.6 + 2.6 * len(columns)), 1.2 + 0.32 * len(methods))
    with figure(path, 1, len(columns), size, sharey=True) as axes:
        for row in shown:
            axis, place = axes[0][columns.index(row.column)], methods.index(row.method)
            sets = [value for value in row.set_means.values() if value is not None]
            axis.plot(sets, [place] * len(sets), "o", color=SETS, markersize=4, zorder=1)
            axis.errorbar(
                [row.mean], [place], xerr=[row.half_width or 0.0], fmt="o", color=OURS, capsize=3, zorder=2
            )
            _draw_published(axis, row, place)
        for axis, column in zip(axes[0], columns, strict=True):
            axis.axvline(chance, color="#888888", linestyle=":", linewidth=1)
            axis.set_title(column)
            axis.set_xlabel("accuracy %")
            _name_places(axis, methods)


def storage_plot(path: Path, rows: Sequence[Row]) -> None:
    """MiB of every row on a log scale; published figures hollow."""
    shown = [row for row in rows if row.mib is not None]
    with figure(path, 1, 1, (6.5, 1.2 + 0.28 * len(shown))) as axes:
        axis = axes[0][0]
        for place, row in enumerate(shown):
            axis.plot([row.mib], [place], "o", color=OURS)
            _draw_published(axis, row, place)
        axis.set_xscale("log")
        _plain_ticks(axis.xaxis)
        axis.set_xlabel("MiB of float32 values")
        _name_places(axis, [row.title for row in shown])
        axis.grid(axis="x", color="#dddddd")


def _draw_published(axis: Any, row: Row, place: int) -> None:
    for cited in row.published:
        axis.plot([cited.mean], [place], "D", mfc="none", color=CITED, zorder=3)


def _name_places(axis: Any, names: Sequence[str]) -> None:
    """What stands at 0, 1, ... from the top."""
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(len(names) - 0.5, -0.5)


def tradeoff_plot(path: Path, rows: Sequence[Row], chance: float) -> None:
    """Accuracy against bytes of the file and against condensing time; a name beside every point."""
    judged = [row for row in rows if row.mean is not None]
    shown = [row for row in judged if row.file_bytes is not None]
    panels: list[tuple[str, str, Callable[[Row], float]]] = [
        ("MiB on disk", "log", lambda row: (row.file_bytes or 0.0) / MEBIBYTE),
        ("seconds of condensing", "symlog", lambda row: row.seconds or 0.0),
    ]
    whole = [row.mean for row in judged if row.file_bytes is None]
    with figure(path, 1, 2, (11, 4.8), sharey=True) as axes:
        for axis, (title, scale, where) in zip(axes[0], panels, strict=True):
            for row in shown:
                bars = {"yerr": [row.half_width or 0.0], "elinewidth": 0.8}
                axis.errorbar([where(row)], [row.mean], fmt="o", color=OURS, **bars)
                axis.annotate(
                    f"{row.method}, VPC {row.vpc}",
                    (where(row), row.mean),
                    xytext=(5, 4),
                    textcoords="offset points",
                    fontsize=7.5,
                )
            axis.set_xscale(scale)
            _plain_ticks(axis.xaxis)
            axis.set_xlabel(title)
            axis.margins(x=0.25)
            axis.axhline(chance, color="#888888", linestyle=":", linewidth=1)
            for value in whole:
                axis.axhline(value, color=CITED, linewidth=1)
        axes[0][0].set_ylabel("accuracy %")


def _plain_ticks(axis: Any) -> None:
    """20, not 2 x 10^1, at the ticks of a logarithmic axis."""
    from matplotlib.ticker import FuncFormatter

    plain = FuncFormatter(lambda value, _: f"{value:g}")
    axis.set_major_formatter(plain)
    low, high = axis.get_view_interval()
    if 0 < low < high < 12 * low:  # within about a decade the minor ticks are the only ones there are
        axis.set_minor_formatter(plain)

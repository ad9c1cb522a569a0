"""Writing a benchmark's result: Markdown, CSV and JSON of the same numbers, and a plot."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from vidcondense.base import files
from vidcondense.base.versions import versions
from vidcondense.benchmark import BENCHMARKS, Benchmark, plots, tables
from vidcondense.benchmark.cell import Cell, Skipped
from vidcondense.benchmark.options import Options
from vidcondense.benchmark.published import DATASETS, figures
from vidcondense.benchmark.results import Result
from vidcondense.benchmark.rows import Row
from vidcondense.benchmark.tasks import Task
from vidcondense.data.store import ClipStore

PLOT = (
    "In the plot a dot is the mean over networks with their standard deviation, a pale dot the mean of one "
    "condensed set, a hollow diamond a published figure, the dotted line chance.\n"
)


@dataclass(frozen=True)
class Outcome:
    """Everything that a page is written from.

    Attributes:
        name: of the benchmark.
        options: as the user gave them.
        store: the real clips.
        folder: where files go.
        cells: that were to be measured.
        tasks: of each cell, by split and seed.
        results: of each cell.
        rows: what was measured.
        skipped: what was not, and why.
        remarks: lines about how recipes and figures were chosen.
    """

    name: str
    options: Options
    store: ClipStore
    folder: Path
    cells: Sequence[Cell]
    tasks: Mapping[Cell, Mapping[tuple[str, int], Task]]
    results: Mapping[Cell, Result]
    rows: Sequence[Row]
    skipped: Sequence[Skipped]
    remarks: Sequence[str]

    @property
    def benchmark(self) -> Benchmark:
        """Its entry in the table of benchmarks."""
        return BENCHMARKS[self.name]

    def file(self, ending: str) -> Path:
        """An output file, `ending` after the benchmark's name."""
        return self.folder / f"{self.name}{ending}"


@dataclass
class Extra:
    """What one benchmark adds to the common page.

    Attributes:
        sections: Markdown.
        data: for JSON.
        lines: of the CSV file, in place of the rows; empty for the rows.
        pictures: files in the output folder.
    """

    sections: list[str] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)
    lines: list[dict[str, Any]] = field(default_factory=list)
    pictures: list[Path] = field(default_factory=list)


def write(outcome: Outcome, extra: Extra) -> Path:
    """Write the Markdown page, CSV, JSON and plot; returns the page."""
    rows = outcome.rows
    pictures = list(extra.pictures)
    if any(row.values for row in rows):
        chance = 100 / len(outcome.store.class_names)
        plots.accuracy_plot(outcome.file(".svg"), rows, chance)
        pictures.insert(0, outcome.file(".svg"))
    lines = [row.flat() for row in rows]
    files.write_bytes(outcome.file(".csv"), tables.comma_separated(extra.lines or lines).encode())
    files.write_json(
        outcome.file(".json"),
        {
            "benchmark": outcome.name,
            "store": store_facts(outcome.store),
            "options": json.loads(json.dumps(asdict(outcome.options))),
            "rows": lines,
            "not_measured": [asdict(skipped) for skipped in outcome.skipped],
            "remarks": list(outcome.remarks),
            "versions": versions(),
            **extra.data,
        },
    )
    files.write_bytes(outcome.file(".md"), _page(outcome, extra, pictures).encode())
    return outcome.file(".md")


def store_facts(store: ClipStore) -> dict[str, Any]:
    """What identifies a store, without its path."""
    return {
        "name": store.name,
        "fingerprint": store.fingerprint,
        "classes": len(store.class_names),
        "frames": store.frames,
        "size": store.size,
    }


def _page(outcome: Outcome, extra: Extra, pictures: Sequence[Path]) -> str:
    store, options, rows = outcome.store, outcome.options, outcome.rows
    judged = any(row.judged for row in rows)
    parts = [
        f"# {outcome.benchmark.title}: {store.name}\n",
        f"{len(store.class_names)} classes, clips of {store.frames} frames of {store.size}x{store.size}; "
        f"splits {', '.join(options.splits)}; seeds {', '.join(map(str, options.seeds))}"
        + (
            f"; {tables.WORD[options.metric]} in %, protocol {options.protocol}, networks per set and "
            f"architecture: {options.networks}; chance {100 / len(store.class_names):.1f} %"
            if judged
            else ""
        )
        + ".\n",
        *(f"{remark}\n" for remark in outcome.remarks),
    ]
    if judged:
        parts += [tables.overview(rows), *_legend(rows), PLOT]
    parts += [f"![]({picture.name})\n" for picture in pictures]
    parts += extra.sections
    if rows:
        parts += ["## Details\n", tables.details(rows, judged=judged)]
    if options.per_class and judged:
        parts += ["## Classes\n", tables.per_class(rows)]
    if outcome.skipped:
        parts += ["## Not measured\n", _not_measured(outcome.skipped)]
    if options.published == "all":
        parts += ["## Published figures\n", _all_published(outcome.benchmark.figures or outcome.name)]
    return "\n".join(parts)


def _legend(rows: Sequence[Row]) -> list[str]:
    """What the marks mean, and where there is no interval to speak of."""
    differences = [difference for row in rows for difference in row.against.values()]
    lines = []
    if any(difference.half_width is not None for difference in differences):
        lines += [
            f"{tables.escaped_mark(mark)}: the 95 % interval of the difference from {name} excludes 0 "
            "(Student's t over splits and seeds)."
            for name, mark in tables.marks(rows).items()
        ]
    elif differences:
        lines.append("One condensed set per cell has no interval: give several --seeds or --splits.")
    if any(row.diverged for row in rows):
        lines.append("Networks that diverged are counted in the details and take no part in means.")
    if any(difference.left_out for difference in differences):
        lines.append("Pairs in which one side has no network that trained are left out of its differences.")
    return [f"{line}\n" for line in lines]


def _not_measured(skipped: Sequence[Skipped]) -> str:
    lines = [[entry.row, entry.column, entry.reason] for entry in dict.fromkeys(skipped)]
    return tables.markdown(["method", "column", "reason"], lines, texts=3)


def _all_published(table: str) -> str:
    """Every figure the papers have for a table, whatever the store."""
    lines = [
        [
            DATASETS[figure.dataset].title,
            figure.row,
            figure.column,
            tables.spread(figure.mean, figure.std),
            figure.source,
        ]
        for figure in figures()
        if figure.table == table
    ]
    if not lines:
        return "The papers print no figures for this.\n"
    text = "On the papers' data and not to be compared with the above unless the store is that dataset.\n\n"
    return text + tables.markdown(["dataset", "row", "column", "published", "source"], lines, texts=3)

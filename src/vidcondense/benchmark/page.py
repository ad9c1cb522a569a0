"""Writing a benchmark's result: Markdown, CSV and JSON of the same numbers, and a plot."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from jinja2 import Environment, PackageLoader, StrictUndefined

from vidcondense.base import files
from vidcondense.base.versions import versions
from vidcondense.benchmark import plots, tables
from vidcondense.benchmark.grids import BENCHMARKS
from vidcondense.benchmark.plan import Plan
from vidcondense.benchmark.published import figures
from vidcondense.benchmark.rows import Row
from vidcondense.benchmark.statistics.significance import pairs_needed
from vidcondense.recipes.datasets import DATASETS

WHERE = ("jobs", "on")
"""Options that change nothing in the results: what runs the units of work."""


@dataclass
class Extra:
    """What one benchmark adds to the common page.

    Attributes:
        data: for JSON.
        lines: of the CSV file, in place of the rows; empty for the rows.
        pictures: files in the output folder.
        shown: what its own part of the page, NAME.md.jinja, is made from.
    """

    data: dict[str, Any] = field(default_factory=dict)
    lines: list[dict[str, Any]] = field(default_factory=list)
    pictures: list[Path] = field(default_factory=list)
    shown: dict[str, Any] = field(default_factory=dict)


class _Earlier(TypedDict):
    """What is read of an earlier page; those of earlier versions do not tell of margins."""

    margins: NotRequired[list[float | None]]


def write(plan: Plan, rows: Sequence[Row], extra: Extra | None) -> Path:
    """Write the Markdown page, CSV, JSON and plot of what was measured; returns the page.

    Without an extra the benchmark is not complete, and its own part of the page is left out.
    """
    complete, extra = extra is not None, extra or Extra()
    pictures = list(extra.pictures)
    plotted = any(row.mean is not None for row in rows) and plan.file(".svg") not in pictures
    if plotted:
        plots.accuracy_plot(plan.file(".svg"), rows, plan.chance)
        pictures.insert(0, plan.file(".svg"))
    differences = [difference for row in rows for difference in row.against.values()]
    tested = sum(one.p is not None for one in differences)
    needed = pairs_needed(tested or len(differences)) if differences else 0
    lines = [row.flat() for row in rows]
    margins = _margins(plan)
    files.write_bytes(plan.file(".csv"), tables.comma_separated(extra.lines or lines).encode())
    store = plan.store
    files.write_json(
        plan.file(".json"),
        {
            "benchmark": plan.name,
            "store": {
                "name": store.name,
                "fingerprint": store.fingerprint,
                "classes": len(store.class_names),
                "frames": store.frames,
                "size": store.size,
            },
            "options": {name: value for name, value in asdict(plan.options).items() if name not in WHERE},
            "margins": margins,
            "comparisons": {"tested": tested, "pairs_needed": needed},
            "rows": lines,
            "not_measured": [asdict(skipped) for skipped in plan.skipped],
            "remarks": plan.remarks,
            "versions": versions(),
            **extra.data,
        },
    )
    text = rendered(
        "page.md.jinja",
        plan=plan,
        benchmark=BENCHMARKS[plan.name],
        rows=rows,
        judged=any(row.set_means for row in rows),
        differences=differences,
        tested=tested,
        needed=needed,
        few_pairs=bool(differences) and max(one.pairs for one in differences) < needed,
        level_rule=_level_rule(margins),
        complete=complete,
        plotted=plotted,
        tables=tables,
        pictures=pictures,
        figures=figures(),
        datasets=DATASETS,
        **extra.shown,
    )
    files.write_bytes(plan.file(".md"), text.encode())
    return plan.file(".md")


def _margins(plan: Plan) -> list[float | None]:
    """The margins of this page and of those before it in the same file, each change once."""
    path, margin = plan.file(".json"), plan.options.margin
    before = files.read_json(path, _Earlier).get("margins", []) if path.is_file() else []
    return before if before and before[-1] == margin else [*before, margin]


def _level_rule(margins: Sequence[float | None]) -> str:
    margin = margins[-1]
    if margin is None:
        return ""
    rule = (
        f"Level within {margin:g} points (--margin) needs p < 0.05 in two one-sided tests by Student's t, "
        "adjusted by Holm too. "
    )
    if len(margins) == 1:
        return rule
    named = ", then ".join("none" if one is None else f"{one:g} points" for one in margins)
    return f"{rule}The margin was changed when results were there already ({named}): it proves nothing. "


def rendered(template: str, **values: object) -> str:
    """A page from a template beside this file, with one line break at its end."""
    templates = Environment(
        loader=PackageLoader("vidcondense", "benchmark"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.filters.update(
        cell=tables.escaped, number=tables.number, spread=tables.spread, table=tables.markdown
    )
    return templates.get_template(template).render(values).rstrip() + "\n"

"""Tables as Markdown and CSV; what both hold are the same numbers, rounded in Markdown only."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from vidcondense.benchmark.published import heading_of
from vidcondense.benchmark.rows import Row
from vidcondense.benchmark.statistics import Difference
from vidcondense.evaluation.results import mean_std

MARKS = ("*", "†", "‡", "§", "¶")
WORD = {"top1": "top-1", "top5": "top-5"}


def markdown(columns: Sequence[str], rows: Sequence[Sequence[str]], texts: int = 1) -> str:
    """A Markdown table; the first columns are texts, the others are aligned to the right."""
    lines = [columns, ["---"] * texts + ["---:"] * (len(columns) - texts), *rows]
    return "\n".join(f"| {' | '.join(_escaped(entry) for entry in line)} |" for line in lines) + "\n"


def rounded(lines: Sequence[Mapping[str, Any]], digits: Mapping[str, int | None]) -> str:
    """Lines of a CSV file in Markdown.

    Args:
        lines: with texts and numbers, None for none.
        digits: of each column after the point; None for a text. Columns that it lacks are left out.
    """
    rows = [
        [
            str(line[column]) if places is None else number(line[column], places)
            for column, places in digits.items()
        ]
        for line in lines
    ]
    return markdown(list(digits), rows)


def comma_separated(lines: Sequence[Mapping[str, Any]]) -> str:
    """CSV with a column for every key that any line has; empty where there is no value."""
    columns = list(dict.fromkeys(key for line in lines for key in line))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def overview(rows: Sequence[Row]) -> str:
    """Methods by column, as the papers print it; published figures in columns of their own."""
    entries = {(row.method, row.column): row for row in rows}
    methods = dict.fromkeys(row.method for row in rows)
    columns = dict.fromkeys(row.column for row in rows)
    sources = dict.fromkeys(
        (column, heading_of(figure))
        for column in columns
        for row in rows
        if row.column == column
        for figure in row.published
    )
    signs = marks(rows)
    headings = ["method", *(column or "measured" for column in columns)]
    headings += [", ".join(filter(None, (heading, column))) for column, heading in sources]
    lines = []
    for method in methods:
        measured = [_measured(entries.get((method, column)), signs) for column in columns]
        cited = [_cited(entries.get((method, column)), heading) for column, heading in sources]
        lines.append([method, *measured, *cited])
    return markdown(headings, lines)


def details(rows: Sequence[Row], *, judged: bool) -> str:
    """Everything about each row but its published figures."""
    names = list(marks(rows))
    headings = ["method", "column", "VPC", "sets", "key frames per video", "MiB", "file bytes", "seconds"]
    if judged:
        headings += ["accuracy %", "std of sets", *(f"against {name}" for name in names), "diverged"]
    lines = []
    for row in rows:
        line = [
            row.method,
            row.column or "-",
            str(row.vpc or "all"),
            str(row.sets),
            number(row.mean_of("key_frames"), 2),
            number(row.mib, 2),
            number(row.mean_of("file_bytes"), 0),
            number(row.mean_of("seconds"), 0),
        ]
        if judged:
            line += [spread(*row.accuracy), number(row.std_of_sets, 1)]
            line += [difference(row.against.get(name)) for name in names]
            line.append(f"{row.diverged} of {row.networks}" if row.networks else "-")
        lines.append(line)
    return markdown(headings, lines, texts=2)


def per_class(rows: Sequence[Row]) -> str:
    """Accuracy and key frames per video of every class; classes in the store's order."""
    shown = [row for row in rows if row.judged]
    names = dict.fromkeys(
        name for row in shown for judged in row.judged.values() for name in judged.per_class
    )
    lines = [[name, *(_of_class(row, name) for row in shown)] for name in names]
    return markdown(["class", *(f"{row.title}: % (key frames)" for row in shown)], lines)


def _of_class(row: Row, name: str) -> str:
    accuracy, _ = mean_std([judged.per_class[name] for judged in row.judged.values() if judged.per_class])
    keys, _ = mean_std(
        [made.key_frames_by_class[name] for made in row.made.values() if made.key_frames_by_class]
    )
    return number(accuracy, 0) + ("" if accuracy is None or keys is None else f" ({keys:.1f})")


def number(value: float | None, digits: int) -> str:
    """A rounded number, "-" for none."""
    return "-" if value is None else f"{value:,.{digits}f}" if digits == 0 else f"{value:.{digits}f}"


def spread(mean: float | None, std: float | None) -> str:
    """A mean with its deviation where there is one."""
    return number(mean, 1) if std is None else f"{mean:.1f} ± {std:.1f}"


def difference(value: Difference | None) -> str:
    """A mean difference with half its interval, a star where that excludes 0, and pairs left out."""
    if value is None or value.mean is None:
        return "-"
    half = "" if value.half_width is None else f" ± {value.half_width:.1f}"
    left_out = f" ({value.left_out} left out)" if value.left_out else ""
    return f"{value.mean:+.1f}{half}{' *' if value.excludes_zero else ''}{left_out}"


def escaped_mark(mark: str) -> str:
    """A mark at the start of a line, where a bare star would begin a list."""
    return "\\*" if mark == "*" else mark


def marks(rows: Sequence[Row]) -> dict[str, str]:
    """The mark of each row that others are compared with."""
    compared = {name for row in rows for name in row.against}
    names = dict.fromkeys(row.method for row in rows if row.method in compared)
    return dict(zip(names, MARKS, strict=False))


def _measured(row: Row | None, signs: Mapping[str, str]) -> str:
    """An accuracy with the marks of the rows that it differs from; MiB where nothing was evaluated."""
    if row is None:
        return "-"
    if not row.judged:
        return number(row.mib, 2)
    differing = [name for name, difference in row.against.items() if difference.excludes_zero]
    return " ".join([spread(*row.accuracy), *(signs[name] for name in differing if name in signs)])


def _cited(row: Row | None, heading: str) -> str:
    figures = [figure for figure in (row.published if row else ()) if heading_of(figure) == heading]
    return spread(figures[0].mean, figures[0].std) if figures else "-"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")

"""Tables as Markdown and CSV; what both hold are the same numbers, rounded in Markdown only."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from vidcondense.benchmark.published import heading_of
from vidcondense.benchmark.rows import Row
from vidcondense.benchmark.statistics import Difference

MARKS = ("*", "†", "‡", "§", "¶")
WORD = {"top1": "top-1", "top5": "top-5"}


def markdown(columns: Sequence[str], rows: Sequence[Sequence[str]], texts: int = 1) -> str:
    """A Markdown table; the first columns are texts, the others are aligned to the right."""
    lines = [columns, ["---"] * texts + ["---:"] * (len(columns) - texts), *rows]
    return "\n".join(f"| {' | '.join(_escaped(entry) for entry in line)} |" for line in lines) + "\n"


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
    methods = list(dict.fromkeys(row.method for row in rows))
    columns = list(dict.fromkeys(row.column for row in rows))
    sources = [
        (column, heading)
        for column in columns
        for heading in dict.fromkeys(
            heading_of(one) for row in rows if row.column == column for one in row.published
        )
    ]
    entries = {(row.method, row.column): row for row in rows}
    signs = marks(rows)
    headings = ["method", *(column or "measured" for column in columns)]
    headings += [", ".join(filter(None, (heading, column))) for column, heading in sources]
    lines = []
    for method in methods:
        line = [method]
        line += [_measured(entries.get((method, column)), signs) for column in columns]
        line += [_cited(entries.get((method, column)), heading) for column, heading in sources]
        lines.append(line)
    return markdown(headings, lines)


def details(rows: Sequence[Row], *, judged: bool) -> str:
    """Everything about each row but its published figures."""
    names = list(marks(rows))
    headings = ["method", "column", "VPC", "sets", "key frames per video", "MiB", "file bytes", "seconds"]
    if judged:
        headings += ["accuracy %", "std of sets", *(f"against {name}" for name in names), "diverged"]
    lines = []
    for row in rows:
        flat = row.flat()
        line = [
            row.method,
            row.column or "-",
            str(row.vpc or "all"),
            str(flat["sets"]),
            number(flat["key_frames"], 2),
            number(flat["mib"], 2),
            number(flat["file_bytes"], 0),
            number(flat["seconds"], 0),
        ]
        if judged:
            line += [spread(flat["mean"], flat["std"]), number(flat["std_of_sets"], 1)]
            line += [difference(row.against.get(name)) for name in names]
            line.append(f"{flat['diverged']} of {flat['networks']}" if flat["networks"] else "-")
        lines.append(line)
    return markdown(headings, lines, texts=2)


def per_class(rows: Sequence[Row]) -> str:
    """Accuracy and key frames per video of every class; classes in the store's order."""
    shown = [row for row in rows if row.judged]
    names = list(
        dict.fromkeys(name for row in shown for one in row.judged.values() for name in one.per_class)
    )
    headings = [", ".join(filter(None, (row.method, row.column))) for row in shown]
    lines = []
    for name in names:
        line = [name]
        for row in shown:
            accuracies = [one.per_class[name] for one in row.judged.values() if one.per_class]
            keys = [one.key_frames_by_class[name] for one in row.made.values() if one.key_frames_by_class]
            counted = f" ({_mean(keys):.1f})" if keys else ""
            line.append(f"{_mean(accuracies):.0f}{counted}" if accuracies else "-")
        lines.append(line)
    return markdown(["class", *(f"{heading}: % (key frames)" for heading in headings)], lines)


def number(value: float | None, digits: int) -> str:
    """A rounded number, "-" for none."""
    return "-" if value is None else f"{value:,.{digits}f}" if digits == 0 else f"{value:.{digits}f}"


def spread(mean: float | None, std: float | None) -> str:
    """A mean with its deviation where there is one."""
    if mean is None:
        return "-"
    return f"{mean:.1f}" if std is None else f"{mean:.1f} ± {std:.1f}"


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
        return number(row.flat()["mib"], 2)
    found = [signs[name] for name, one in row.against.items() if one.excludes_zero and name in signs]
    return " ".join([spread(*row.accuracy), *found])


def _cited(row: Row | None, heading: str) -> str:
    found = [one for one in (row.published if row else ()) if heading_of(one) == heading]
    return spread(found[0].mean, found[0].std) if found else "-"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")

"""Tables as Markdown and CSV, both from lines that are dictionaries; numbers are rounded in Markdown only."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from vidcondense.benchmark.published import heading_of
from vidcondense.benchmark.rows import Row
from vidcondense.benchmark.statistics import Difference

MARKS = ("*", "†", "‡", "§", "¶")
WORD = {"top1": "top-1", "top5": "top-5"}
Line = dict[str, Any]
"""Texts and numbers by column, None for none."""


def markdown(lines: Sequence[Line], texts: int = 1, digits: int = 2) -> str:
    """A Markdown table of lines with the same columns.

    Args:
        lines: of which there is at least one.
        texts: how many columns at the left are texts; the others are aligned to the right.
        digits: after the point of floats.
    """
    columns = list(lines[0])
    entries = [columns, ["---"] * texts + ["---:"] * (len(columns) - texts)]
    entries += [[_entry(value, digits) for value in line.values()] for line in lines]
    return "".join(f"| {' | '.join(map(escaped, line))} |\n" for line in entries)


def comma_separated(lines: Sequence[Line]) -> str:
    """CSV with a column for every key that any line has; empty where there is no value."""
    columns = list(dict.fromkeys(key for line in lines for key in line))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def overview(rows: Sequence[Row]) -> list[Line]:
    """Methods by column, as the papers print it; published figures in columns of their own."""
    entries = {(row.method, row.column): row for row in rows}
    columns = dict.fromkeys(row.column for row in rows)
    sources = dict.fromkeys(
        (column, heading_of(figure))
        for column in columns
        for row in rows
        if row.column == column
        for figure in row.published
    )
    signs = marks(rows)
    lines = []
    for method in dict.fromkeys(row.method for row in rows):
        line: Line = {"method": method}
        for column in columns:
            line[column or "measured"] = _measured(entries.get((method, column)), signs)
        for column, heading in sources:
            cited = _cited(entries.get((method, column)), heading)
            line[", ".join(filter(None, (heading, column)))] = cited
        lines.append(line)
    return lines


def details(rows: Sequence[Row], *, judged: bool) -> list[Line]:
    """Everything about each row but its published figures."""
    lines = []
    for row in rows:
        line: Line = {
            "method": row.method,
            "column": row.column or "-",
            "VPC": row.vpc or "all",
            "sets": row.sets,
            "key frames per video": row.key_frames,
            "MiB": row.mib,
            "file bytes": number(row.file_bytes, 0),
            "seconds": number(row.seconds, 0),
        }
        if judged:
            line["accuracy %"] = spread(row.mean, row.half_width)
            line["std of sets"] = number(row.std_of_sets, 1)
            line["std of networks"] = number(row.std_of_networks, 1)
            for name in dict.fromkeys(name for each in rows for name in each.controls):
                line[f"{name} %"] = number(row.controls.get(name), 1)
            line["diverged"] = f"{row.diverged} of {row.networks}" if row.networks else None
        lines.append(line)
    return lines


def sizes(rows: Sequence[Row]) -> list[Line]:
    """What the file of each row takes, really and as the papers count; means over condensed sets."""
    return [
        {
            "method": row.method,
            "column": row.column or "-",
            "file bytes": number(row.file_bytes, 0),
            "as the papers count": number(row.stored_bytes, 0),
            "times smaller": number((row.stored_bytes or 0) / row.file_bytes, 0),
            "VPC": row.vpc,
            "accuracy %": spread(row.mean, row.half_width),
        }
        for row in rows
        if row.file_bytes and row.budget
    ]


def comparisons(rows: Sequence[Row], *, with_level: bool) -> list[Line]:
    """Each row against those that it is compared with: what can be said, the difference, and p values.

    Args:
        rows: of one table.
        with_level: whether there is a margin, and so a test of being level.
    """
    return [
        {
            "method": row.method,
            "column": row.column or "-",
            "against": name,
            "verdict": found.verdict,
            "difference": difference(found),
            "pairs": found.pairs,
            "left out": found.left_out,
            "p": _chance(found.p),
            "p by Holm": _chance(found.p_holm),
        }
        | ({"p of level by Holm": _chance(found.p_level)} if with_level else {})
        for row in rows
        for name, found in row.against.items()
    ]


def _chance(p: float | None) -> str:
    return "< 0.001" if p is not None and p < 0.001 else number(p, 3)


def per_class(rows: Sequence[Row]) -> list[Line]:
    """Accuracy and key frames per video of every class; classes in the store's order."""
    shown = [row for row in rows if row.set_means]
    lines = []
    for name in dict.fromkeys(name for row in shown for name in row.classes):
        line: Line = {"class": name}
        for row in shown:
            accuracy, keys = row.classes.get(name, (None, None))
            line[f"{row.title}: % (key frames)"] = number(accuracy, 0) + (f" ({keys:.1f})" if keys else "")
        lines.append(line)
    return lines


def number(value: float | None, digits: int) -> str:
    """A rounded number, "-" for none."""
    return "-" if value is None else f"{value:,.{digits}f}" if digits == 0 else f"{value:.{digits}f}"


def spread(mean: float | None, half: float | None) -> str:
    """A mean with what stands behind its ± where there is one."""
    return number(mean, 1) if half is None else f"{mean:.1f} ± {half:.1f}"


def difference(value: Difference) -> str:
    """A mean difference with half its interval, and a star where the two differ."""
    if value.mean is None:
        return "-"
    half = "" if value.half_width is None else f" ± {value.half_width:.1f}"
    return f"{value.mean:+.1f}{half}{' *' if value.starred else ''}"


def marks(rows: Sequence[Row]) -> dict[str, str]:
    """The mark of each row that others are compared with."""
    compared = {name for row in rows for name in row.against}
    names = dict.fromkeys(row.method for row in rows if row.method in compared)
    return dict(zip(names, MARKS, strict=False))


def _measured(row: Row | None, signs: Mapping[str, str]) -> str:
    """An accuracy with the marks of the rows that it differs from; MiB where nothing was evaluated."""
    if row is None:
        return "-"
    if not row.set_means:
        return number(row.mib, 2)
    differing = [name for name, difference in row.against.items() if difference.starred]
    return " ".join([spread(row.mean, row.half_width), *(signs[name] for name in differing if name in signs)])


def _cited(row: Row | None, heading: str) -> str:
    figures = [figure for figure in (row.published if row else ()) if heading_of(figure) == heading]
    return spread(figures[0].mean, figures[0].std) if figures else "-"


def _entry(value: Any, digits: int) -> str:
    if value is None:
        return "-"
    return number(value, digits) if isinstance(value, float) else str(value)


def escaped(text: str) -> str:
    """A text that stays within its place in a Markdown table."""
    return text.replace("|", "\\|").replace("\n", " ")

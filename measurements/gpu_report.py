"""The report of gpu.py as Markdown."""

from collections.abc import Iterator
from typing import Any

Record = dict[str, Any]


def page(about: Record, titles: dict[str, str], records: dict[str, Record], command: str) -> str:
    """All sections, what failed first.

    Args:
        about: hardware and versions.
        titles: of sections, by name.
        records: of each of them.
        command: what goes on with the sections that are not done.
    """
    lines = ["# A day with a GPU", "", *(f"- {key}: {value}" for key, value in about.items()), ""]
    failed = [f"- **{name}**: {words}" for name, record in records.items() for words in failures(record)]
    lines += ["## Failures", "", *failed, ""] if failed else []
    left = [name for name, record in records.items() if record["status"] not in ("done", "failed")]
    if left:
        lines += [f"Not done: {', '.join(left)}. Go on with:", "", f"    {command}", ""]
    for name, title in titles.items():
        lines += section(title, records[name])
    return "\n".join(lines).rstrip() + "\n"


def failures(record: Record) -> list[str]:
    """What went wrong in a section, in words."""
    return [record["error"]] if record["status"] == "failed" else record.get("failing", [])


def section(title: str, record: Record) -> Iterator[str]:
    """Its lines."""
    yield from (f"## {title}", "")
    status = record["status"]
    took = f", {record['seconds']:.0f} s" if "seconds" in record else ""
    left = f": {record['unfinished']} left" if record.get("unfinished") else ""
    yield from (f"Status: {status}{left}{took}.", "")
    for words in failures(record):
        yield from (f"**FAILS**: {words}", "")
    for name, rows in record.get("tables", {}).items():
        yield from ([f"{name}:", ""] if name else [])
        yield from table(rows)
        yield ""
    for note in record.get("notes", []):
        yield from (note, "")


def table(rows: list[Record]) -> Iterator[str]:
    """Rows under all columns that any of them has."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    yield f"| {' | '.join(columns)} |"
    yield "|" + "---|" * len(columns)
    for row in rows:
        yield f"| {' | '.join(shown(row.get(column, '')) for column in columns)} |"


def shown(value: object) -> str:
    """A number with four digits."""
    return f"{value:,.4g}" if isinstance(value, float) else str(value)

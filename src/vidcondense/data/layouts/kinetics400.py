"""Kinetics-400 (Kay et al., 2017): the official annotation CSVs beside clips <youtube_id>_<start>_<end>.

The CSVs (columns label, youtube_id, time_start, time_end, split; others are ignored) may have any name. A
clip is a video file or a folder of its frames, anywhere below root: train/, train/<class>/ and so on; what
the folders are called makes no difference. It is called by its id with start and end as six digits, or as
they stand in the list, or by its id alone. The validation videos are the test set, as in the papers; the
official test list, whose labels were long withheld, is not used unless there is no other.
"""

from collections.abc import Iterator
from dataclasses import replace

from vidcondense.base.errors import VidcondenseError
from vidcondense.data.layouts.annotations import Row, beginning, csv_rows, files_in, list_rows
from vidcondense.data.layouts.listing import TEST, VAL, Listing
from vidcondense.data.layouts.tree import Folder
from vidcondense.data.layouts.words import ROLE_OF_WORD

COLUMNS = frozenset(["label", "youtube_id", "time_start", "time_end", "split"])


def matches(source: Folder) -> bool:
    """There is a CSV file with the columns."""
    return bool(_lists(source))


def find(source: Folder, test_fraction: float) -> Listing:
    """List the videos that the CSVs name; `test_fraction` plays no part here.

    Raises:
        VidcondenseError: no such CSV, or a row that cannot be read.
    """
    lists = _lists(source)
    if not lists:
        raise VidcondenseError(
            f"{source.disk} has no Kinetics CSV (label,youtube_id,time_start,time_end,split) in it or below"
        )
    rows = [row for folder, name in lists for row in _rows(folder, name)]
    if any(row.role == VAL for row in rows):
        rows = [replace(row, role=TEST) if row.role == VAL else row for row in rows if row.role != TEST]
    return list_rows(source, rows, [folder.inside(name) for folder, name in lists], ending=".mp4")


def _lists(source: Folder) -> list[tuple[Folder, str]]:
    return [
        (folder, name)
        for folder, name in files_in(source, r".+\.csv")
        if COLUMNS.issubset(_header(beginning(folder.disk / name)))
    ]


def _header(text: str) -> list[str]:
    return [column.strip() for column in text.partition("\n")[0].split(",")]


def _rows(folder: Folder, name: str) -> Iterator[Row]:
    for line, row in csv_rows(folder.disk / name):
        where = f"{folder.disk / name} line {line}"
        role = ROLE_OF_WORD.get(row["split"].lower())
        if role is None:
            raise VidcondenseError(
                f"{where}: split is {row['split']!r}, not one of train, val, validate, test"
            )
        start, end = _seconds(row["time_start"]), _seconds(row["time_end"])
        if not (row["label"] and row["youtube_id"]) or start is None or end is None:
            raise VidcondenseError(
                f"{where}: expected a label, a youtube_id and two numbers of seconds, found "
                f"{','.join(row[column] for column in ('label', 'youtube_id', 'time_start', 'time_end'))}"
            )
        id_, times = row["youtube_id"], (row["time_start"], row["time_end"])
        others = (f"{id_}_{start}_{end}", f"{id_}_{times[0]}_{times[1]}", f"{id_}_{start:06d}", id_)
        yield Row(f"{id_}_{start:06d}_{end:06d}", row["label"], role, name, names=others)


def _seconds(text: str) -> int | None:
    """A time in whole seconds, also as pandas writes it (7.0); None for none."""
    try:
        value = float(text)
    except ValueError:
        return None
    return int(value) if 0 <= value < 10**6 and value == int(value) else None

"""Kinetics-400 (Kay et al., 2017): the official annotation CSVs beside clips <youtube_id>_<start>_<end>.

The CSVs (columns label, youtube_id, time_start, time_end, split; others are ignored) lie in root or a folder
directly below it, and may have any name. A clip is a video file or a folder of its frames, with start and
end as six digits, anywhere up to four folders below root: train/, train/<class>/ and so on; what the
folders are called makes no difference. The validation videos are the test set, as in the papers; the
official test list, whose labels were long withheld, is not used.
"""

from collections.abc import Iterator
from pathlib import Path

from vidcondense.base.errors import VidcondenseError
from vidcondense.data.layouts.annotations import Row, csv_header, csv_rows, list_rows
from vidcondense.data.layouts.listing import TEST, TRAIN, Listing, folders_in

COLUMNS = frozenset(["label", "youtube_id", "time_start", "time_end", "split"])
ROLES = {"train": TRAIN, "val": TEST, "validate": TEST, "validation": TEST, "test": None}


def matches(root: Path) -> bool:
    """There is a CSV file with the columns."""
    return next(_lists(root), None) is not None


def find(root: Path, test_fraction: float) -> Listing:
    """List the videos that the CSVs name; `test_fraction` plays no part here.

    Raises:
        VidcondenseError: no such CSV, or a row that cannot be read.
    """
    lists = list(_lists(root))
    if not lists:
        raise VidcondenseError(
            f"{root} has no Kinetics CSV (label,youtube_id,time_start,time_end,split) in it or below it"
        )
    return list_rows(root, (row for file in lists for row in _rows(file)), ".mp4")


def _lists(root: Path) -> Iterator[Path]:
    for folder in (root, *folders_in(root)):
        yield from (file for file in sorted(folder.glob("*.csv")) if COLUMNS.issubset(csv_header(file)))


def _rows(file: Path) -> Iterator[Row]:
    for line, row in csv_rows(file):
        where = f"{file} line {line}"
        if row["split"] not in ROLES:
            raise VidcondenseError(f"{where}: split is {row['split']!r}, not one of {', '.join(ROLES)}")
        role = ROLES[row["split"]]
        if role is None:
            continue
        start, end = row["time_start"], row["time_end"]
        if not (row["label"] and row["youtube_id"] and start.isdecimal() and end.isdecimal()):
            raise VidcondenseError(
                f"{where}: expected a label, a youtube_id and two whole numbers of seconds, found "
                f"{','.join(row[column] for column in ('label', 'youtube_id', 'time_start', 'time_end'))}"
            )
        yield Row(f"{row['youtube_id']}_{int(start):06d}_{int(end):06d}", row["label"], role, file.name)

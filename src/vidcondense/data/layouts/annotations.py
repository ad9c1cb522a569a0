"""Lists that come with datasets: reading them with line numbers, and finding the videos that they name."""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.typed import parse, typed
from vidcondense.data.layouts.listing import Found, Listing, Missing, folders_in, relative, videos_in
from vidcondense.data.pictures import holds_pictures

DEEPEST = 4
T = TypeVar("T")


@dataclass(frozen=True)
class Row:
    """What a list says of a video: its name without ending, class and role, and which list says it."""

    name: str
    class_name: str
    role: str
    source: str


def list_rows(root: Path, rows: Iterable[Row], ending: str) -> Listing:
    """Find the videos that lists name, wherever they lie below `root`, as one split "1".

    Args:
        root: where to look.
        rows: what the lists say; of two that name the same video the first counts.
        ending: how the files end in the official distribution, for the names of missing ones.
    """
    media = media_by_name(root)
    seen: dict[str, Row] = {}
    videos: list[Found] = []
    missing: list[Missing] = []
    for row in rows:
        first = seen.setdefault(row.name, row)
        if first is not row:
            if (first.class_name, first.role) != (row.class_name, row.role):
                reason = f"{row.source} has it a second time; it stays {first.role}, '{first.class_name}'"
                missing.append(Missing(row.name + ending, row.class_name, reason))
        elif row.name in media:
            videos.append(Found(media[row.name], row.class_name, (row.role,)))
        else:
            reason = f"named by {row.source}, but there is no such video"
            missing.append(Missing(row.name + ending, row.class_name, reason))
    return Listing(("1",), videos, tuple(missing))


def lines_of(file: Path) -> Iterator[tuple[int, str]]:
    """(line number, stripped line) of every line with something in it.

    Raises:
        VidcondenseError: the file cannot be read.
    """
    for number, line in enumerate(_text(file).splitlines(), start=1):
        if line.strip():
            yield number, line.strip()


def csv_header(file: Path) -> list[str]:
    """The column names in the first line of a CSV file, [] if it cannot be read."""
    if not file.is_file():  # a pipe would block
        return []
    try:
        with file.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
            return [name.strip() for name in next(csv.reader([stream.readline(10_000)]), [])]
    except (OSError, csv.Error):
        return []


def csv_rows(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """(line number, {column: value}) of every row of a CSV file with a header.

    Raises:
        VidcondenseError: a row with more or fewer values than the header has columns.
    """
    reader = csv.reader(io.StringIO(_text(file)), strict=True)
    line = 1
    try:
        header = [name.strip() for name in next(reader, [])]
        line = reader.line_num + 1
        for row in reader:
            if row and len(row) != len(header):
                raise VidcondenseError(
                    f"{file} line {line}: {len(row)} values instead of {len(header)} ({','.join(header)})"
                )
            if row:
                yield line, dict(zip(header, (value.strip() for value in row), strict=True))
            line = reader.line_num + 1
    except csv.Error as error:
        raise VidcondenseError(f"{file} line {line}: not valid CSV ({error})") from error


def json_content(file: Path, kind: type[T]) -> T:
    """What a JSON file holds, as a type; see `typed`.

    Raises:
        VidcondenseError: it is not JSON, with the line; or a value is of another type, with its place: $[2]
            is the third entry of a list.
    """
    try:
        return typed(parse(_text(file)), kind)
    except ValueError as error:
        raise VidcondenseError(f"{file} is not valid JSON ({error}); it may have been cut short") from error
    except VidcondenseError as error:
        raise VidcondenseError(f"{file}: {error}") from error


def media_by_name(root: Path) -> dict[str, str]:
    """Video files and folders of pictures below a folder, by name without ending: paths relative to `root`.

    Hidden ones are passed over, and so is what lies more than four folders down. Of two with the same name
    the one that comes first counts, the less deep before the deeper, then by path.
    """
    found: dict[str, str] = {}
    level, seen = [root], {root.resolve()}
    for _ in range(DEEPEST + 1):
        deeper: list[Path] = []
        for folder in level:
            for video in videos_in(folder):
                found.setdefault(video.stem, relative(video, root))
            for inner in folders_in(folder):
                if holds_pictures(inner):
                    found.setdefault(inner.name, relative(inner, root))
                elif (real := inner.resolve()) not in seen:  # a link may lead back
                    seen.add(real)
                    deeper.append(inner)
        level = deeper
    return found


def _text(file: Path) -> str:
    if file.exists() and not file.is_file():
        raise VidcondenseError(f"cannot read {file}: it is not a file")
    try:
        return file.read_text(encoding="utf-8-sig", errors="surrogateescape")
    except OSError as error:
        raise VidcondenseError(f"cannot read {file}: {error.strerror or error}") from error

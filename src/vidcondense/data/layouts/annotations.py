"""Lists that come with datasets: reading them with line numbers, and finding the videos that they name."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.typed import parse, typed
from vidcondense.data.layouts.listing import UNUSED, Found, Listing, Missing
from vidcondense.data.layouts.tree import Folder, Video
from vidcondense.data.layouts.words import role_of, same, text
from vidcondense.data.pictures import stem_of

LISTS_DOWN = 3
"""How many folders down lists are looked for."""
T = TypeVar("T")


@dataclass(frozen=True)
class Row:
    """What a list says of a video.

    Attributes:
        path: as the list writes it: any folders in front, with or without an ending.
        class_name: its class.
        role: its role in the split.
        source: what says so, for messages.
        split: the split.
        names: other names that the video may have.
        folder: of the list, relative to the source, where paths are relative to it.
    """

    path: str
    class_name: str
    role: str
    source: str
    split: str = "1"
    names: tuple[str, ...] = ()
    folder: str = ""


class Videos:
    """The videos of a source by name.

    A row's path and a video's need not begin alike, nor end alike: what counts is the name without a video's
    ending, and the folder above it where both have one and names alone do not tell. Capitals and the
    Unicode form make no difference unless there are two.
    """

    def __init__(self, source: Folder) -> None:
        self._by_name: dict[str, list[Video]] = {}
        for video in source.all_videos():
            for name in {same(video.stem), same(video.name)}:
                self._by_name.setdefault(name, []).append(video)

    def find(self, row: Row, parents: frozenset[str] = frozenset()) -> list[Video]:
        """The videos that fit a row about as well, the best first; [] if there is none.

        Args:
            row: what a list says.
            parents: all folders in which the lists say that videos lie (`same`): a video in one of them is
                not meant by a row that names another.
        """
        if exact := self._exact(row):
            return [exact]
        for path in (row.path, *row.names):
            if found := self._named(path, row.role, parents):
                return found
        return []

    def knows(self, path: str) -> bool:
        """Whether some video has the name of a path."""
        return bool(self._by_name.get(_key(path)))

    def _exact(self, row: Row) -> Video | None:
        whole = f"{row.folder}/{row.path}" if row.folder else row.path
        return next((video for video in self._by_name.get(_key(whole), ()) if video.path == whole), None)

    def _named(self, path: str, role: str, parents: frozenset[str]) -> list[Video]:
        found = self._by_name.get(_key(path), [])
        above = [same(part) for part in _parts(path)[:-1]]
        if above:
            most = max((_shared(above, video.path) for video in found), default=0)
            found = [
                video
                for video in found
                # The lists' folders are often not on the disk.
                if _shared(above, video.path) == most and (most or _parent(video) not in parents)
            ]
        return _best(found, path, role)


def _best(found: list[Video], path: str, role: str) -> list[Video]:
    """Of several videos of one name those that are meant: by spelling, the split's folder, being a file."""
    name = _parts(path)[-1] if _parts(path) else ""
    tests = (
        lambda video: video.stem == stem_of(name),
        lambda video: role in {role_of(part) for part in video.path.split("/")[:-1]},
        lambda video: not video.is_frames,
        lambda video: video.name == name,
    )
    for test in tests:
        if len(found) > 1:
            found = [video for video in found if test(video)] or found
    return sorted(found, key=lambda video: (video.path.count("/"), video.path))


def _parts(path: str) -> list[str]:
    return [part for part in path.replace("\\", "/").split("/") if part not in ("", ".")]


def _key(path: str) -> str:
    parts = _parts(path)
    return same(stem_of(parts[-1])) if parts else ""


def _parent(video: Video) -> str:
    return same(video.path.split("/")[-2]) if "/" in video.path else ""


def _shared(above: list[str], path: str) -> int:
    """How many folders directly above a video are those of a list's path."""
    here = [same(part) for part in path.split("/")[:-1]]
    count = 0
    for wanted, there in zip(reversed(above), reversed(here), strict=False):
        if wanted != there:
            break
        count += 1
    return count


def list_rows(
    source: Folder,
    rows: Iterable[Row],
    lists: Sequence[str],
    *,
    ending: str = "",
    videos: Videos | None = None,
) -> Listing:
    """Find the videos that lists name, wherever they lie.

    Args:
        source: where to look.
        rows: what the lists say; of two that contradict each other on a video the first counts.
        lists: the lists' paths.
        ending: how the files end in the official distribution, for the names of missing ones.
        videos: those of `source`, if they are at hand.

    Raises:
        VidcondenseError: most videos are there in two places, and nothing says which are meant.
    """
    return _Rows(source, videos or Videos(source), ending).listing(rows, tuple(lists))


class _Rows:
    def __init__(self, source: Folder, videos: Videos, ending: str) -> None:
        self._source, self._videos, self._ending = source, videos, ending
        self._first: dict[tuple[str, str], Row] = {}
        self._taken: dict[str, tuple[str, dict[str, str]]] = {}  # path: class, {split: role}
        self._missing: dict[str, Missing] = {}
        self._troubled: dict[str, Missing] = {}
        self._twice: list[list[Video]] = []
        self._bases: Counter[str] = Counter()
        self._several: dict[str, tuple[str, str]] = {}  # path: two classes that rows give it

    def listing(self, rows: Iterable[Row], lists: tuple[str, ...]) -> Listing:
        rows = list(rows)
        parents = frozenset(same(parts[-2]) for row in rows if len(parts := _parts(row.path)) > 1)
        for row in rows:
            self._add(row, parents)
        self._refuse_two_places()
        self._refuse_segments()
        names = tuple(sorted({row.split for row in rows}, key=lambda name: (len(name), name)))
        found = [
            Found(path, class_name, tuple(roles.get(name, UNUSED) for name in names))
            for path, (class_name, roles) in self._taken.items()
        ]
        return Listing(names, found, self._gone(), "the lists", lists=lists, notes=self._notes())

    def _add(self, row: Row, parents: frozenset[str]) -> None:
        first = self._first.setdefault((row.split, row.path), row)
        if first is not row:
            if (first.class_name, first.role) != (row.class_name, row.role):
                self._contradict(row, first.role, first.class_name)
            return
        found = self._videos.find(row, parents)
        if not found:
            reason = f"named by {row.source}, but there is no such video"
            self._missing.setdefault(row.path, Missing(row.path, row.class_name, reason))
            return
        if trouble := found[0].trouble:
            self._troubled[found[0].path] = Missing(found[0].path, row.class_name, trouble)
            return
        if len(found) > 1:
            self._twice.append(found)
        self._bases[found[0].path[: -len(_tail(row.path, found[0].path))]] += 1
        class_name, roles = self._taken.setdefault(found[0].path, (row.class_name, {}))
        if class_name != row.class_name or roles.setdefault(row.split, row.role) != row.role:
            self._contradict(row, roles.get(row.split, ""), class_name)

    def _contradict(self, row: Row, role: str, class_name: str) -> None:
        stays = f"{role}, '{class_name}'" if role else f"'{class_name}'"
        reason = f"{row.source} has it a second time; it stays {stays}"
        self._missing.setdefault(f"{row.path} again", Missing(row.path, row.class_name, reason))
        if row.class_name != class_name:
            self._several.setdefault(row.path, (class_name, row.class_name))

    def _gone(self) -> tuple[Missing, ...]:
        """The missing ones, named as if they lay where most others do."""
        base = self._bases.most_common(1)[0][0] if self._bases else ""
        gone = []
        for one in self._missing.values():
            ending = "" if stem_of(one.path) != one.path else self._ending
            where = base if "/" in one.path else ""
            gone.append(Missing(f"{where}{one.path}{ending}", one.class_name, one.reason))
        return (*gone, *self._troubled.values())

    def _refuse_two_places(self) -> None:
        if len(self._twice) < max(2, len(self._taken) / 2):
            return
        first, second, *_ = self._twice[0]
        one, two = _differing(first.path, second.path)
        raise VidcondenseError(
            f"{len(self._twice)} of the {len(self._taken)} videos that the lists of {self._source.disk} name "
            f"are in {one} and in {two}; --only {one} takes one"
        )

    def _refuse_segments(self) -> None:
        if len(self._several) < max(2, len(self._taken) / 4):
            return
        path, (one, two) = next(iter(self._several.items()))
        raise VidcondenseError(
            f"the lists of {self._source.disk} give {len(self._several)} of {len(self._taken)} videos "
            f"several classes, such as {path} ('{one}', '{two}'); a video has one: cut its segments into "
            "files of their own, or list it once"
        )

    def _notes(self) -> tuple[str, ...]:
        if not self._twice:
            return ()
        first, second, *_ = self._twice[0]
        return (
            f"{len(self._twice)} videos are there twice; of {first.path} and {second.path} the first counts",
        )


def _tail(wanted: str, path: str) -> str:
    """The end of a video's path that a list names."""
    above = [same(part) for part in _parts(wanted)[:-1]]
    return "/".join(path.split("/")[-1 - _shared(above, path) :])


def _differing(first: str, second: str) -> tuple[str, str]:
    """The folders, or files, in which two paths begin to differ."""
    for one, two in zip(first.split("/"), second.split("/"), strict=False):
        if one != two:
            return one, two
    return first, second


def files_in(source: Folder, pattern: str | re.Pattern[str]) -> list[tuple[Folder, str]]:
    """(folder, name) of the files whose whole name has a pattern, up to `LISTS_DOWN` folders down."""
    wanted = re.compile(pattern, re.IGNORECASE) if isinstance(pattern, str) else pattern
    return [
        (folder, name)
        for folder in source.walk(LISTS_DOWN)
        for name in folder.others
        if wanted.fullmatch(name)
    ]


def lines_of(file: Path) -> Iterator[tuple[int, str]]:
    """(line number, stripped line) of every line with something in it.

    Raises:
        VidcondenseError: the file cannot be read.
    """
    for number, line in enumerate(text_of(file).splitlines(), start=1):
        if line.strip():
            yield number, line.strip()


def csv_rows(file: Path, delimiter: str = ",") -> Iterator[tuple[int, dict[str, str]]]:
    """(line number, {column: value}) of every row of a CSV file with a header.

    Raises:
        VidcondenseError: a row with more or fewer values than the header has columns.
    """
    content = io.StringIO(text_of(file), newline=None)
    line = 1
    if content.getvalue()[:4].lower() == "sep=":  # Excel's, which names the delimiter
        content.readline()
        line = 2
    skipped = line - 1
    reader = csv.reader(content, strict=True, delimiter=delimiter)
    try:
        header = [name.strip() for name in next(reader, [])]
        line = reader.line_num + 1 + skipped
        for row in reader:
            if row and len(row) != len(header):
                raise VidcondenseError(
                    f"{file} line {line}: {len(row)} values instead of {len(header)} "
                    f"({delimiter.join(header)})"
                )
            if row:
                yield line, dict(zip(header, (value.strip() for value in row), strict=True))
            line = reader.line_num + 1 + skipped
    except csv.Error as error:
        raise VidcondenseError(f"{file} line {line}: not valid CSV ({error})") from error


def json_content(file: Path, kind: type[T]) -> T:
    """What a JSON file holds, as a type; see `typed`.

    Raises:
        VidcondenseError: it is not JSON, with the line; or a value is of another type, with its place: $[2]
            is the third entry of a list.
    """
    try:
        return typed(parse(text_of(file)), kind)
    except ValueError as error:
        raise VidcondenseError(f"{file} is not valid JSON ({error}); it may have been cut short") from error
    except VidcondenseError as error:
        raise VidcondenseError(f"{file}: {error}") from error


def beginning(file: Path, length: int = 10_000) -> str:
    """The first characters of a text file, "" if it cannot be read; a file that is none would block."""
    if not file.is_file():
        return ""
    try:
        with file.open("rb") as stream:
            return text(stream.read(length))
    except OSError:
        return ""


def text_of(file: Path) -> str:
    """All of a text file.

    Raises:
        VidcondenseError: it cannot be read.
    """
    if file.exists() and not file.is_file():
        raise VidcondenseError(f"cannot read {file}: it is not a file")
    try:
        return text(file.read_bytes())
    except OSError as error:
        raise VidcondenseError(f"cannot read {file}: {error.strerror or error}") from error

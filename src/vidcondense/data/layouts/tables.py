"""Reading a list of videos, whatever its form: what file, what label, what role does each row say."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.typed import parse
from vidcondense.data.layouts.annotations import Videos, beginning, csv_rows, files_in, json_content, lines_of
from vidcondense.data.layouts.labels import text_of_label
from vidcondense.data.layouts.tree import Folder
from vidcondense.data.layouts.words import role_of
from vidcondense.data.pictures import stem_of

ENDINGS = r".+\.(csv|tsv|txt|lst|list|json|jsonl|ndjson)"
# Of several such columns the first of these counts.
# fmt: off
_FILE_COLUMNS = (
    "file_name", "filename", "file", "path", "file_path", "filepath", "full_path", "video_path", "clip_path",
    "rel_path", "relative_path", "folder_name", "folder", "video_name", "vid_name", "clip_name", "video_file",
    "video_filename", "video", "clip", "video_id", "vid_id", "clip_id", "vid", "name", "id", "youtube_id",
)
# Names before numbers.
_LABEL_COLUMNS = (
    "class_name", "classname", "label_name", "action_name", "category_name", "label", "class", "category",
    "action", "activity", "tag", "gloss", "labels", "target", "label_id", "class_id", "label_index",
    "class_index", "label_idx", "class_idx",
)
_SPLIT_COLUMNS = ("split", "subset", "partition", "set", "usage", "data_split", "dataset_split")
_FOLD_COLUMNS = ("fold", "folds", "kfold", "k_fold")
# fmt: on
_TRIED = 50
"""How many of a list's first rows are tried: one that is there makes it a list of this source."""
MOST_BYTES = 1 << 28
# Begins as {file: label} or {file: {...}}.
_BY_FILE = re.compile(r'\s*\{\s*"(?P<file>(?:[^"\\]|\\.)*)"\s*:\s*(?P<value>[{"\d])')


@dataclass(frozen=True)
class Entry:
    """What one row says: a path, a label ("" for none) and a role ("" where the table has no such column)."""

    path: str
    label: str
    role: str = ""


@dataclass(frozen=True)
class Table:
    """A file that may be a list of videos.

    Attributes:
        folder: where it lies.
        name: the file's name.
    """

    folder: Folder
    name: str

    @property
    def role(self) -> str:
        """What its name, or its folder's, says of all its rows, "" if nothing."""
        stem = self.name.rpartition(".")[0]
        return role_of(stem) or next(filter(None, map(role_of, reversed(self.folder.path.split("/")))), "")

    @property
    def split(self) -> str:
        """The split by the number in its name: "2" for ucf101_train_split_2_videos.txt; else "1"."""
        match = re.search(r"splits?[_-]?0*(\d+)", self.name, re.IGNORECASE)
        return match[1] if match else "1"

    @property
    def is_metadata(self) -> bool:
        """It is called as Hugging Face's VideoFolder calls its tables."""
        return self.name in ("metadata.csv", "metadata.jsonl") and self._columns is not None

    @property
    def has_split(self) -> bool:
        """It has a column for the split."""
        return self._columns is not None and bool(self._columns[2])

    @property
    def is_list(self) -> bool:
        """Whether it looks like a list: a table with the columns, or lines.

        Lines need a video's ending in every path, or a split in the file's name.
        """
        if self._columns is not None:
            return True
        cells = _cells(self._head_line, self._by)
        is_other = self._is_json or (len(cells) > 1 and any(_plain(cell) in _FILE_COLUMNS for cell in cells))
        readings = [] if is_other else [_readings(line) for line in self._head_lines]
        return (
            bool(readings)
            and all(readings)
            and (bool(self.role) or all(_ends_as_video(each[0].path) for each in readings))
        )

    def has_labels(self, videos: Videos) -> bool:
        """Whether its first rows have labels."""
        if self._columns is not None:
            return bool(self._columns[1])
        return any(entry.label for entry in islice(self._lines(videos), _TRIED))

    def names_any(self, videos: Videos) -> bool:
        """Whether one of its first rows names a video that is there."""
        try:
            return any(videos.knows(entry.path) for entry in islice(self.read(videos), _TRIED))
        except VidcondenseError:
            return self._columns is not None  # so that the person is told what is wrong with it

    def read(self, videos: Videos) -> Iterator[Entry]:
        """Its rows.

        Raises:
            VidcondenseError: a row that cannot be read, with file and line.
        """
        if self._columns is None:
            yield from self._lines(videos)
            return
        file_column, label_column, split_column = self._columns
        for where, row in self._rows():
            path, label = row.get(file_column), row.get(label_column) if label_column else None
            if not isinstance(path, str | int) or path == "":
                raise VidcondenseError(f"{where}: no {file_column}")
            role = row.get(split_column, "") if split_column else ""
            if role and not role_of(str(role)):
                raise VidcondenseError(f"{where}: {split_column} is {role!r}, not one of train, val, test")
            try:
                yield Entry(
                    str(path), "" if label is None else text_of_label(label), role_of(str(role or ""))
                )
            except ValueError as error:
                raise VidcondenseError(f"{where}: {error}") from error

    @cached_property
    def _head(self) -> str:
        return beginning(self.folder.disk / self.name)

    @property
    def _is_json(self) -> bool:
        return self.name.lower().endswith((".json", ".jsonl", ".ndjson"))

    @cached_property
    def _head_lines(self) -> list[str]:
        """The first lines, without comments, the column names above them, and the last, which may be cut."""
        lines = [line.strip() for line in self._head.splitlines()[:_TRIED] if line.strip()]
        lines = [line for line in lines[: max(1, len(lines) - 1)] if not line.startswith("# ")]
        return lines[1:] if lines and _is_header(lines[0]) else lines

    @cached_property
    def _columns(self) -> tuple[str, str, str] | None:
        """The columns of file, label and split ("" if there is none); None for a file that is no table."""
        plain = {_plain(name): name.strip() for name in self._names}
        file, label, split = (
            next((plain[name] for name in known if name in plain), "")
            for known in (_FILE_COLUMNS, _LABEL_COLUMNS, _SPLIT_COLUMNS)
        )
        return (file, label, split) if file and (label or split) and file != label else None

    @property
    def fold_column(self) -> str:
        """Its column of folds, which says of no row whether it is for training or testing; "" for none."""
        return next((name.strip() for name in self._names if _plain(name) in _FOLD_COLUMNS), "")

    @cached_property
    def _names(self) -> list[str]:
        """The names of the columns, if it is a table."""
        return self._names_in_json() if self._is_json else _cells(self._head_line, self._by)

    def _names_in_json(self) -> list[str]:
        """The keys of the first object; for {file: label} and {file: {...}} those that stand for them."""
        by_file = self._is_by_file
        begin, end = self._head.find("{", 1 if by_file else 0), self._head.find("}")
        if by_file and not self._holds_objects:
            return ["file_name", "label"]
        if begin < 0 or end < 0 or (not by_file and self._head[:begin].strip(" \t\r\n[")):
            return []
        try:
            value = parse(self._head[begin : end + 1])
        except ValueError:
            return []
        return [*(["file_name"] if by_file else []), *value] if isinstance(value, dict) else []

    @property
    def _is_by_file(self) -> bool:
        match = _BY_FILE.match(self._head) if self.name.lower().endswith(".json") else None
        return match is not None and (self._holds_objects or _ends_as_video(match["file"]))

    @property
    def _holds_objects(self) -> bool:
        match = _BY_FILE.match(self._head)
        return match is not None and match["value"] == "{"

    @property
    def _head_line(self) -> str:
        lines = self._head.splitlines() or [""]
        return (lines[1:] or [""])[0] if lines[0].lower().startswith("sep=") else lines[0].strip()

    @property
    def _by(self) -> str:
        """What stands between the columns."""
        return max(",;\t", key=self._head_line.count)

    def _rows(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """(where, {column: value}) of a table's rows."""
        file = self.folder.disk / self.name
        if file.stat().st_size > MOST_BYTES:
            raise VidcondenseError(
                f"{file} is larger than {MOST_BYTES >> 20} MiB; too large for a list of videos"
            )
        if self._is_by_file:
            for name, value in json_content(file, dict[str, Any]).items():
                yield (
                    f"{file} '{name}'",
                    {"file_name": name} | (value if isinstance(value, dict) else {"label": value}),
                )
        elif self.name.lower().endswith(".json"):
            for number, row in enumerate(json_content(file, list[dict[str, Any]])):
                yield f"{file} entry {number}", row
        elif self._is_json:
            for number, line in lines_of(file):
                yield f"{file} line {number}", _object(line, f"{file} line {number}")
        else:
            for number, cells in csv_rows(file, self._by):
                yield f"{file} line {number}", {column: _whole(value) for column, value in cells.items()}

    def _lines(self, videos: Videos) -> Iterator[Entry]:
        file = self.folder.disk / self.name
        for number, line in lines_of(file):
            readings = _readings(line)
            known = next((entry for entry in readings if videos.knows(entry.path)), None)
            if known is None and (line.startswith("#") or (number == 1 and _is_header(line))):
                continue
            if not readings:
                raise VidcondenseError(
                    f"{file} line {number}: expected '<path> <label>', found {line[:80]!r}"
                )
            yield known or readings[0]


def tables_in(source: Folder) -> list[Table]:
    """The files of a source that may be lists of its videos."""
    tables = [Table(folder, name) for folder, name in files_in(source, ENDINGS)]
    return [table for table in tables if table.is_list]


def _readings(line: str) -> list[Entry]:
    """The ways to read a line, the likeliest first.

    "<path> <label>", "<path> <frames> <label>", the same with commas, semicolons or tabs, and "<path>" alone.
    A label of several words, one in front, and none at all need a path with a video's ending.
    """
    for separator in (";", "\t", ","):
        if separator in line:
            path, *cells = (cell.strip() for cell in _cells(line, separator) or [""])
            labels = [cell for cell in cells if not cell.isdecimal()] or cells[-1:]
            return [Entry(path, _whole(labels[0]))] if path and len(labels) == 1 and labels[0] else []
    if _ends_as_video(line):
        first, _, rest = line.partition(" ")
        return [Entry(line, ""), *([Entry(rest.strip(), first)] if rest else [])]
    cuts = [(line[: gap.start()], line[gap.end() :].split()) for gap in re.finditer(r"\s+", line)]
    cuts = [cut for cut in cuts if _ends_as_video(cut[0])] or cuts
    return [
        Entry(path, labels[-1] if numbered else " ".join(labels))
        for path, labels in cuts
        if (numbered := _is_count(labels[:-1]) and (len(labels) == 1 or labels[-1].isdecimal()))
        or (_ends_as_video(path) and not all(map(str.isdecimal, labels)))
    ]


def _is_count(numbers: list[str]) -> bool:
    """Whether what stands before a label is nothing, a number of frames, or a beginning and such a number."""
    return len(numbers) < 3 and all(map(str.isdecimal, numbers)) and (not numbers or int(numbers[-1]) > 0)


def _is_header(line: str) -> bool:
    words = {word.strip().lower() for word in re.split(r"[\s,;]+", line)}
    return bool(words & {*_FILE_COLUMNS} and words & {*_LABEL_COLUMNS})


def _ends_as_video(path: str) -> bool:
    return stem_of(path) != path.rpartition("/")[2]


def _cells(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return []


def _plain(column: str) -> str:
    return re.sub(r"[\s-]+", "_", column.strip().lower())


def _whole(text: str) -> str:
    """A whole number as pandas writes it (7.0) without its point; any other text as it is."""
    return text[:-2] if re.fullmatch(r"\d+\.0", text) else text


def _object(line: str, where: str) -> dict[str, Any]:
    try:
        value = parse(line)
    except ValueError as error:
        raise VidcondenseError(f"{where}: not valid JSON ({error})") from error
    if not isinstance(value, dict):
        raise VidcondenseError(f"{where}: expected an object, found {line[:40]!r}")
    return value

"""The folder of an export: written beside what is there, and moved to its place when all of it is there."""

import csv
import io
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from vidcondense.base import files
from vidcondense.base.errors import VidcondenseError
from vidcondense.condensed.export.clips import File, Row

INDEX, METADATA = "index.csv", "metadata.csv"
INDEXES = {
    INDEX: {name: name for name in ("file", "class", "label", "video", "time", "kind", "key_positions")},
    METADATA: {"file_name": "file", "label": "label", "class_name": "class", "number": "video"},
}
"""What may be written last, and says what was written: the headings of its columns, and what is in them."""
STAGING = ".unfinished"
"""Sub-folder for what is being written. Its index is written last: then all is there, to be moved out."""
KINDS = {".csv", ".json", ".mp4", ".npy", ".png", ".tar"}
"""Endings of what exports write; an index may have come from somewhere else."""


def write(folder: Path, contents: Iterable[File], index: str = INDEX) -> list[Path]:
    """Write files and an index, which names them, in place of those of an earlier export.

    Args:
        folder: created if need be.
        contents: what to write, one file after another.
        index: one of `INDEXES`.

    Returns:
        The files written, the index last.

    Raises:
        VidcondenseError: the folder holds something else, or cannot be written.
    """
    _refuse_other_content(folder)
    staging = folder / STAGING
    with files.lock_folder(files.make_folder(folder)):
        _refuse_links(folder)
        _publish(folder)  # an earlier export may have been killed while it did so
        shutil.rmtree(staging, ignore_errors=True)
        rows: list[Row] = []
        try:
            for file in contents:
                path = staging / file.path
                files.make_folder(path.parent)
                files.write_parts(path, file.parts)
                about = file.rows or [{"kind": path.stem}]
                rows += [{"file": file.path, **row} for row in about]
            files.write_bytes(staging / index, _table(INDEXES[index], rows))
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
        _publish(folder)
    paths = dict.fromkeys(str(row["file"]) for row in rows)
    return [*(folder / path for path in paths), folder / index]


def _table(columns: Mapping[str, str], rows: list[Row]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([columns, *([row.get(one, "") for one in columns.values()] for row in rows)])
    return text.getvalue().encode(errors="backslashreplace")


def _refuse_other_content(folder: Path) -> None:
    """Refuse a folder that holds anything else than an earlier export, finished or not."""
    if folder.exists() and not folder.is_dir():
        raise VidcondenseError(f"{folder} is a file; export needs a folder")
    if not folder.exists() or all(
        entry.name == STAGING or files.is_left(entry) for entry in folder.iterdir()
    ):
        return
    known = [place / name for place in (folder, folder / STAGING) for name in INDEXES]
    others = [path for path in known if path.exists() and not _rows(path)]
    if others or not any(map(_rows, known)):
        raise VidcondenseError(f"{folder} is not empty and not an earlier export; choose another folder")


def _refuse_links(folder: Path) -> None:
    """Refuse a folder, which may have come from somewhere else, with anything but folders and files in it.

    Links would lead what is written or removed out of it.
    """
    for place, folders, names in os.walk(folder):
        for path in (Path(place, name) for name in (*folders, *names)):
            if path.is_symlink():
                raise VidcondenseError(f"{path} is a link, which no export has; remove it")
            if not (path.is_file() or path.is_dir()):
                raise VidcondenseError(f"{path} is a pipe, a socket or a device; remove it")


def _publish(folder: Path) -> None:
    """Move a fully written export from `STAGING` to its place and remove what it replaces; else do nothing.

    Whenever this is stopped, doing it again ends the same way.
    """
    staging = folder / STAGING
    index = next((name for name in INDEXES if _rows(staging / name)), None)
    if index is None:
        return
    new = _files(staging)
    with files.refused(f"cannot write {folder}", "; run the same export again to go on"):
        for path in new:
            if (staging / path).is_file():
                files.make_folder((folder / path).parent)
                (staging / path).replace(folder / path)
        _remove(set(_files(folder)) - set(new), folder)
        for other in INDEXES.keys() - {index}:
            files.unlink_quietly(folder / other)
        (staging / index).replace(folder / index)
    shutil.rmtree(staging, ignore_errors=True)


def _rows(index: Path) -> list[list[str]]:
    """The lines of an index; none if there is none, or of something else."""
    if not index.is_file():  # opening a pipe would wait for ever
        return []
    try:
        with index.open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
    except (OSError, ValueError, csv.Error):
        return []
    return rows if rows and rows[0] == list(INDEXES[index.name]) else []


def _files(folder: Path) -> list[Path]:
    """What the indexes in a folder name: kinds of files that export writes, inside the folder."""
    named = [Path(row[0]) for name in INDEXES for row in _rows(folder / name)[1:] if row]
    inside = folder.resolve()
    return [
        path for path in named if path.suffix in KINDS and (folder / path).resolve().is_relative_to(inside)
    ]


def _remove(stale: set[Path], folder: Path) -> None:
    """Delete files that the earlier index named, and folders that are empty then."""
    for path in stale:
        files.unlink_quietly(folder / path)
        for parent in list(path.parents)[:-1][:2]:
            if (folder / parent).is_dir() and not any((folder / parent).iterdir()):
                (folder / parent).rmdir()

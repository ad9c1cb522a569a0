"""Writing a condensed set as ordinary files: mp4 clips or PNG frames, with an index."""

import csv
import io
import math
import os
import re
import shutil
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from vidcondense.base import files
from vidcondense.base.errors import VidcondenseError
from vidcondense.condensed import CondensedVideos
from vidcondense.condensed.pictures import mp4, png

Format = Literal["mp4", "frames"]
INDEX = "index.csv"
STAGING = ".unfinished"
"""Sub-folder for what is being written. Its index is written last: then all is there, to be moved out."""

LONGEST_NAME, LONGEST_NAME_BYTES = 80, 200
COLUMNS = ["file", "class", "label", "video", "time", "kind", "key_positions"]
_RESERVED = {"con", "prn", "aux", "nul", *(f"com{i}" for i in range(10)), *(f"lpt{i}" for i in range(10))}


def export(
    condensed: CondensedVideos,
    folder: Path,
    format: Format,
    fps: float = 8,
    scale: int = 1,
    *,
    rendered: bool = False,
) -> list[Path]:
    """Write every video under `folder/<class>/`, and `folder/index.csv` that says what each file is.

    Args:
        condensed: the set.
        folder: created if need be; an earlier export in it is replaced, when all of this one is written.
        format: "mp4", one H.264 clip of all T rendered frames per video, `<class>/<number>.mp4`; or "frames",
            one PNG per key frame with exactly the pixels of `CondensedVideos.pixels`,
            `<class>/<number>/<time>_key.png`.
        fps: frames per second of the clips.
        scale: whole-number enlargement, each pixel repeated.
        rendered: with "frames", write the interpolated frames too, `<time>_interpolated.png`.

    Returns:
        The files written, the index last.

    Raises:
        VidcondenseError: an argument is out of range, the folder holds something else, or cannot be written.
    """
    _check(format, fps, scale)
    _refuse_other_content(folder)
    staging = folder / STAGING
    with files.lock_folder(files.make_folder(folder)):
        _refuse_links(folder)
        _publish(folder)  # an earlier export may have been killed while it did so
        shutil.rmtree(staging, ignore_errors=True)
        rows: list[list[object]] = []
        try:
            for data, row in _contents(condensed, format, fps, scale, rendered):
                path = staging / str(row[0])
                files.make_folder(path.parent)
                files.write_bytes(path, data)
                rows.append(row)
            text = io.StringIO(newline="")
            csv.writer(text).writerows([COLUMNS, *rows])
            files.write_bytes(staging / INDEX, text.getvalue().encode(errors="backslashreplace"))
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
        _publish(folder)
    return [*(folder / str(row[0]) for row in rows), folder / INDEX]


def _contents(
    condensed: CondensedVideos, format: Format, fps: float, scale: int, rendered: bool
) -> Iterator[tuple[bytes, list[object]]]:
    """What each file holds, and its row of the index."""
    names = safe_names(condensed.class_names)
    positions = condensed.key_positions()
    digits = max(2, len(str(condensed.vpc * condensed.clips_per_video - 1)))
    seen: dict[int, int] = {}
    for video, label in enumerate(condensed.labels.tolist()):
        number = seen[label] = seen.get(label, -1) + 1
        stem = f"{names[label]}/{number:0{digits}d}"
        clip = condensed.pixels([video])[0].permute(0, 2, 3, 1).numpy()
        clip = clip.repeat(scale, axis=1).repeat(scale, axis=2)
        keys = positions[video]
        about = [condensed.class_names[label], label, video]
        shown = " ".join(map(str, keys))
        if format == "mp4":
            yield mp4(np.ascontiguousarray(clip), fps), [f"{stem}.mp4", *about, "", "clip", shown]
            continue
        for time in range(len(clip)) if rendered else keys:
            kind = "key" if time in keys else "interpolated"
            file = f"{stem}/{time:0{max(2, len(str(len(clip) - 1)))}d}_{kind}.png"
            yield png(clip[time]), [file, *about, time, kind, shown]


def safe_names(names: tuple[str, ...]) -> list[str]:
    """Class names as folder names that every file system takes, each different from the others."""
    safe: list[str] = []
    taken: set[str] = set()
    for name in names:
        plain = re.sub(r"[^\w.-]+", "_", unicodedata.normalize("NFKC", name))[:LONGEST_NAME]
        plain = plain.encode()[:LONGEST_NAME_BYTES].decode(errors="ignore").strip("._") or "class"
        plain = f"{plain}_" if plain.split(".")[0].lower() in _RESERVED else plain
        unique, again = plain, 2
        # Some file systems do not tell upper from lower case.
        while unique.casefold() in taken:
            unique, again = f"{plain}_{again}", again + 1
        taken.add(unique.casefold())
        safe.append(unique)
    return safe


def _check(format: str, fps: float, scale: int) -> None:
    if format not in get_args(Format):
        raise VidcondenseError(f"format must be one of {', '.join(get_args(Format))}, not {format!r}")
    if not (math.isfinite(fps) and 0.01 <= fps <= 1000):
        raise VidcondenseError(f"fps must lie in 0.01..1000, not {fps}")
    if not 1 <= scale <= 64:
        raise VidcondenseError(f"scale must be a whole number in 1..64, not {scale}")


def _refuse_other_content(folder: Path) -> None:
    """Refuse a folder that holds anything else than an earlier export, finished or not."""
    if folder.exists() and not folder.is_dir():
        raise VidcondenseError(f"{folder} is a file; export needs a folder")
    if not folder.exists() or all(
        entry.name == STAGING or files.is_left(entry) for entry in folder.iterdir()
    ):
        return
    if not any(_rows(place / INDEX) for place in (folder, folder / STAGING)):
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
    if not _rows(staging / INDEX):
        return
    new = _files(staging)
    with files.refused(f"cannot write {folder}", "; run the same export again to go on"):
        for path in new:
            if (staging / path).is_file():
                files.make_folder((folder / path).parent)
                (staging / path).replace(folder / path)
        _remove(set(_files(folder)) - set(new), folder)
        (staging / INDEX).replace(folder / INDEX)
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
    return rows if rows and rows[0] == COLUMNS else []


def _files(folder: Path) -> list[Path]:
    """What the index of an export names: kinds of files that export writes, inside the folder."""
    named = [Path(row[0]) for row in _rows(folder / INDEX)[1:] if row]
    inside = folder.resolve()
    return [
        path
        for path in named
        if path.suffix in {".mp4", ".png"} and (folder / path).resolve().is_relative_to(inside)
    ]


def _remove(stale: set[Path], folder: Path) -> None:
    """Delete files that the earlier index named, and folders that are empty then."""
    for path in stale:
        files.unlink_quietly(folder / path)
        for parent in list(path.parents)[:-1][:2]:
            if (folder / parent).is_dir() and not any((folder / parent).iterdir()):
                (folder / parent).rmdir()

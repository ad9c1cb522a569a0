"""Writing a condensed set as ordinary files: mp4 clips or PNG frames, with an index."""

import csv
import io
import math
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from vidcondense import files
from vidcondense.condensed import CondensedVideos
from vidcondense.errors import VidcondenseError
from vidcondense.report.animation import Pixels, mp4, png

Format = Literal["mp4", "frames"]
INDEX = "index.csv"
LONGEST_NAME, LONGEST_NAME_BYTES = 80, 200
COLUMNS = ["file", "class", "label", "video", "time", "kind", "key_positions"]
_RESERVED = {"con", "prn", "aux", "nul", *(f"com{i}" for i in range(10)), *(f"lpt{i}" for i in range(10))}


@dataclass(frozen=True)
class _Item:
    """A file to write: its path inside the folder, its bytes and the last three columns of its index row."""

    file: str
    data: bytes
    time: str
    kind: str


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
        folder: created if need be; an earlier export in it is replaced.
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
    old = _earlier_export(folder)
    names = safe_names(condensed.class_names)
    labels = condensed.labels.tolist()
    positions = condensed.key_positions()
    digits = max(2, len(str(condensed.vpc * condensed.clips_per_video - 1)))
    seen: dict[int, int] = {}
    written: list[Path] = []
    rows: list[list[object]] = []
    for video, label in enumerate(labels):
        number = seen[label] = seen.get(label, -1) + 1
        stem = f"{names[label]}/{number:0{digits}d}"
        clip = _enlarged(condensed.pixels([video])[0].permute(0, 2, 3, 1).numpy(), scale)
        items = _clip(clip, stem, fps) if format == "mp4" else _frames(clip, stem, positions[video], rendered)
        for item in items:
            path = folder / item.file
            _refuse_outside(path, folder)
            files.make_folder(path.parent)
            files.write_bytes(path, item.data)
            written.append(path)
            keys = " ".join(map(str, positions[video]))
            rows.append([item.file, condensed.class_names[label], label, video, item.time, item.kind, keys])
    _write_index(folder / INDEX, rows)
    _remove(set(old) - set(written), folder)
    return [*written, folder / INDEX]


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


def _enlarged(clip: Pixels, scale: int) -> Pixels:
    return clip if scale == 1 else clip.repeat(scale, axis=1).repeat(scale, axis=2)


def _clip(clip: Pixels, stem: str, fps: float) -> Iterator[_Item]:
    yield _Item(f"{stem}.mp4", mp4(np.ascontiguousarray(clip), fps), "", "clip")


def _frames(clip: Pixels, stem: str, keys: list[int], rendered: bool) -> Iterator[_Item]:
    digits = max(2, len(str(len(clip) - 1)))
    for time in range(len(clip)) if rendered else keys:
        kind = "key" if time in keys else "interpolated"
        yield _Item(f"{stem}/{time:0{digits}d}_{kind}.png", png(clip[time]), str(time), kind)


def _earlier_export(folder: Path) -> list[Path]:
    """The files of an earlier export in `folder`; refuses a folder that holds anything else."""
    if not folder.exists():
        files.make_folder(folder)
        return []
    if not folder.is_dir():
        raise VidcondenseError(f"{folder} is a file; export needs a folder")
    if not any(folder.iterdir()):
        return []
    try:
        with (folder / INDEX).open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
    except (OSError, ValueError, csv.Error):
        rows = []
    if not rows or rows[0] != COLUMNS:
        raise VidcondenseError(f"{folder} is not empty and not an earlier export; choose another folder")
    return [folder / row[0] for row in rows[1:] if row]


def _refuse_outside(path: Path, folder: Path) -> None:
    """Refuse a path that a link in `folder`, which may have come from somewhere else, leads out of it."""
    if not path.parent.resolve().is_relative_to(folder.resolve()):
        raise VidcondenseError(f"a link leads {path.parent} out of {folder}; remove it")


def _remove(stale: set[Path], folder: Path) -> None:
    """Delete files that the earlier index named, only inside `folder` and only kinds that export writes."""
    for path in stale:
        inside = path.resolve().is_relative_to(folder.resolve())
        if inside and path.suffix in {".mp4", ".png"}:
            files.unlink_quietly(path)
            for parent in list(path.parents)[:2]:
                if parent != folder and parent.is_dir() and not any(parent.iterdir()):
                    parent.rmdir()


def _write_index(path: Path, rows: list[list[object]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([COLUMNS, *rows])
    files.write_bytes(path, text.getvalue().encode(errors="backslashreplace"))

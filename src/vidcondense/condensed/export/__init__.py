"""A condensed set as ordinary files: each format is a module, `folder` writes what it gives."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, get_args

from vidcondense.base.errors import VidcondenseError
from vidcondense.condensed import CondensedVideos
from vidcondense.condensed.export.arrays import as_arrays
from vidcondense.condensed.export.clips import Choices, File, as_mp4
from vidcondense.condensed.export.folder import INDEX, METADATA, write
from vidcondense.condensed.export.frames import as_frames
from vidcondense.condensed.export.names import safe_names
from vidcondense.condensed.export.webdataset import as_webdataset

__all__ = ["FORMATS", "Format", "export", "safe_names"]

Format = Literal["mp4", "frames", "videofolder", "webdataset", "numpy"]
FORMATS: dict[Format, Callable[[CondensedVideos, Choices], Iterator[File]]] = {
    "mp4": as_mp4,
    "frames": as_frames,
    "videofolder": as_mp4,
    "webdataset": as_webdataset,
    "numpy": as_arrays,
}


def export(
    condensed: CondensedVideos,
    folder: Path,
    format: Format,
    fps: float = 8,
    scale: int = 1,
    *,
    rendered: bool = False,
) -> list[Path]:
    """Write every clip of a set below a folder, and `folder/index.csv` that says what each file is.

    A videofolder has `metadata.csv` in its place: `file_name`, `label`, `class_name` and `number`.

    Args:
        condensed: the set.
        folder: created if need be; an earlier export in it is replaced, when all of this one is written.
        format: one of `FORMATS`, whose functions say what they write. "mp4" and "frames" are for people;
            "videofolder" is for Hugging Face `datasets`, "webdataset" for the library of that name, "numpy"
            has the numbers that networks are trained on.
        fps: frames per second of clips.
        scale: whole-number enlargement, each pixel repeated; not for "numpy".
        rendered: with "frames", write the interpolated frames too.

    Returns:
        The files written, the index last.

    Raises:
        VidcondenseError: an argument is out of range, the folder holds something else, or cannot be written.
    """
    if format not in get_args(Format):
        raise VidcondenseError(f"format must be one of {', '.join(get_args(Format))}, not {format!r}")
    if not (math.isfinite(fps) and 0.01 <= fps <= 1000):
        raise VidcondenseError(f"fps must lie in 0.01..1000, not {fps}")
    if not 1 <= scale <= 64:
        raise VidcondenseError(f"scale must be a whole number in 1..64, not {scale}")
    if format == "numpy" and scale != 1:
        raise VidcondenseError("scale is for pictures; numpy has the numbers as they are: leave scale out")
    if rendered and format != "frames":
        raise VidcondenseError(
            f"rendered is for format frames: {format} has all frames of a clip; leave it out"
        )
    contents = FORMATS[format](condensed, Choices(fps, scale, rendered))
    return write(folder, contents, METADATA if format == "videofolder" else INDEX)

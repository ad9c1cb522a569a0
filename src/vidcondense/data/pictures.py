"""Which files are videos and pictures by their ending, and the pictures of a folder in order of time."""

import re
from pathlib import Path

# Files worth opening, by their ending; any other file is taken for a note, not for a video.
# fmt: off
VIDEO_SUFFIXES = frozenset([
    ".3g2", ".3gp", ".amv", ".apng", ".asf", ".avi", ".divx", ".dv", ".f4v", ".flv", ".gif", ".h264",
    ".h265", ".hevc", ".ivf", ".m1v", ".m2ts", ".m2v", ".m4v", ".mjpeg", ".mjpg", ".mkv", ".mov", ".mp4",
    ".mpe", ".mpeg", ".mpg", ".mts", ".mxf", ".nut", ".ogm", ".ogv", ".qt", ".rm", ".rmvb", ".ts", ".vob",
    ".webm", ".wmv", ".y4m",
])
# fmt: on

PICTURE_SUFFIXES = frozenset([".jpg", ".jpeg", ".png"])


def pictures_in(folder: Path) -> list[Path]:
    """The pictures directly in a folder, hidden ones left out, in natural order.

    Numbers in names are compared as numbers: frame9 comes before frame10, with or without zeros in front. The
    order in which the file system lists them never matters.
    """
    found = [
        entry
        for entry in folder.iterdir()
        if entry.suffix.lower() in PICTURE_SUFFIXES and not entry.name.startswith(".")
    ]
    return sorted(found, key=lambda picture: natural_key(picture.name))


def holds_pictures(folder: Path) -> bool:
    """Whether at least one picture lies directly in a folder."""
    return any(entry.suffix.lower() in PICTURE_SUFFIXES for entry in folder.iterdir())


def natural_key(name: str) -> tuple[list[tuple[str, int]], str]:
    """A sort key that compares the numbers in a name as numbers, and equal ones by the whole name."""
    parts = re.split(r"([0-9]+)", name.lower())
    texts, numbers = parts[::2], [int(digits) for digits in parts[1::2]]
    return list(zip(texts, [*numbers, -1], strict=True)), name


def unlike_names(pictures: list[Path]) -> tuple[str, str] | None:
    """Two names that differ in more than numbers (img_1.jpg, flow_x_1.jpg): these have no order in time."""
    shapes = {re.sub(r"[0-9]+", "#", picture.name.lower()): picture.name for picture in reversed(pictures)}
    if len(shapes) < 2:
        return None
    first, second, *_ = sorted(shapes.values())
    return first, second

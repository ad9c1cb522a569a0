"""What every layout finds: a plain list of videos, and the helpers to walk folders."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vidcondense.data.suffixes import VIDEO_SUFFIXES

TRAIN, VAL, TEST, UNUSED = "train", "val", "test", "unused"
ROLES = (TRAIN, VAL, TEST, UNUSED)


@dataclass(frozen=True)
class Found:
    """One video of a listing: its path relative to the root, its class and its role in each split."""

    path: str
    class_name: str
    roles: tuple[str, ...]


@dataclass(frozen=True)
class Missing:
    """A video that cannot be used, although a list names it or it lies there; the class is "" if unknown."""

    path: str
    class_name: str
    reason: str


@dataclass(frozen=True)
class Listing:
    """The videos of a layout and those that are missing, both in any order."""

    split_names: tuple[str, ...]
    videos: list[Found]
    missing: tuple[Missing, ...] = ()


def folders_in(folder: Path) -> list[Path]:
    """The sub-folders that are not hidden, sorted by name."""
    return [folder / entry.name for entry in _entries(folder) if entry.is_dir()]


def videos_in(folder: Path) -> list[Path]:
    """The video files directly in a folder, judged by their ending, hidden ones left out, sorted by name."""
    return [
        folder / entry.name
        for entry in _entries(folder)
        if Path(entry.name).suffix.lower() in VIDEO_SUFFIXES and entry.is_file()
    ]


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """What is not hidden in a folder, by name. Unlike `iterdir` it asks the disk nothing more per file."""
    with os.scandir(folder) as entries:
        return sorted((entry for entry in entries if entry.name[0] != "."), key=lambda entry: entry.name)


def class_folders(folder: Path) -> Iterator[tuple[str, list[Path]]]:
    """(class name, its videos) for each sub-folder of `folder` that holds at least one video."""
    for entry in folders_in(folder):
        videos = videos_in(entry)
        if videos:
            yield entry.name, videos


def relative(path: Path, root: Path) -> str:
    """`path` below `root` with forward slashes, the same on every system."""
    return path.relative_to(root).as_posix()


def hold_out(paths: list[str], test_fraction: float) -> dict[str, str]:
    """Choose test videos of one class by the hash of their path.

    A file keeps its place in the ranking when others come or go, so that few change sides. At least one video
    is for training and one for testing when there are two.

    Args:
        paths: paths of one class relative to the root.
        test_fraction: the share to hold out, in 0..1.

    Returns:
        the role of each path, "train" or "test".
    """
    ranked = sorted(paths, key=lambda path: hashlib.sha256(path.encode("utf-8", "surrogateescape")).digest())
    count = max(1, min(len(ranked) - 1, round(len(ranked) * test_fraction))) if len(ranked) > 1 else 0
    return {path: TEST if rank < count else TRAIN for rank, path in enumerate(ranked)}

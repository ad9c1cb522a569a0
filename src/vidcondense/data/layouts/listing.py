"""What every layout finds: a plain list of videos, and the helpers to walk folders."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vidcondense.data.pictures import VIDEO_SUFFIXES

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
    return [folder / entry.name for entry in _entries(folder) if _is_folder(entry)]


def videos_in(folder: Path) -> list[Path]:
    """What has a video's ending directly in a folder, hidden ones and folders left out, sorted by name.

    Pipes, devices and links to nowhere are among it, so that they are listed with what is wrong with them.
    """
    return [
        folder / entry.name
        for entry in _entries(folder)
        if Path(entry.name).suffix.lower() in VIDEO_SUFFIXES and not _is_folder(entry)
    ]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """What is not hidden in a folder, by name. Unlike `iterdir` it asks the disk nothing more per file."""
    with os.scandir(folder) as entries:
        return sorted((entry for entry in entries if entry.name[0] != "."), key=lambda entry: entry.name)


def without_outsiders(listing: Listing, root: Path) -> Listing:
    """A listing whose videos all lie in the folder `root`; those to which a link leads out of it are missing.

    What a stranger packed into a folder must not bring other files of this machine into a store.
    """
    inside = _Inside(root)
    outsiders = sorted(
        (video for video in listing.videos if not inside(video.path)), key=lambda video: video.path
    )
    gone = {video.path for video in outsiders}
    reason = "a link that leads out of the folder; --follow-links takes it"
    missing = tuple(Missing(video.path, video.class_name, reason) for video in outsiders)
    videos = [video for video in listing.videos if video.path not in gone]
    return Listing(listing.split_names, videos, (*listing.missing, *missing))


class _Inside:
    """Says whether what a path below a folder names lies in that folder, links followed."""

    def __init__(self, root: Path) -> None:
        self._root, self._real = root, os.path.realpath(root)
        self._folders: dict[str, bool] = {}

    def __call__(self, path: str) -> bool:
        folder, whole = os.path.dirname(path), self._root / path  # noqa: PTH120
        if folder not in self._folders:
            self._folders[folder] = self._holds(self._root / folder)
        if not self._folders[folder] or (whole.is_symlink() and not self._holds(whole)):
            return False
        if Path(path).suffix.lower() in VIDEO_SUFFIXES or not whole.is_dir():
            return True
        with os.scandir(whole) as entries:  # a folder of pictures
            return all(self._holds(Path(entry.path)) for entry in entries if entry.is_symlink())

    def _holds(self, path: Path) -> bool:
        real = os.path.realpath(path)
        return real == self._real or real.startswith(os.path.join(self._real, ""))  # noqa: PTH118


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

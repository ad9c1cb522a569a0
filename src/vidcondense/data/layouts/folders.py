"""root/<class>/*: one split "1", whose test videos are held out by the hash of their path."""

from collections.abc import Callable, Iterator
from pathlib import Path

from vidcondense.data.layouts.listing import Found, Listing, class_folders, hold_out, relative


def matches(root: Path) -> bool:
    """Any folder can be read this way; it is the last that is tried."""
    return root.is_dir()


def find(root: Path, test_fraction: float) -> Listing:
    """List the videos of every class folder."""
    return list_held_out(root, root, test_fraction)


ClassFolders = Callable[[Path], Iterator[tuple[str, list[Path]]]]


def list_held_out(
    root: Path, parent: Path, test_fraction: float, classes: ClassFolders = class_folders
) -> Listing:
    """List the class folders in `parent`, paths relative to `root`, with a held-out test set.

    `classes` yields (class name, its videos) of a folder: `class_folders`, or one that finds other videos.
    """
    videos: list[Found] = []
    for class_name, files in classes(parent):
        roles = hold_out([relative(file, root) for file in files], test_fraction)
        videos += [Found(path, class_name, (role,)) for path, role in roles.items()]
    return Listing(("1",), videos)

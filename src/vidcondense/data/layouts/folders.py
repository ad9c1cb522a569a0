"""Class folders of videos, or of folders of frames, directly in root or in root/{train,val,test}/.

There is one split "1". It is as the split folders say; without a test folder the val folder is the test set
(as for Kinetics and Something-Something, whose test labels are not public). With a train folder alone, or
without split folders, test videos are held out by the hash of their path.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from vidcondense.data.layouts.listing import (
    TEST,
    TRAIN,
    VAL,
    Found,
    Listing,
    class_folders,
    folders_in,
    hold_out,
    relative,
)
from vidcondense.data.pictures import holds_pictures

ClassFolders = Callable[[Path], Iterator[tuple[str, list[Path]]]]
"""Gives (class name, its videos) of each class folder in a folder."""


def matches(root: Path) -> bool:
    """Any folder can be read this way; it is the last that is tried."""
    return root.is_dir()


def find(root: Path, test_fraction: float) -> Listing:
    """List the videos of every class folder."""
    return _held_out(root, root, test_fraction, class_folders)


def matches_splits(root: Path) -> bool:
    """A train folder, or a test folder, that has class folders with videos in it."""
    return any(next(class_folders(root / role), None) for role in (TRAIN, TEST) if (root / role).is_dir())


def find_splits(root: Path, test_fraction: float) -> Listing:
    """List the videos of every split folder and class folder."""
    return _by_split(root, _split_folders(root), test_fraction, class_folders)


def matches_frames(root: Path) -> bool:
    """Some class folder has a folder of pictures, and none has videos."""
    if next(class_folders(root), None):
        return False
    return bool(_split_folders_of_pictures(root)) or next(_picture_folders(root), None) is not None


def find_frames(root: Path, test_fraction: float) -> Listing:
    """List every folder in every class folder that has pictures in one of its folders."""
    present = _split_folders_of_pictures(root)
    if TRAIN in present or TEST in present:
        return _by_split(root, present, test_fraction, _picture_folders)
    return _held_out(root, root, test_fraction, _picture_folders)


def _held_out(root: Path, parent: Path, test_fraction: float, classes: ClassFolders) -> Listing:
    videos: list[Found] = []
    for class_name, files in classes(parent):
        roles = hold_out([relative(file, root) for file in files], test_fraction)
        videos += [Found(path, class_name, (role,)) for path, role in roles.items()]
    return Listing(("1",), videos)


def _by_split(root: Path, present: list[str], test_fraction: float, classes: ClassFolders) -> Listing:
    if present == [TRAIN]:
        return _held_out(root, root / TRAIN, test_fraction, classes)
    videos: list[Found] = []
    for folder in present:
        role = TEST if folder == VAL and TEST not in present else folder
        for class_name, files in classes(root / folder):
            videos += [Found(relative(file, root), class_name, (role,)) for file in files]
    return Listing(("1",), videos)


def _split_folders(root: Path) -> list[str]:
    return [role for role in (TRAIN, VAL, TEST) if (root / role).is_dir()]


def _split_folders_of_pictures(root: Path) -> list[str]:
    return [role for role in _split_folders(root) if next(_picture_folders(root / role), None)]


def _picture_folders(parent: Path) -> Iterator[tuple[str, list[Path]]]:
    for folder in folders_in(parent):
        videos = folders_in(folder)
        if any(holds_pictures(video) for video in videos):
            yield folder.name, videos

"""root/<class>/<video>/<pictures>, or the same in root/{train,val,test}: a folder of frames per video.

Splits are those of split folders, else a test set is held out by the hash of each video's path.
"""

from collections.abc import Iterator
from pathlib import Path

from vidcondense.data.layouts import folders, split_folders
from vidcondense.data.layouts.listing import TEST, TRAIN, VAL, Listing, class_folders, folders_in
from vidcondense.data.pictures import holds_pictures


def matches(root: Path) -> bool:
    """Some class folder has a folder of pictures, and none has videos."""
    if next(class_folders(root), None):
        return False
    return bool(_split_folders(root)) or next(picture_folders(root), None) is not None


def find(root: Path, test_fraction: float) -> Listing:
    """List every folder in every class folder that has pictures in one of its folders."""
    present = _split_folders(root)
    if TRAIN in present or TEST in present:
        return split_folders.list_by_folder(root, present, test_fraction, picture_folders)
    return folders.list_held_out(root, root, test_fraction, picture_folders)


def picture_folders(parent: Path) -> Iterator[tuple[str, list[Path]]]:
    """(class name, its videos) of each folder in `parent` that has folders of pictures."""
    for folder in folders_in(parent):
        videos = folders_in(folder)
        if any(holds_pictures(video) for video in videos):
            yield folder.name, videos


def _split_folders(root: Path) -> list[str]:
    names = [name for name in (TRAIN, VAL, TEST) if (root / name).is_dir()]
    return [name for name in names if next(picture_folders(root / name), None)]

"""root/{train,val,test}/<class>/*: one split "1" as the folders say.

Without a test folder the val folder is the test set (as for Kinetics and Something-Something, whose test
labels are not public); with a train folder alone a test set is held out of it.
"""

from pathlib import Path

from vidcondense.data.layouts import folders
from vidcondense.data.layouts.listing import TEST, TRAIN, VAL, Found, Listing, class_folders, relative


def matches(root: Path) -> bool:
    """A train folder, or a test folder, that has class folders with videos in it."""
    return any(next(class_folders(root / role), None) for role in (TRAIN, TEST) if (root / role).is_dir())


def find(root: Path, test_fraction: float) -> Listing:
    """List the videos of every split folder and class folder."""
    return list_by_folder(
        root, [role for role in (TRAIN, VAL, TEST) if (root / role).is_dir()], test_fraction
    )


def list_by_folder(
    root: Path, present: list[str], test_fraction: float, classes: folders.ClassFolders = class_folders
) -> Listing:
    """List the split folders `present`; with `train` alone a test set is held out of it."""
    if present == [TRAIN]:
        return folders.list_held_out(root, root / TRAIN, test_fraction, classes)
    videos: list[Found] = []
    for folder in present:
        role = TEST if folder == VAL and TEST not in present else folder
        for class_name, files in classes(root / folder):
            videos += [Found(relative(file, root), class_name, (role,)) for file in files]
    return Listing(("1",), videos)

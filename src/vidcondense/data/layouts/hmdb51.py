"""HMDB51 and JHMDB: class folders beside official lists `<class>_test_split{1,2,3}.txt`.

Each line of a list names a file and its part in that split: 1 train, 2 test, 0 unused (Kuehne et al., 2011).
The videos lie in root/videos/<class>/ or root/<class>/, the lists in root or any folder directly below it.
A list's x.avi also stands for x with another ending.
"""

import re
from dataclasses import replace
from pathlib import Path

from vidcondense.base.errors import VidcondenseError
from vidcondense.data.layouts.annotations import lines_of
from vidcondense.data.layouts.listing import (
    TEST,
    TRAIN,
    UNUSED,
    Found,
    Listing,
    Missing,
    class_folders,
    folders_in,
    relative,
)

LIST_NAME = re.compile(r"(?P<class_name>.+)_test_split(?P<split>\d+)\.txt")
MEANING = {"0": UNUSED, "1": TRAIN, "2": TEST}


def matches(root: Path) -> bool:
    """There is a folder with split lists."""
    return _list_folder(root) is not None


def find(root: Path, test_fraction: float) -> Listing:
    """List the videos of every class folder with their roles; `test_fraction` plays no part here.

    Raises:
        VidcondenseError: no split lists, a class without one, or a line that is not "<file> 0|1|2".
    """
    lists = _list_folder(root)
    if lists is None:
        raise VidcondenseError(
            f"{root} has no HMDB51 split lists (<class>_test_split1.txt) in it or one folder below it"
        )
    named = _read_lists(lists)
    split_names = tuple(sorted({split for split, _ in named}, key=int))
    parent = root / "videos" if (root / "videos").is_dir() else root
    videos: list[Found] = []
    missing: list[Missing] = []
    for class_name, files in class_folders(parent):
        roles = [named.get((split, class_name)) for split in split_names]
        if any(role is None for role in roles):
            raise VidcondenseError(
                f"class '{class_name}' has videos but no {class_name}_test_split*.txt in {lists}"
            )
        tables = [role for role in roles if role is not None]
        for file in files:
            found = tuple(_role(table, file) for table in tables)
            videos.append(Found(relative(file, root), class_name, found))
        missing += _missing(tables, files, class_name, relative(parent / class_name, root))
    for class_name in sorted({name for _, name in named} - {video.class_name for video in videos}):
        tables = [named[split, class_name] for split in split_names if (split, class_name) in named]
        missing += _missing(tables, [], class_name, relative(parent / class_name, root))
    return Listing(split_names, videos, tuple(missing))


def find_vdsd(root: Path, test_fraction: float) -> Listing:
    """List HMDB51 with the official splits and beside each the split of the code of Wang et al. (2024).

    Split "1-vdsd" has the test videos of split "1", and all others for training: also those that the official
    list leaves unused.
    """
    official = find(root, test_fraction)
    videos = [
        replace(video, roles=video.roles + tuple(TRAIN if role == UNUSED else role for role in video.roles))
        for video in official.videos
    ]
    names = official.split_names + tuple(f"{split}-vdsd" for split in official.split_names)
    return Listing(names, videos, official.missing)


def _list_folder(root: Path) -> Path | None:
    for folder in (root, *folders_in(root)):
        if any(LIST_NAME.fullmatch(entry.name) for entry in folder.glob("*_test_split*.txt")):
            return folder
    return None


def _read_lists(folder: Path) -> dict[tuple[str, str], dict[str, str]]:
    """{(split, class): {file name: role}}."""
    tables: dict[tuple[str, str], dict[str, str]] = {}
    for file in sorted(folder.glob("*_test_split*.txt")):
        name = LIST_NAME.fullmatch(file.name)
        if name is None:
            continue
        table = tables.setdefault((name["split"], name["class_name"]), {})
        for number, line in lines_of(file):
            video, _, code = line.rpartition(" ")
            if code not in MEANING or not video:
                raise VidcondenseError(
                    f"{file} line {number}: expected '<file> 0' (or 1, or 2), found {line!r}"
                )
            table[video.strip()] = MEANING[code]
    return tables


def _role(table: dict[str, str], file: Path) -> str:
    """The role a list gives a file; lists name .avi files, which many people have re-encoded to .mp4."""
    return table.get(file.name) or table.get(f"{file.stem}.avi", UNUSED)


def _missing(tables: list[dict[str, str]], files: list[Path], class_name: str, folder: str) -> list[Missing]:
    here = {file.name for file in files} | {f"{file.stem}.avi" for file in files}
    names = sorted({name for table in tables for name in table} - here)
    reason = "named by a split list, but there is no such file"
    return [Missing(f"{folder}/{name}", class_name, reason) for name in names]

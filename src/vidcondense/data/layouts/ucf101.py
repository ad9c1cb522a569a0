"""UCF101 (Soomro et al., 2012): class folders beside the official lists trainlist01.txt, testlist01.txt, ...

Each line of a list is "<class>/<file>", with the class's number behind it in the training lists;
classInd.txt, where it is there, has the numbers. The videos lie in root/UCF-101/<class>/ (or UCF101,
videos, or root itself), the lists in root/ucfTrainTestlist, root or any folder directly below it. A list's
x.avi also stands for x with another ending.
"""

import re
from collections.abc import Container
from pathlib import Path, PurePosixPath

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

LIST_NAME = re.compile(r"(?P<role>train|test)list(?P<split>\d+)\.txt")
VIDEO_FOLDERS = ("UCF-101", "UCF101", "videos")


def matches(root: Path) -> bool:
    """There is a folder with a training list."""
    return _list_folder(root) is not None


def find(root: Path, test_fraction: float) -> Listing:
    """List the videos of every split; `test_fraction` plays no part here.

    Raises:
        VidcondenseError: no lists, one without its counterpart, or a line that is not "<class>/<file>
            [number]", names an unknown class or gives a video a second role.
    """
    return find_splits(root, only=None)


def find_splits(root: Path, only: Container[str] | None) -> Listing:
    """As `find`, of the splits in `only` ("1", "2", ...), or of all."""
    folder = _list_folder(root)
    if folder is None:
        raise VidcondenseError(
            f"{root} has no UCF101 lists (trainlist01.txt, testlist01.txt) in it, in ucfTrainTestlist or in "
            "another folder directly below it"
        )
    splits = _read_lists(folder, only)
    parent = next((root / name for name in VIDEO_FOLDERS if (root / name).is_dir()), root)
    left = {PurePosixPath(name).with_suffix(""): name for roles in splits.values() for name in roles}
    videos: list[Found] = []
    missing: list[Missing] = []
    for class_name, files in class_folders(parent):
        for file in files:
            name = left.pop(PurePosixPath(class_name, file.stem), None)
            if name is None:
                missing.append(Missing(relative(file, root), "", "named by no list, or there twice"))
                continue
            roles = tuple(table.get(name, UNUSED) for table in splits.values())
            videos.append(Found(relative(file, root), class_name, roles))
    reason = "named by a list, but there is no such file"
    where = f"{relative(parent, root)}/" if parent != root else ""
    missing += [Missing(f"{where}{name}", name.partition("/")[0], reason) for name in sorted(left.values())]
    return Listing(tuple(splits), videos, tuple(missing))


def _list_folder(root: Path) -> Path | None:
    for folder in (root / "ucfTrainTestlist", root, *folders_in(root)):
        if any(LIST_NAME.fullmatch(entry.name) for entry in folder.glob("trainlist*.txt")):
            return folder
    return None


def _read_lists(folder: Path, only: Container[str] | None) -> dict[str, dict[str, str]]:
    """{split: {"<class>/<file>": role}}, splits in ascending order."""
    files: dict[int, dict[str, Path]] = {}
    for file in sorted(folder.glob("t*list*.txt")):
        name = LIST_NAME.fullmatch(file.name)
        if name and (only is None or str(int(name["split"])) in only):
            files.setdefault(int(name["split"]), {})[name["role"]] = file
    numbers = _class_numbers(folder / "classInd.txt")
    splits: dict[str, dict[str, str]] = {}
    for split, pair in sorted(files.items()):
        table = splits.setdefault(str(split), {})
        for role in (TRAIN, TEST):
            if role not in pair:
                raise VidcondenseError(
                    f"{folder} has no {role}list{split:02d}.txt beside {next(iter(pair.values())).name}"
                )
            _read_list(pair[role], role, numbers, table)
    return splits


def _read_list(file: Path, role: str, numbers: dict[str, str], table: dict[str, str]) -> None:
    for line_number, line in lines_of(file):
        name, _, number = line.partition(" ")
        class_name, slash, video = name.partition("/")
        where = f"{file} line {line_number}"
        if not (slash and video) or "/" in video or not (number or "0").strip().isdecimal():
            raise VidcondenseError(f"{where}: expected '<class>/<file>' and perhaps a number, found {line!r}")
        if numbers and class_name not in numbers:
            raise VidcondenseError(f"{where}: unknown class '{class_name}': it is not in classInd.txt")
        if numbers and number and number.strip() != numbers[class_name]:
            raise VidcondenseError(
                f"{where}: '{class_name}' is {numbers[class_name]} in classInd.txt, not {number.strip()}"
            )
        if table.setdefault(name, role) != role:
            raise VidcondenseError(f"{where}: {name} is also in the training list of this split")


def _class_numbers(file: Path) -> dict[str, str]:
    """{class: its number}, {} without the file."""
    numbers: dict[str, str] = {}
    for line_number, line in lines_of(file) if file.is_file() else ():
        number, _, class_name = line.partition(" ")
        if not number.isdecimal() or not class_name.strip():
            raise VidcondenseError(f"{file} line {line_number}: expected '<number> <class>', found {line!r}")
        numbers[class_name.strip()] = number
    return numbers

"""UCF101 (Soomro et al., 2012): class folders beside the official lists trainlist01.txt, testlist01.txt, ...

Each line of a list is "<class>/<file>", with the class's number behind it in the training lists;
classInd.txt, where it is there, has the numbers. The lists and the videos may lie anywhere below root; a
video may be a file with another ending, or a folder of its frames.
"""

import re
from collections.abc import Container, Iterator
from dataclasses import replace
from pathlib import Path

from vidcondense.base.errors import VidcondenseError
from vidcondense.data.layouts.annotations import Row, files_in, lines_of, list_rows
from vidcondense.data.layouts.listing import TEST, TRAIN, Listing
from vidcondense.data.layouts.tree import Folder
from vidcondense.data.layouts.words import same

LIST_NAME = re.compile(r"(?P<role>train|test)list(?P<split>\d+)\.txt", re.IGNORECASE)
NUMBERS = "classInd.txt"


def matches(source: Folder) -> bool:
    """There is a training list."""
    return any(name.lower().startswith("train") for _, name in files_in(source, LIST_NAME))


def find(source: Folder, test_fraction: float) -> Listing:
    """List the videos of every split; `test_fraction` plays no part here.

    Raises:
        VidcondenseError: no lists, one without its counterpart, or a line that is not "<class>/<file>
            [number]", names an unknown class or gives a video a second role.
    """
    return find_splits(source, only=None)


def find_splits(source: Folder, only: Container[str] | None) -> Listing:
    """As `find`, of the splits in `only` ("1", "2", ...), or of all."""
    folder = next((folder for folder, _ in files_in(source, LIST_NAME)), None)
    if folder is None or not matches(source):
        raise VidcondenseError(
            f"{source.disk} has no UCF101 lists (trainlist01.txt, testlist01.txt) in it or below it"
        )
    names = [match for name in folder.others if (match := LIST_NAME.fullmatch(name))]
    names = [name for name in names if only is None or str(int(name["split"])) in only]
    index = next((name for name in folder.others if same(name) == same(NUMBERS)), None)
    numbers = _class_numbers(folder.disk / index) if index else {}
    rows = [
        row for split in sorted({name["split"] for name in names}) for row in _split(folder, split, numbers)
    ]
    lists = [folder.inside(name) for name in (*(match.string for match in names), index) if name]
    listing = list_rows(source, rows, lists)
    return replace(listing, split_names=listing.split_names or ("1",))


def _split(folder: Folder, split: str, numbers: dict[str, str]) -> Iterator[Row]:
    taken: dict[str, str] = {}
    for role in (TRAIN, TEST):
        wanted = f"{role}list{split}.txt"
        name = next((name for name in folder.others if same(name) == wanted), None)
        if name is None:
            other = f"{TEST if role == TRAIN else TRAIN}list{split}.txt"
            raise VidcondenseError(f"{folder.disk} has no {wanted} beside {other}")
        for line_number, line in lines_of(folder.disk / name):
            where = f"{folder.disk / name} line {line_number}"
            path, class_name = _entry(line, numbers, where)
            if taken.setdefault(path, role) != role:
                raise VidcondenseError(f"{where}: {path} is also in the training list of this split")
            yield Row(path, class_name, role, name, str(int(split)))


def _entry(line: str, numbers: dict[str, str], where: str) -> tuple[str, str]:
    """(path, class) that a line of a list names."""
    path, _, number = line.partition(" ")
    class_name, slash, video = path.partition("/")
    if not (slash and video) or "/" in video or not (number or "0").strip().isdecimal():
        raise VidcondenseError(f"{where}: expected '<class>/<file>' and perhaps a number, found {line!r}")
    if numbers and class_name not in numbers:
        raise VidcondenseError(f"{where}: unknown class '{class_name}': it is not in {NUMBERS}")
    if numbers and number and number.strip() != numbers[class_name]:
        raise VidcondenseError(
            f"{where}: '{class_name}' is {numbers[class_name]} in {NUMBERS}, not {number.strip()}"
        )
    return path, class_name


def _class_numbers(file: Path) -> dict[str, str]:
    """{class: its number}."""
    numbers: dict[str, str] = {}
    for line_number, line in lines_of(file):
        number, _, class_name = line.partition(" ")
        if not number.isdecimal() or not class_name.strip():
            raise VidcondenseError(f"{file} line {line_number}: expected '<number> <class>', found {line!r}")
        numbers[class_name.strip()] = number
    return numbers

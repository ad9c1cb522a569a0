"""HMDB51 and JHMDB: class folders beside official lists `<class>_test_split{1,2,3}.txt`.

Each line of a list names a file and its part in that split: 1 train, 2 test, 0 unused (Kuehne et al., 2011).
The lists and the class folders may lie anywhere, as the archives unpack.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from vidcondense.base.errors import VidcondenseError
from vidcondense.data.layouts.annotations import Row, files_in, lines_of, list_rows
from vidcondense.data.layouts.listing import TEST, TRAIN, UNUSED, Listing
from vidcondense.data.layouts.tree import Folder
from vidcondense.data.layouts.words import same

LIST_NAME = re.compile(r"(?P<class_name>.+)_test_split(?P<split>\d+)\.txt", re.IGNORECASE)
MEANING = {"0": UNUSED, "1": TRAIN, "2": TEST}


def matches(source: Folder) -> bool:
    """There are split lists."""
    return bool(files_in(source, LIST_NAME))


def find(source: Folder, test_fraction: float) -> Listing:
    """List the videos with their roles; `test_fraction` plays no part here.

    Raises:
        VidcondenseError: no split lists, a class without one, or a line that is not "<file> 0|1|2".
    """
    lists = files_in(source, LIST_NAME)
    if not lists:
        raise VidcondenseError(
            f"{source.disk} has no HMDB51 split lists (<class>_test_split1.txt) in it or below it"
        )
    rows = [row for folder, name in lists for row in _rows(folder, name)]
    listing = list_rows(source, rows, [folder.inside(name) for folder, name in lists])
    _refuse_unlisted(source, listing, rows, lists[0][0])
    return listing


def find_vdsd(source: Folder, test_fraction: float) -> Listing:
    """List HMDB51 with the official splits and beside each the split of the code of Wang et al. (2024).

    Split "1-vdsd" has the test videos of split "1", and all others for training: also those that the official
    list leaves unused.
    """
    official = find(source, test_fraction)
    videos = [
        replace(video, roles=video.roles + tuple(TRAIN if role == UNUSED else role for role in video.roles))
        for video in official.videos
    ]
    names = official.split_names + tuple(f"{name}-vdsd" for name in official.split_names)
    return replace(official, split_names=names, videos=videos)


def _rows(folder: Folder, name: str) -> Iterator[Row]:
    match = LIST_NAME.fullmatch(name)
    assert match
    for number, line in lines_of(folder.disk / name):
        video, _, code = line.rpartition(" ")
        if code not in MEANING or not video:
            raise VidcondenseError(
                f"{folder.disk / name} line {number}: expected '<file> 0' (or 1, or 2), found {line!r}"
            )
        path = f"{match['class_name']}/{video.strip()}"
        yield Row(path, match["class_name"], MEANING[code], name, str(int(match["split"])))


def _refuse_unlisted(source: Folder, listing: Listing, rows: list[Row], lists: Folder) -> None:
    """A folder of videos beside those of listed classes is a class whose lists are lost."""
    listed = {same(row.class_name) for row in rows}
    used = {video.path for video in listing.videos}
    for folder in source.walk():
        if not any(video.path in used for one in folder.folders for video in one.videos):
            continue
        for one in folder.folders:
            if one.videos and same(one.name) not in listed and not one.is_frames:
                raise VidcondenseError(
                    f"class '{one.name}' has videos but no {one.name}_test_split*.txt in {lists.disk}; "
                    "add its lists, or take the folder out"
                )
    for class_name in sorted({row.class_name for row in rows}):
        without = {row.split for row in rows} - {row.split for row in rows if row.class_name == class_name}
        if without:
            raise VidcondenseError(
                f"class '{class_name}' has videos but no {class_name}_test_split{min(without)}.txt "
                f"in {lists.disk}"
            )

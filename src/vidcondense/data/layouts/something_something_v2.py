"""Something-Something V2 (Goyal et al., 2017): the official JSON annotations beside <id>.webm.

The JSON files (labels.json, train.json, validation.json, perhaps with something-something-v2- in front) lie
together in root or a folder directly below it. A class is a template of labels.json; an entry of the others
has an "id" and a "template", with [something] in brackets. A video is a file or a folder of its frames,
anywhere up to four folders below root. The validation videos are the test set, as in the papers; the
official test videos, whose labels are not in test.json, are not used.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, TypedDict

from msgspec import Meta

from vidcondense.base.errors import VidcondenseError
from vidcondense.data.layouts.annotations import Row, json_content, list_rows
from vidcondense.data.layouts.listing import TEST, TRAIN, Listing, folders_in

PREFIXES = ("something-something-v2-", "")
ROLES = {"train": TRAIN, "validation": TEST}
ENOUGH = 10_000


def matches(root: Path) -> bool:
    """There are labels and a training list with templates."""
    lists = _lists(root)
    if lists is None:
        return False
    with lists["train"].open(encoding="utf-8", errors="replace") as file:
        return '"template"' in file.read(ENOUGH)


class _Entry(TypedDict):
    id: Annotated[str, Meta(min_length=1)] | int
    template: str


def find(root: Path, test_fraction: float) -> Listing:
    """List the videos that the JSON files name; `test_fraction` plays no part here.

    Raises:
        VidcondenseError: a file is missing or damaged, or an entry lacks its id or has an unknown template.
    """
    lists = _lists(root)
    if lists is None:
        raise VidcondenseError(
            f"{root} has no Something-Something V2 lists (labels.json, train.json and validation.json, "
            "perhaps with something-something-v2- in front) in it or one folder below"
        )
    classes = {template.casefold(): template for template in json_content(lists["labels"], dict[str, Any])}
    rows = (row for name, role in ROLES.items() for row in _rows(lists[name], role, classes))
    return list_rows(root, rows, ".webm")


def _lists(root: Path) -> dict[str, Path] | None:
    """The files "labels", "train" and "validation" of the first folder that has them all."""
    for folder in (root, *folders_in(root)):
        for prefix in PREFIXES:
            files = {name: folder / f"{prefix}{name}.json" for name in ("labels", *ROLES)}
            if all(file.is_file() for file in files.values()):
                return files
    return None


def _rows(file: Path, role: str, classes: dict[str, str]) -> Iterator[Row]:
    for number, entry in enumerate(json_content(file, list[_Entry])):
        plain = entry["template"].replace("[", "").replace("]", "")
        if plain.casefold() not in classes:
            raise VidcondenseError(f"{file}: unknown class '{plain}' at $[{number}], not in labels.json")
        yield Row(str(entry["id"]), classes[plain.casefold()], role, file.name)

"""Something-Something V2 (Goyal et al., 2017): the official JSON annotations beside <id>.webm.

The JSON files (labels.json, train.json, validation.json, perhaps with something-something-v2- in front) lie
together in root or below it. A class is a template of labels.json; an entry of the others
has an "id" and a "template", with [something] in brackets. A video is a file or a folder of its frames,
anywhere below root. The validation videos are the test set, as in the papers; the
official test videos, whose labels are not in test.json, are not used.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, TypedDict

from msgspec import Meta

from vidcondense.base.errors import VidcondenseError
from vidcondense.data.layouts.annotations import LISTS_DOWN, Row, beginning, json_content, list_rows
from vidcondense.data.layouts.listing import TEST, TRAIN, Listing
from vidcondense.data.layouts.tree import Folder

PREFIXES = ("something-something-v2-", "")
ROLES = {"train": TRAIN, "validation": TEST}


def matches(source: Folder) -> bool:
    """There are labels and a training list with templates."""
    lists = _lists(source)
    return lists is not None and '"template"' in beginning(lists[0].disk / lists[1]["train"])


class _Entry(TypedDict):
    id: Annotated[str, Meta(min_length=1)] | int
    template: str


def find(source: Folder, test_fraction: float) -> Listing:
    """List the videos that the JSON files name; `test_fraction` plays no part here.

    Raises:
        VidcondenseError: a file is missing or damaged, or an entry lacks its id or has an unknown template.
    """
    lists = _lists(source)
    if lists is None:
        raise VidcondenseError(
            f"{source.disk} has no Something-Something V2 lists (labels.json, train.json and "
            "validation.json, perhaps with something-something-v2- in front) in it or below it"
        )
    folder, names = lists
    classes = {
        template.casefold(): template
        for template in json_content(folder.disk / names["labels"], dict[str, Any])
    }
    rows = (row for name, role in ROLES.items() for row in _rows(folder.disk / names[name], role, classes))
    return list_rows(source, rows, [folder.inside(name) for name in names.values()], ending=".webm")


def _lists(source: Folder) -> tuple[Folder, dict[str, str]] | None:
    """The names of the files "labels", "train" and "validation" in the first folder that has them all."""
    for folder in source.walk(LISTS_DOWN):
        for prefix in PREFIXES:
            names = {name: f"{prefix}{name}.json" for name in ("labels", *ROLES)}
            if all(name in folder.others for name in names.values()):
                return folder, names
    return None


def _rows(file: Path, role: str, classes: dict[str, str]) -> Iterator[Row]:
    for number, entry in enumerate(json_content(file, list[_Entry])):
        plain = entry["template"].replace("[", "").replace("]", "")
        if plain.casefold() not in classes:
            raise VidcondenseError(f"{file}: unknown class '{plain}' at $[{number}], not in labels.json")
        yield Row(str(entry["id"]), classes[plain.casefold()], role, file.name)

"""Labels that are numbers, and the lists of classes that give them names."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.typed import parse
from vidcondense.data.layouts.annotations import files_in, text_of
from vidcondense.data.layouts.tree import Folder

_CLASS_LISTS = re.compile(
    r".*(class(es|_?ind|_?list|_?names|_?map|_?labels)?|categor(y|ies)|labels?(_?map|_?list|_?names)?)(_?\w{0,8})"
    r"\.(txt|csv|tsv|json)",
    re.IGNORECASE,
)
LONGEST_LIST = 1 << 22


def named(
    source: Folder, labels: Sequence[str], lists: Sequence[str]
) -> tuple[list[str], tuple[str, ...], tuple[str, ...]]:
    """Give labels that are all numbers their names, or zeros in front so that they sort as numbers.

    Args:
        source: where lists of classes are looked for.
        labels: of all videos.
        lists: paths of the lists that these are from, which name no classes.

    Returns:
        the names, notes for a person, and the paths of the lists that were read.
    """
    if not labels or not all(label.isdecimal() for label in labels):
        return list(labels), (), ()
    numbers = {int(label) for label in labels}
    for folder, name in files_in(source, _CLASS_LISTS):
        if folder.inside(name) in lists:
            continue
        names = _names(folder.disk / name)
        if numbers <= names.keys() and len(set(names.values())) == len(names):
            path = folder.inside(name)
            note = f"labels are numbers; {path} has their names"
            return [names[int(label)] for label in labels], (note,), (path,)
    return padded(labels), ("labels are numbers, and no list of classes names them",), ()


def padded(labels: Sequence[str]) -> list[str]:
    """Labels 0, 1, ..., 10 as 00, 01, ..., 10 where all are numbers; else as they are."""
    if not all(label.isdecimal() for label in labels):
        return list(labels)
    digits = max((len(str(int(label))) for label in labels), default=0)
    return [str(int(label)).zfill(digits) for label in labels]


def text_of_label(value: object) -> str:
    """A label from JSON as text; a ValueError says what is wrong with it."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # pandas writes whole numbers so
    if isinstance(value, bool) or not isinstance(value, str | int):
        kind = {list: "a list", dict: "an object", bool: "true or false"}.get(type(value), "no whole number")
        raise ValueError(f"its label is {kind} ({str(value)[:40]}), not a name or a number")
    return str(value).strip()


def _names(file: Path) -> dict[int, str]:
    """{number: class} of a list of classes, {} for a file that is none."""
    try:
        if file.stat().st_size > LONGEST_LIST:
            return {}
        text = text_of(file)
        return _from_json(parse(text)) if file.suffix.lower() == ".json" else _from_lines(text.splitlines())
    except (OSError, ValueError, VidcondenseError):
        return {}


def _from_json(value: Any) -> dict[int, str]:
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return dict(enumerate(value))
    if isinstance(value, dict) and all(str(number).isdecimal() for number in value.values()):
        return {int(number): name for name, number in value.items()}
    if isinstance(value, dict) and all(
        number.isdecimal() and isinstance(value[number], str) for number in value
    ):
        return {int(number): name for number, name in value.items()}
    return {}


def _from_lines(lines: Sequence[str]) -> dict[int, str]:
    lines = [line.strip() for line in lines if line.strip()]
    pairs = [re.fullmatch(r"(\d+)[\s,;]+(.+)", line) for line in lines]
    if len(pairs) > 1 and all(pairs[1:]):  # the first may be a header: id,name
        return {int(pair[1]): pair[2].strip() for pair in pairs if pair}
    return dict(enumerate(lines)) if not any(pairs) else {}

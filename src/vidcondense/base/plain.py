"""JSON from outside, checked against the types that the code counts on."""

import json
import sys
import types
import typing
from typing import Annotated, Any, Literal

from vidcondense.base.errors import VidcondenseError

DEEPEST = 100
"""Levels of nesting that are read: far more than anything here writes, far fewer than Python can walk."""
Share = Annotated[float, range(2)]
"""A float in 0..1."""
Count = Annotated[int, range(2**63)]
"""An int that is not negative."""
_LONGEST = 60


def parse(text: str | bytes) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: it is not JSON, or nested too deeply.
    """
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise ValueError(f"nested deeper than {DEEPEST} levels") from error
    level = [value]
    for _ in range(DEEPEST):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return value
    raise ValueError(f"nested deeper than {DEEPEST} levels")


def expect(value: Any, hint: Any, where: str = "") -> None:
    """Refuse a JSON value that is not of a type.

    Args:
        value: as `parse` gives it.
        hint: such as `list[float | None]`, `Share`, or a TypedDict, beside whose keys others may stand. An
            int is a float too; floats are finite, ints have 64 bits; true and false are no numbers.
        where: what the value is called in the message, "" for the whole.

    Raises:
        VidcondenseError: names the innermost value that is of another type.
    """
    kind, inside = typing.get_origin(hint), typing.get_args(hint)
    if typing.is_typeddict(hint):
        expect(value, dict[str, Any], where)
        for key, one in typing.get_type_hints(hint, include_extras=True).items():
            path = f"{where}.{key}".removeprefix(".")
            if key in value:
                expect(value[key], _required(one), path)
            elif key in hint.__required_keys__:
                raise VidcondenseError(f"it has no {path!r}")
    elif kind is dict and isinstance(value, dict):
        for key, one in value.items():
            expect(one, inside[1], f"{where}[{key!r}]")
    elif kind in (list, tuple) and isinstance(value, list | tuple):
        for index, one in enumerate(value):
            expect(one, inside[0], f"{where}[{index}]")
    elif not _is_one(value, hint):
        shown = repr(value)
        shown = shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}..."
        raise VidcondenseError(f"{where or 'it'} must be of type {_name(hint)}, not {shown}")


def _required(hint: Any) -> Any:
    return typing.get_args(hint)[0] if typing.get_origin(hint) is typing.NotRequired else hint


def _name(hint: Any) -> str:
    inside, kind = typing.get_args(hint), typing.get_origin(hint)
    if kind is Annotated:
        return {Share: "float in 0..1", Count: "int, 0 or more"}[hint]
    if kind in (types.UnionType, typing.Union):
        return " | ".join(map(_name, inside))
    if hint is types.NoneType:
        return "None"
    return hint.__name__ if isinstance(hint, type) and kind is None else str(hint)


def _is_one(value: Any, hint: Any) -> bool:
    """`expect` for types that are not containers, and for choices of types."""
    inside = typing.get_args(hint)
    if hint is Any:
        return True
    kind = typing.get_origin(hint)
    if kind in (types.UnionType, typing.Union):
        return any(_is_one(value, one) for one in inside)
    if kind is Annotated:
        return _is_one(value, inside[0]) and inside[1][0] <= value <= inside[1][-1]
    if kind is Literal:
        return any(type(value) is type(one) and value == one for one in inside)
    if hint is float:
        limit = sys.float_info.max
        return type(value) in (int, float) and -limit <= value <= limit
    if hint is int:
        return type(value) is int and -(2**63) <= value < 2**63
    return kind is None and isinstance(value, hint)


def _inside(value: Any) -> typing.Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()

"""JSON from outside, as the types that the code counts on."""

import json
import math
from collections.abc import Iterable
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from vidcondense.base.errors import VidcondenseError

DEEPEST = 100
"""Levels of nesting that are read: far more than anything here writes, far fewer than Python can walk."""
Whole = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
"""An int of 64 bits."""
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""A `Whole` that is not negative."""
Share = Annotated[float, Meta(ge=0, le=1)]
"""A float in 0..1."""
T = TypeVar("T")


def parse(text: str | bytes) -> Any:
    """The value of a JSON text. NaN, Infinity and 1e999 stay texts, so that `typed` says where they are.

    The standard library reads it, for msgspec has no half surrogate pairs: a file's name may hold some.

    Raises:
        ValueError: it is not JSON, a number has thousands of digits, or it is nested too deeply.
    """
    try:
        value = json.loads(text, parse_float=_finite, parse_constant=str)
    except RecursionError as error:
        raise ValueError(f"nested deeper than {DEEPEST} levels") from error
    level = [value]
    for _ in range(DEEPEST):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return value
    raise ValueError(f"nested deeper than {DEEPEST} levels")


def typed(value: Any, kind: type[T]) -> T:
    """A value that `parse` gave, as a type.

    Args:
        value: what was read.
        kind: such as `list[Count]`, a dataclass, or a TypedDict; keys that it does not name are left out. A
            whole number is a float too; true and false are no numbers.

    Raises:
        VidcondenseError: names the innermost value that is of another type.
    """
    try:
        return msgspec.convert(value, kind)
    except ValueError as error:
        raise VidcondenseError(str(error)) from error


def _finite(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()

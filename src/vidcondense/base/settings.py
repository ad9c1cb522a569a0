"""What settings of every kind share: typed fields with ranges, checked however they are made."""

import dataclasses
import math
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, Self

import msgspec
from msgspec import Meta

from vidcondense.base.errors import VidcondenseError

MOST = 2**63 - 1
"""The largest whole number that recipes and JSON of ours hold."""
SMALLEST_STEP, LARGEST_STEP = 1.2e-38, 3e38
"""Of step sizes: about what float32 holds in full, since optimisers multiply by them."""

Count = Annotated[int, Meta(ge=0, le=MOST)]
Positive = Annotated[int, Meta(ge=1, le=MOST)]
Share = Annotated[float, Meta(ge=0, le=1)]
Decay = Annotated[float, Meta(ge=0, lt=1)]
Cosine = Annotated[float, Meta(ge=-1, le=1)]
NotNegative = Annotated[float, Meta(ge=0, le=LARGEST_STEP)]
StepSize = Annotated[float, Meta(ge=SMALLEST_STEP, le=LARGEST_STEP)]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of one kind of part, such as one objective; every kind has a class of its own.

    A subclass names its fields with types of this module, defaults, and a docstring below each. Values are
    converted and checked whenever settings are made, in Python as from a recipe.

    Raises:
        VidcondenseError: a value of another type or out of range; it names the field.
    """

    family: ClassVar[str] = ""
    """The table of a recipe that holds such settings."""

    def __post_init__(self) -> None:
        for name, hint in hints(type(self)).items():
            path = f"{self.family}.{name}".removeprefix(".")
            object.__setattr__(self, name, convert(getattr(self, name), hint, path))
        self.check()

    def check(self) -> None:
        """Refuse values that do not go together, with a VidcondenseError; nothing for most."""

    def refuse(self, condition: bool, message: str) -> None:
        """Raise a VidcondenseError with `message` where `condition` holds."""
        if condition:
            raise VidcondenseError(message)

    def replace(self, **values: Any) -> Self:
        """The same with other values."""
        return dataclasses.replace(self, **values)

    def to_dict(self) -> dict[str, Any]:
        """Plain values by name."""
        return dataclasses.asdict(self)


def hints(kind: type[Settings]) -> Mapping[str, Any]:
    """The type of every field, ranges included."""
    return _hints(typing.cast(object, kind))


@cache
def _hints(kind: Any) -> Mapping[str, Any]:
    resolved = typing.get_type_hints(kind, include_extras=True)
    return {field.name: resolved[field.name] for field in dataclasses.fields(kind)}


def convert(value: Any, hint: Any, path: str) -> Any:
    """`value` as a type from this module; whole numbers are floats too, true and false are no numbers.

    Raises:
        VidcondenseError: it is of another type or out of range; the message names `path`.
    """
    kind = typing.get_args(hint)[0] if typing.get_origin(hint) is Annotated else hint
    if value is None and type(None) in typing.get_args(kind):
        return None
    if _is_table(kind):  # its settings are checked already
        if not isinstance(value, kind):
            raise VidcondenseError(f"{path} must be settings of its own family, not {_shown(value)}")
        return value
    if typing.get_origin(kind) is Literal:
        if value not in typing.get_args(kind):
            raise VidcondenseError(
                f"{path} must be one of {', '.join(typing.get_args(kind))}, not {_shown(value)}"
            )
        return value
    try:
        converted = msgspec.convert(value, hint)
    except msgspec.ValidationError as error:
        raise VidcondenseError(f"{path} must be {_wanted(error)}, not {_shown(value)}") from error
    if isinstance(converted, float) and not math.isfinite(converted):
        raise VidcondenseError(f"{path} must be a finite number, not {value!r}")
    if isinstance(converted, str) and "\0" in converted:
        raise VidcondenseError(f"{path} holds a zero byte: {value!r}")
    return converted


def check_whole(name: str, value: int, least: int, most: int) -> None:
    """Refuse a value that is no whole number in a range."""
    convert(value, Annotated[int, Meta(ge=least, le=most)], name)


def _is_table(hint: Any) -> bool:
    """Whether a field holds the settings of a part, or None."""
    return any(
        isinstance(kind, type) and issubclass(kind, Settings) for kind in (hint, *typing.get_args(hint))
    )


def _wanted(error: msgspec.ValidationError) -> str:
    """What msgspec expected, without its backticks."""
    text = str(error).removeprefix("Expected ").replace("`", "")
    for word, plain in {
        "int": "a whole number",
        "float": "a number",
        "str": "a text",
        "bool": "true or false",
        "Number out of range": "a number in range",
    }.items():
        if text == word or text.startswith((f"{word} ", f"{word},")):
            text = plain + text.removeprefix(word)
    return text.split(", got ")[0]


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:60]}..."

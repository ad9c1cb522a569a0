"""Messages in Python's words: below, a mend is told as the command line says it."""

import re
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from vidcondense.base.errors import VidcondenseError

P = ParamSpec("P")
R = TypeVar("R")

COMMAND = re.compile(r"(vidcondense [a-z]+[^;\n]*)")
"""A whole command to paste into a shell, which stays what it is."""
RESUME = re.compile(r"vidcondense condense --resume (\S+)")
RULES = (
    (re.compile(r"(?<![\w-])--set ([\w.]+)=([^\s,;)]+)"), r"overrides={'\1': '\2'}"),
    (re.compile(r"(?<![\w-])--set\b"), "overrides"),
    (re.compile(r"(?<![\w-])--(force|strict|follow-links)\b"), lambda found: f"{_name(found[1])}=True"),
    (re.compile(r"(?<![\w-])--(layout|framing|mirror|precision|device|format) ([a-z][\w-]*)"), r"\1='\2'"),
    (re.compile(r"(?<![\w-])--([a-z][a-z-]*) (\d+)\b"), lambda found: f"{_name(found[1])}={found[2]}"),
    (
        re.compile(r"(?<![\w-])--(class|classes|videos-per-class|present|only)\b"),
        lambda found: _limit(found[1]),
    ),
    (re.compile(r"(?<![\w-])--([a-z][a-z-]*)"), lambda found: _name(found[1])),
)


def in_python(message: str) -> str:
    """A message with options of the command line as arguments of Python; whole commands stay as they are."""
    parts = COMMAND.split(RESUME.sub(lambda found: f"vidcondense.resume({found[1]!r})", message))
    return "".join(part if COMMAND.fullmatch(part) else _said(part) for part in parts)


def speaks_python(call: Callable[P, R]) -> Callable[P, R]:
    """Have the errors that a function raises name arguments instead of options."""

    @wraps(call)
    def calling(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return call(*args, **kwargs)
        except VidcondenseError as error:
            error.args = (in_python(str(error)),)
            raise

    return calling


def _said(part: str) -> str:
    for pattern, words in RULES:
        part = pattern.sub(words, part)
    return part


def _name(option: str) -> str:
    return option.replace("-", "_")


def _limit(option: str) -> str:
    """A field of `Limits`, which `prepare` takes as `limits`."""
    field = "class_names" if option == "class" else _name(option)
    return f"limits=Limits({field}=...)"

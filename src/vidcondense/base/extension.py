"""Members of your own: wherever a recipe names a member of a family, FILE.py:NAME names one in your file.

A file is loaded when a recipe of yours or the command line names it, never because a condensed file or a
report does.
"""

import hashlib
import importlib.util
import re
import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, NewType, TypeVar

from vidcondense.base.errors import VidcondenseError

Extension = NewType("Extension", str)
"""FILE.py:NAME."""
Option = bool | int | float | str
OPTIONS = "OPTIONS"
"""What a file calls the settings that it adds to a recipe's [options], with their defaults."""

_SHAPE = re.compile(r"(?P<file>.+\.py):(?P<name>[A-Za-z_]\w*)")
T = TypeVar("T")


def is_extension(name: str) -> bool:
    """Whether a name has the form FILE.py:NAME; nothing is opened."""
    return _SHAPE.fullmatch(name) is not None


def label(name: str) -> str:
    """A name without its file, for tables and file names."""
    return name.rpartition(":")[2] if is_extension(name) else name


def resolved(name: str, folder: Path) -> str:
    """A name with the full path of its file, which is relative to `folder`."""
    match = _SHAPE.fullmatch(name)
    return f"{(folder / match['file']).resolve()}:{match['name']}" if match else name


def portable(name: str) -> str:
    """A name without the folder of its file, for files that others get."""
    match = _SHAPE.fullmatch(name)
    return f"{Path(match['file']).name}:{match['name']}" if match else name


def member(table: Mapping[str, T], name: str, base: type | None = None) -> T:
    """The row of a family's table that a name means, or what it names in a file.

    Args:
        table: the members that come with the package.
        name: a key of it, or FILE.py:NAME.
        base: what a class from a file has to derive from; None asks for a function.

    Raises:
        VidcondenseError: an unknown name, no such file, a file that fails to load, or another
            kind of thing.
    """
    match = _SHAPE.fullmatch(name)
    if match is None:
        if name not in table:
            raise VidcondenseError(f"unknown name {name!r}; known: {', '.join(table)}, or FILE.py:NAME")
        return table[name]
    found = getattr(_module(match["file"]), match["name"], None)
    if found is None:
        raise VidcondenseError(f"{match['file']} defines no {match['name']!r}")
    if base is None and not callable(found):
        raise VidcondenseError(f"{name} is not a function")
    if base is not None and not (isinstance(found, type) and issubclass(found, base)):
        raise VidcondenseError(f"{name} is not a class derived from vidcondense's {base.__name__}")
    made: T = found
    return made


def options(name: str) -> Mapping[str, Option]:
    """The settings that the file of a name adds to a recipe, with their defaults; none for other names.

    Raises:
        VidcondenseError: see `member`; or an option that is not a plain value.
    """
    match = _SHAPE.fullmatch(name)
    if match is None:
        return MappingProxyType({})
    found: Any = getattr(_module(match["file"]), OPTIONS, {})
    if not isinstance(found, Mapping) or not all(isinstance(value, Option) for value in found.values()):
        raise VidcondenseError(
            f"{match['file']}: {OPTIONS} has to map names to numbers, texts or true and false"
        )
    return found


def fingerprint(name: str) -> dict[str, str]:
    """SHA-256 of the file of a name, by the file's name; empty for other names."""
    match = _SHAPE.fullmatch(name)
    if match is None:
        return {}
    path = Path(match["file"])
    return {path.name: hashlib.sha256(_source(path)).hexdigest()}


def _source(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise VidcondenseError(f"{path} cannot be read: {error.strerror}") from error


@lru_cache
def _module(file: str) -> ModuleType:
    path = Path(file).resolve()
    digest = hashlib.sha256(_source(path) + str(path).encode()).hexdigest()
    spec = importlib.util.spec_from_file_location(f"vidcondense_extension_{digest[:16]}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except VidcondenseError:
        raise
    except Exception as error:
        del sys.modules[spec.name]
        raise VidcondenseError(f"{path} cannot be loaded: {type(error).__name__}: {error}") from error
    return module

"""Families of parts, such as objectives: a member comes from a folder of the package, or from FILE.py:NAME.

A file is loaded when a recipe of yours or the command line names it, never because a condensed file or a
report does.
"""

import hashlib
import importlib
import importlib.util
import pkgutil
import re
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Generic, TypeVar

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.files import refused
from vidcondense.base.settings import Settings

_SHAPE = re.compile(r"(?P<file>.+\.py):(?P<name>[A-Za-z_]\w*)")
T = TypeVar("T")


@dataclass(frozen=True)
class Family(Generic[T]):
    """Everything that a table of a recipe can name.

    Attributes:
        name: of the table.
        package: the module that holds the members, or the package with a file for each.
        base: what members derive from. Each has a class `Settings` of its own, whose default `kind` names it.
    """

    name: str
    package: str
    base: type[T]

    def members(self) -> dict[str, type[T]]:
        """The members that come with the package, by kind."""
        return _members(self)

    def member(self, kind: str) -> type[T]:
        """The member that a kind names, or that FILE.py:NAME names in a file.

        Raises:
            VidcondenseError: an unknown kind, no such file, a file that fails to load, or another kind of
                thing.
        """
        if is_extension(kind):
            return load_class(kind, self.base)
        if kind not in self.members():
            known = ", ".join((*self.members(), "or FILE.py:NAME"))
            raise VidcondenseError(f"{self.name}.kind must be one of {known}, not {kind!r}")
        return self.members()[kind]

    def settings(self, kind: str) -> type[Settings]:
        """The settings of a member.

        Raises:
            VidcondenseError: see `member`; or its class has no `Settings`.
        """
        settings: object = getattr(self.member(kind), "Settings", None)
        base: type[Settings] = self.base.Settings  # type: ignore[attr-defined]
        if not (isinstance(settings, type) and issubclass(settings, base)):
            raise VidcondenseError(f"{kind}: its class needs a class Settings derived from that of its base")
        return settings


@lru_cache
def _members(family: Family[T]) -> dict[str, type[T]]:
    package = importlib.import_module(family.package)
    files = pkgutil.iter_modules(getattr(package, "__path__", []), f"{family.package}.")
    members: dict[str, type[T]] = {}
    for module in (package, *(importlib.import_module(file.name) for file in files)):
        for member in vars(module).values():
            if isinstance(member, type) and issubclass(member, family.base) and "Settings" in vars(member):
                kind = getattr(member.Settings, "kind", "")  # type: ignore[attr-defined]
                if kind:
                    members[kind] = member
    return dict(sorted(members.items()))


def is_extension(name: str) -> bool:
    """Whether a name has the form FILE.py:NAME; nothing is opened."""
    return _SHAPE.fullmatch(name) is not None


def label(name: str) -> str:
    """A name, or several joined by "+", without their files, for tables and file names."""
    return "+".join(part.rpartition(":")[2] if is_extension(part) else part for part in name.split("+"))


def resolved(name: str, folder: Path) -> str:
    """A name with the full path of its file, which is relative to `folder`."""
    match = _SHAPE.fullmatch(name)
    return f"{(folder / match['file']).resolve()}:{match['name']}" if match else name


def portable(name: str) -> str:
    """A name, or several joined by "+", without the folders of their files, for files that others get."""
    matches = [(part, _SHAPE.fullmatch(part)) for part in name.split("+")]
    return "+".join(
        f"{Path(match['file']).name}:{match['name']}" if match else part for part, match in matches
    )


def load_class(name: str, base: type[T]) -> type[T]:
    """The class that FILE.py:NAME names.

    Raises:
        VidcondenseError: no such file, a file that fails to load, no such name in it, or no class derived
            from `base`.
    """
    match = _SHAPE.fullmatch(name)
    assert match is not None
    module = _module(match["file"])
    if hasattr(module, "OPTIONS"):
        raise VidcondenseError(
            f"{match['file']}: OPTIONS are read no more; name settings in a class Settings within "
            f"{match['name']} (docs/extend.md)"
        )
    found = getattr(module, match["name"], None)
    if found is None:
        raise VidcondenseError(f"{match['file']} defines no {match['name']!r}")
    if not (isinstance(found, type) and issubclass(found, base)):
        raise VidcondenseError(f"{name} is not a class derived from vidcondense's {base.__name__}")
    return found


def fingerprint(name: str) -> dict[str, str]:
    """SHA-256 of the file of a name, by the file's name; empty for other names."""
    match = _SHAPE.fullmatch(name)
    if match is None:
        return {}
    path = Path(match["file"])
    return {path.name: hashlib.sha256(_source(path)).hexdigest()}


def _source(path: Path) -> bytes:
    with refused(f"{path} cannot be read"):
        return path.read_bytes()


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

"""A command that is given again, and the one that comes next: differences, and commands to be pasted."""

import json
import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vidcondense.base.errors import VidcondenseError, printable
from vidcondense.base.tables import flat

MEND = "name another --out, or make it anew with --force"
_DIGEST = re.compile("[0-9a-f]{64}")


def command(*words: object) -> str:
    """A `vidcondense` command as a shell takes it."""
    return shell("vidcondense", *words)


def shell(*words: object) -> str:
    """A command as a shell takes it."""
    return shlex.join(map(str, words))


def say_next(*words: object) -> None:
    """The last line of a command, on standard error: the one that a user most likely wants to give next."""
    print(printable(f"next: {command(*words)}"), file=sys.stderr)


def given(*without: str) -> list[str]:
    """The words of the command at hand, without some of them."""
    return [word for word in sys.argv[1:] if word not in without]


def beside(path: Path, name: str) -> Path:
    """A path in the folder that another path is in."""
    return (path if path.name not in ("", "..") else path.resolve()).parent / name


def refuse_difference(
    what: object, held: Mapping[str, Any], wanted: Mapping[str, Any], mend: str = MEND
) -> None:
    """Refuse what is there if it was made from something else, or in another way.

    Args:
        what: is there, as messages call it.
        held: everything that decided it, by name; tables may be nested.
        wanted: the same of what is asked for.
        mend: what to do about a difference.

    Raises:
        VidcondenseError: names the first difference with both values.
    """
    old, new = (flat(json.loads(json.dumps(values))) for values in (held, wanted))
    for key in {**new, **old}:
        before, after = old.get(key), new.get(key)
        if before == after:
            continue
        if _is_digest(before) or _is_digest(after):
            name = key.removesuffix(".fingerprint").replace("_", " ")
            raise VidcondenseError(f"{what} was made from another {name}; {mend}")
        raise VidcondenseError(f"{what} was made with {key} {_shown(before)}, not {_shown(after)}; {mend}")


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def _shown(value: object) -> str:
    return "none" if value in (None, "") else str(value)

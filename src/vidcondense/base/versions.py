"""The version of this program, of what results depend on, and of the formats of files."""

import platform
from pathlib import Path
from typing import Any

from vidcondense.base.errors import VidcondenseError

VERSION = "0.1.0"


def versions() -> dict[str, str]:
    """Versions that a result may depend on."""
    import torch  # what only reads files need not wait for it

    return {"vidcondense": VERSION, "torch": str(torch.__version__), "python": platform.python_version()}


def refuse_newer(file: Path | str, found: Any, known: int, versions: Any = None) -> None:
    """Refuse a file whose format number is larger than the largest that is known here.

    Args:
        file: what the message calls it.
        found: its format number, as read: anything that is no whole number passes.
        known: the largest number that this program reads.
        versions: what the file says of the versions that wrote it, as read.

    Raises:
        VidcondenseError: naming the version that wrote the file, if it says.
    """
    if type(found) is not int or found <= known:
        return
    wrote = versions.get("vidcondense") if isinstance(versions, dict) else None
    named = f" {wrote!r}" if isinstance(wrote, str) else ""
    raise VidcondenseError(
        f"{file} has format {found}, written by a newer vidcondense{named}; this one "
        f"({VERSION}) reads up to {known}: upgrade vidcondense{' to that' if named else ''}"
    )

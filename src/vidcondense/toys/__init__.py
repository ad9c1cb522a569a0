"""Generated clips: labelled videos of any count and size, written as real files, read like a user's own."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vidcondense.toys.actions import ACTIONS
    from vidcondense.toys.clips import KINDS, generate
    from vidcondense.toys.motion import LINEAR_MOTIONS, MOTIONS, NON_LINEAR_MOTIONS
    from vidcondense.toys.writer import class_names

__all__ = [
    "ACTIONS",
    "KINDS",
    "LINEAR_MOTIONS",
    "MOTIONS",
    "NON_LINEAR_MOTIONS",
    "class_names",
    "generate",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for, so that the command line's help need not wait for NumPy and PyAV."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.clips"), name)

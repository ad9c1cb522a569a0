"""Condense a labelled video dataset into a few synthetic clips per class."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from vidcondense.condensation import condense, resume
    from vidcondense.condensed import CondensedVideos
    from vidcondense.data.prepare import prepare
    from vidcondense.data.store import ClipStore
    from vidcondense.errors import VidcondenseError
    from vidcondense.evaluation import Evaluation, evaluate
    from vidcondense.recipe import Recipe
    from vidcondense.recipe import load as load_recipe

_HOME = {
    "ClipStore": ("data.store", "ClipStore"),
    "CondensedVideos": ("condensed", "CondensedVideos"),
    "Evaluation": ("evaluation", "Evaluation"),
    "Recipe": ("recipe", "Recipe"),
    "VidcondenseError": ("errors", "VidcondenseError"),
    "condense": ("condensation", "condense"),
    "evaluate": ("evaluation", "evaluate"),
    "load_recipe": ("recipe", "load"),
    "prepare": ("data.prepare", "prepare"),
    "resume": ("condensation", "resume"),
}

__all__ = [
    "ClipStore",
    "CondensedVideos",
    "Evaluation",
    "Recipe",
    "VidcondenseError",
    "condense",
    "evaluate",
    "load_recipe",
    "prepare",
    "resume",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for, so that decoding processes need not wait for PyTorch."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _HOME[name]
    return getattr(import_module(f"{__name__}.{module}"), attribute)

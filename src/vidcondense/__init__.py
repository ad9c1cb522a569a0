"""Condense a labelled video dataset into a few synthetic clips per class."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from vidcondense.base.versions import VERSION as __version__

if TYPE_CHECKING:
    from vidcondense.base.errors import VidcondenseError
    from vidcondense.condensed import CondensedVideos
    from vidcondense.data.prepare import prepare
    from vidcondense.data.store import ClipStore
    from vidcondense.evaluation.results import Evaluation
    from vidcondense.evaluation.shared import evaluate
    from vidcondense.recipes.load import load as load_recipe
    from vidcondense.recipes.recipe import Recipe
    from vidcondense.run.loop import condense, resume

_HOME = {
    "ClipStore": ("data.store", "ClipStore"),
    "CondensedVideos": ("condensed", "CondensedVideos"),
    "Evaluation": ("evaluation.results", "Evaluation"),
    "Recipe": ("recipes.recipe", "Recipe"),
    "VidcondenseError": ("base.errors", "VidcondenseError"),
    "condense": ("run.loop", "condense"),
    "evaluate": ("evaluation.shared", "evaluate"),
    "load_recipe": ("recipes.load", "load"),
    "prepare": ("data.prepare", "prepare"),
    "resume": ("run.loop", "resume"),
}

__all__ = [
    "ClipStore",
    "CondensedVideos",
    "Evaluation",
    "Recipe",
    "VidcondenseError",
    "__version__",
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

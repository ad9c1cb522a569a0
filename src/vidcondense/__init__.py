"""Condense a labelled video dataset into a few synthetic clips per class.

Example:
    >>> import vidcondense as vc
    >>> store = vc.prepare("videos", "store", frames=8, size=64)
    >>> condensed = vc.condense(store, "herding", "runs/herding", budget="64KB")
    >>> print(vc.evaluate(condensed, store).top1)
    >>> clip, label = vc.CondensedVideos.load("runs/herding")[0]

Everything public is in this module; the packages below are its inside, and may change.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from vidcondense.base.versions import VERSION as __version__

if TYPE_CHECKING:
    from vidcondense.api.learning import (
        condense,
        evaluate,
        generate,
        list_recipes,
        load_recipe,
        prepare,
        resume,
        train_experts,
    )
    from vidcondense.api.results import export, merge, pull, push, run_benchmark, write_report
    from vidcondense.base.errors import VidcondenseError
    from vidcondense.condensed import CondensedVideos
    from vidcondense.data.store import ClipStore
    from vidcondense.evaluation.results import Evaluation
    from vidcondense.recipes.recipe import Recipe
    from vidcondense.tracking.base import Tracker

_HOME = {
    "ClipStore": "data.store",
    "CondensedVideos": "condensed",
    "Evaluation": "evaluation.results",
    "Recipe": "recipes.recipe",
    "Tracker": "tracking.base",
    "VidcondenseError": "base.errors",
    "condense": "api.learning",
    "evaluate": "api.learning",
    "export": "api.results",
    "generate": "api.learning",
    "list_recipes": "api.learning",
    "load_recipe": "api.learning",
    "merge": "api.results",
    "prepare": "api.learning",
    "pull": "api.results",
    "push": "api.results",
    "resume": "api.learning",
    "run_benchmark": "api.results",
    "train_experts": "api.learning",
    "write_report": "api.results",
}

__all__ = [
    "ClipStore",
    "CondensedVideos",
    "Evaluation",
    "Recipe",
    "Tracker",
    "VidcondenseError",
    "__version__",
    "condense",
    "evaluate",
    "export",
    "generate",
    "list_recipes",
    "load_recipe",
    "merge",
    "prepare",
    "pull",
    "push",
    "resume",
    "run_benchmark",
    "train_experts",
    "write_report",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for, so that decoding processes need not wait for PyTorch."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    """The public names, for completion and `help`; packages that happen to be loaded are not among them."""
    return __all__

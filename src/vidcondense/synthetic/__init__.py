"""Representations: what is learned and stored. One per file; `build` makes the one that a recipe names."""

from vidcondense.base.compute import Compute
from vidcondense.base.extension import member
from vidcondense.coresets.selection import Embed, no_features
from vidcondense.data.store import ClipStore
from vidcondense.recipes.recipe import Recipe
from vidcondense.synthetic.base import Synthetic
from vidcondense.synthetic.every_frame import EveryFrame
from vidcondense.synthetic.key_frames import KeyFrames
from vidcondense.synthetic.static_dynamic import StaticDynamic
from vidcondense.synthetic.stored_frames import StoredFrames

__all__ = [
    "REPRESENTATIONS",
    "EveryFrame",
    "KeyFrames",
    "StaticDynamic",
    "StoredFrames",
    "Synthetic",
    "build",
    "kind",
]

REPRESENTATIONS: dict[str, type[Synthetic]] = {
    "key_frames": KeyFrames,
    "every_frame": EveryFrame,
    "static_dynamic": StaticDynamic,
}


def kind(recipe: Recipe) -> type[Synthetic]:
    """The class that a recipe's [synthetic] table names."""
    return member(REPRESENTATIONS, recipe.synthetic.kind, Synthetic)


def build(recipe: Recipe, store: ClipStore, compute: Compute, embed: Embed = no_features) -> Synthetic:
    """The representation that a recipe's [synthetic] table names, at its start, on the device.

    `embed` gives the features of real clips to a coreset that selects by them.
    """
    return kind(recipe).start(recipe, store, compute, embed)

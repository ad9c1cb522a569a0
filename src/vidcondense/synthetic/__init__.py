"""Representations: what is learned and stored. One per file; `build` makes the one that a recipe names."""

from vidcondense.compute import Compute
from vidcondense.coresets.selection import Embed, no_features
from vidcondense.data.store import ClipStore
from vidcondense.interpolation import segment_starts
from vidcondense.recipe import Recipe
from vidcondense.synthetic.base import Synthetic
from vidcondense.synthetic.every_frame import EveryFrame
from vidcondense.synthetic.key_frames import KeyFrames
from vidcondense.synthetic.start import start_clips
from vidcondense.synthetic.stored_frames import StoredFrames

__all__ = ["EveryFrame", "KeyFrames", "StoredFrames", "Synthetic", "build"]


def build(recipe: Recipe, store: ClipStore, compute: Compute, embed: Embed = no_features) -> Synthetic:
    """The representation that a recipe's [synthetic] table names, at its start, on the device.

    `embed` gives the features of real clips to a coreset that selects by them.
    """
    settings = recipe.synthetic
    clips, labels = start_clips(store, recipe, compute, embed)
    if settings.kind == "every_frame":
        return EveryFrame(clips, labels)
    return KeyFrames(
        clips,
        labels,
        settings.initial_key_frames,
        through=settings.interpolation_gradient == "through",
        interpolation=settings.interpolation,
        segments=segment_starts(store.frames, settings.segments),
    )

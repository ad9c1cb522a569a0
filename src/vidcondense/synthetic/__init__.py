"""Representations: what is learned and stored. One per file; `build` makes the one that a recipe names."""

import torch

from vidcondense import hallucinator
from vidcondense.compute import Compute, generator
from vidcondense.coresets.selection import Embed, no_features
from vidcondense.data.store import ClipStore
from vidcondense.interpolation import segment_starts
from vidcondense.recipe import Recipe
from vidcondense.synthetic.base import Synthetic
from vidcondense.synthetic.every_frame import EveryFrame
from vidcondense.synthetic.key_frames import KeyFrames
from vidcondense.synthetic.start import start_clips, start_memories
from vidcondense.synthetic.static_dynamic import StaticDynamic
from vidcondense.synthetic.stored_frames import StoredFrames

__all__ = ["EveryFrame", "KeyFrames", "StaticDynamic", "StoredFrames", "Synthetic", "build"]


def build(recipe: Recipe, store: ClipStore, compute: Compute, embed: Embed = no_features) -> Synthetic:
    """The representation that a recipe's [synthetic] table names, at its start, on the device.

    `embed` gives the features of real clips to a coreset that selects by them.
    """
    settings = recipe.synthetic
    if settings.kind == "static_dynamic":
        return _static_dynamic(recipe, store, compute)
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


def _static_dynamic(recipe: Recipe, store: ClipStore, compute: Compute) -> StaticDynamic:
    static, dynamic = start_memories(store, recipe, compute)
    weight, bias = hallucinator.initial(generator(recipe.seed, "hallucinator"))
    labels = torch.arange(len(store.class_names)).repeat_interleave(recipe.vpc)
    return StaticDynamic(
        static,
        dynamic,
        (weight.to(compute.device), bias.to(compute.device)),
        labels.to(compute.device),
        learn_static=recipe.synthetic.static_memory == "learned",
    )

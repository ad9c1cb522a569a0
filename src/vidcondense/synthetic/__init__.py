"""Representations: what is learned and stored. One per file; `build` makes the one that a recipe names."""

import torch
from torch import Tensor

from vidcondense.recipe import SyntheticSettings
from vidcondense.synthetic.base import Synthetic
from vidcondense.synthetic.every_frame import EveryFrame
from vidcondense.synthetic.key_frames import KeyFrames

__all__ = ["EveryFrame", "KeyFrames", "Synthetic", "build"]


def build(settings: SyntheticSettings, start: Tensor, labels: Tensor) -> Synthetic:
    """The representation that `settings` name.

    Args:
        settings: a recipe's [synthetic] table.
        start: (video, time, 3, height, width) float32, normalised: noise or real clips.
        labels: (video,) int64, ascending.
    """
    start = start.to(torch.float32)
    if settings.kind == "every_frame":
        return EveryFrame(start, labels)
    through = settings.interpolation_gradient == "through"
    return KeyFrames(start, labels, settings.initial_key_frames, through=through)

"""Every frame is learned and stored (DM, DC, MTT; also what a coreset of real clips is)."""

from typing import Self

import torch
from torch import Tensor

from vidcondense.base.compute import Compute
from vidcondense.coresets.selection import Embed
from vidcondense.data.store import ClipStore
from vidcondense.recipes.recipe import Recipe
from vidcondense.synthetic.start import start_clips
from vidcondense.synthetic.stored_frames import StoredFrames


class EveryFrame(StoredFrames):
    """All T frames of every video are parameters.

    Args:
        values: (video, time, 3, height, width) float32, the start.
        labels: (video,) int64, ascending.
    """

    def __init__(self, values: Tensor, labels: Tensor) -> None:
        super().__init__(values, labels, torch.ones(values.shape[:2], dtype=torch.bool, device=values.device))

    @classmethod
    def start(cls, recipe: Recipe, store: ClipStore, compute: Compute, embed: Embed) -> Self:
        """See Synthetic."""
        return cls(*start_clips(store, recipe, compute, embed))

    def render(self) -> Tensor:
        """The parameters themselves."""
        return self.values.detach()

    def pull_back(self, gradient: Tensor) -> None:
        """The gradient itself."""
        self.values.grad = gradient

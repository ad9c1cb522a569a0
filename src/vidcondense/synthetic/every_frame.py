"""Every frame is learned and stored (DM, DC, MTT; also what a coreset of real clips is)."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from vidcondense.synthetic.start import Start
from vidcondense.synthetic.stored_frames import StoredFrames, StoredFramesSettings


class EveryFrame(StoredFrames):
    """All T frames of every video are parameters.

    Args:
        values: (video, time, 3, height, width) float32, the start.
        labels: (video,) int64, ascending.
    """

    @dataclass(frozen=True, kw_only=True)
    class Settings(StoredFramesSettings):
        kind: str = "every_frame"

    def __init__(self, values: Tensor, labels: Tensor) -> None:
        super().__init__(values, labels, torch.ones(values.shape[:2], dtype=torch.bool, device=values.device))

    @classmethod
    def start(cls, settings: "EveryFrame.Settings", start: Start) -> Self:
        return cls(*start.clips(settings.init))

    def render(self) -> Tensor:
        """The parameters themselves."""
        return self.values.detach()

    def pull_back(self, gradient: Tensor) -> None:
        """The gradient itself."""
        self.values.grad = gradient

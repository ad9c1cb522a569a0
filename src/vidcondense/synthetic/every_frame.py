"""Every frame is learned and stored (DM, DC, MTT; also what a coreset of real clips is)."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from vidcondense.synthetic.start import Start
from vidcondense.synthetic.stored_frames import CodedFramesSettings, StoredFrames


class EveryFrame(StoredFrames):
    """All T frames of every video are parameters.

    Args:
        values: (video, time, 3, height, width) float32, the start.
        labels: (video,) int64, ascending.
        coding: what is done for a file that is coded video.
    """

    @dataclass(frozen=True, kw_only=True)
    class Settings(CodedFramesSettings):
        kind: str = "every_frame"

    def __init__(self, values: Tensor, labels: Tensor, coding: CodedFramesSettings | None = None) -> None:
        every = torch.ones(values.shape[:2], dtype=torch.bool, device=values.device)
        super().__init__(values, labels, every, coding)

    @classmethod
    def start(cls, settings: "EveryFrame.Settings", start: Start) -> Self:
        return cls(*start.clips(settings.init), settings)

    def render(self) -> Tensor:
        """The parameters themselves, as they are seen."""
        return self.seen

    def pull_back(self, gradient: Tensor) -> None:
        """The gradient itself, with that of bits."""
        self.values.grad = self.with_rate(gradient)

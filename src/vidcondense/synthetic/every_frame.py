"""Every frame is learned and stored (DM, DC, MTT; also what a coreset of real clips is)."""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar, Self

import torch
from msgspec import Meta
from torch import Tensor

from vidcondense.synthetic.start import Start
from vidcondense.synthetic.stored_frames import CodedFramesSettings, StoredFrames


class EveryFrame(StoredFrames):
    """All T frames of every video are parameters, or of some videos: the others stay the clips that they are.

    Args:
        values: (video, time, 3, height, width) float32, the start.
        labels: (video,) int64, ascending.
        learned: of each class's videos the share that is learned, in (0, 1], see `last_of_each`.
        coding: what is done for a file that is coded video.
    """

    @dataclass(frozen=True, kw_only=True)
    class Settings(CodedFramesSettings):
        """Every frame is learned, of all videos or of some."""

        learning: ClassVar[tuple[str, ...]] = (*CodedFramesSettings.learning, "learned")
        kind: str = "every_frame"
        learned: Annotated[float, Meta(gt=0, le=1)] = 1.0
        """Share of each class's videos that is learned, the last ones; the others stay real clips."""

        def check(self) -> None:
            super().check()
            self.refuse(
                self.learned < 1 and self.init not in ("real", "herding"),
                f"synthetic.learned = {self.learned:g} leaves clips as they start, and with synthetic.init = "
                f'"{self.init}" these are no real ones: set synthetic.init = "herding" or "real"',
            )

    def __init__(
        self,
        values: Tensor,
        labels: Tensor,
        learned: float = 1.0,
        coding: CodedFramesSettings | None = None,
    ) -> None:
        every = torch.ones(values.shape[:2], dtype=torch.bool, device=values.device)
        super().__init__(values, labels, every, coding)
        self.fixed = ~last_of_each(labels, learned)

    @classmethod
    def start(cls, settings: "EveryFrame.Settings", start: Start) -> Self:
        return cls(*start.clips(settings.init), settings.learned, settings)

    def render(self) -> Tensor:
        """The parameters themselves, as they are seen."""
        return self.seen

    def pull_back(self, gradient: Tensor) -> None:
        """The gradient itself, with that of bits; zero, which moves nothing, of videos that stay real."""
        gradient = self.with_rate(gradient)
        if bool(self.fixed.any()):
            gradient = gradient.masked_fill(self.fixed[:, None, None, None, None], 0)
        self.values.grad = gradient


def last_of_each(labels: Tensor, share: float) -> Tensor:
    """The last videos of each class, a share of them rounded up, at least one: (video,) bool.

    Of clips that herding chose these are the last ones, which make up for what the first lack.

    Args:
        labels: (video,) int64, ascending.
        share: in (0, 1].
    """
    _, counts = labels.unique_consecutive(return_counts=True)
    parts = []
    for count in counts.tolist():
        learned = max(1, math.ceil(round(share * count, 6)))  # 0.07 of 100 are 7, if not as floats
        parts.append(torch.arange(count) >= count - learned)
    return torch.cat(parts).to(labels.device)

"""Key frames and interpolation between them (PRISM section 3.1, DFS section 3.1; Wang et al.'s segments)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import torch
from torch import Tensor

from vidcondense.base.settings import Positive
from vidcondense.condensed import KeyFrameVideos
from vidcondense.condensed.interpolation import (
    Interpolation,
    adjacent_keys,
    check_shared,
    evenly_spread,
    interpolation_weights,
    segment_starts,
)
from vidcondense.synthetic.start import Start
from vidcondense.synthetic.stored_frames import CodedFramesSettings, StoredFrames


class KeyFrames(StoredFrames):
    """A few frames per video are parameters; the others are interpolated.

    All T frames have a place in `values`, with a mask of the key frames, so that rendering and its transpose
    are one batched product and an optimiser's state keeps its shape when a frame is inserted. Only key frames
    get gradients, so the momentum of a frame is zero until it is inserted.

    Args:
        values: (video, time, 3, height, width) float32, the start.
        labels: (video,) int64, ascending.
        initial: key frames to start with, a multiple of the number of segments; see `evenly_spread`.
        through: whether interpolated frames pass their gradient to their key frames ("through") or are held
            fixed ("detached", PRISM section 3.4).
        interpolation: the algorithm, see `interpolation.taps`.
        segments: the first time of each segment; interpolation never looks across their borders.
        coding: what is done for a file that is coded video.

    Attributes:
        initial: the key frames that each video started with.
    """

    @dataclass(frozen=True, kw_only=True)
    class Settings(CodedFramesSettings):
        """Key frames with interpolation between (PRISM)."""

        learning: ClassVar[tuple[str, ...]] = (*CodedFramesSettings.learning, "interpolation_gradient")
        interpolates: ClassVar[bool] = True
        kind: str = "key_frames"
        initial_key_frames: Positive = 2
        """N_syn per video, evenly spread over each segment with both ends (PRISM Table 4); 1: the middle."""
        interpolation_gradient: Literal["detached", "through"] = "detached"
        """detached: interpolated frames are held fixed; through: their key frames get their gradient."""

        def check(self) -> None:
            super().check()
            check_shared("synthetic.initial_key_frames", self.initial_key_frames, self.segments)

        def refuses_insertion(self) -> str:
            if self.interpolation == "linear":
                return ""
            return (
                f"with synthetic.interpolation = {self.interpolation!r} a new key frame would change the "
                "frames around it"
            )

    def __init__(
        self,
        values: Tensor,
        labels: Tensor,
        initial: int = 2,
        *,
        through: bool = False,
        interpolation: Interpolation = "linear",
        segments: Sequence[int] = (0,),
        coding: CodedFramesSettings | None = None,
    ) -> None:
        is_key = torch.zeros(values.shape[:2], dtype=torch.bool, device=values.device)
        is_key[:, evenly_spread(values.shape[1], initial, segments)] = True
        super().__init__(values, labels, is_key, coding)
        self.initial = int(is_key[:1].sum())
        self.through = through
        self.interpolation: Interpolation = interpolation
        self.segments = tuple(segments)

    @classmethod
    def start(cls, settings: "KeyFrames.Settings", start: Start) -> Self:
        return cls(
            *start.clips(settings.init),
            settings.initial_key_frames,
            through=settings.interpolation_gradient == "through",
            interpolation=settings.interpolation,
            segments=segment_starts(start.store.frames, settings.segments),
            coding=settings,
        )

    def render(self) -> Tensor:
        """Key frames in their places, interpolations between: (video, time, 3, height, width) float32."""
        stored = self.seen
        return torch.bmm(self._weights(), stored.flatten(2)).view_as(stored)

    @torch.no_grad()
    def pull_back(self, gradient: Tensor) -> None:
        """Keep the key frames' own gradients; with "through", add what their interpolations pass on."""
        own = self.passed_on(gradient) if self.through else gradient * self.is_key[:, :, None, None, None]
        self.values.grad = self.with_rate(own)

    def passed_on(self, gradient: Tensor) -> Tensor:
        """The gradient of the rendered clips as what is stored gets it through interpolation, same shape."""
        return torch.bmm(self._weights().mT, gradient.flatten(2)).view_as(gradient)

    def adjacent_keys(self) -> tuple[Tensor, Tensor]:
        """The key frames that each frame lies between, see `interpolation.adjacent_keys`."""
        return adjacent_keys(self.is_key, self.segments)

    @torch.no_grad()
    def insert(self, chosen: Tensor) -> None:
        """Make frames key frames; each starts as its interpolation.

        With linear interpolation the rendered clips do not change. With the others the frames around a new
        key frame would (nearest: it takes over some of them; smooth: the slopes), so recipes refuse them.

        Args:
            chosen: (video, time) bool.
        """
        new = chosen & ~self.is_key
        self.values[new] = self.render()[new]
        if self.lost is not None:
            self.lost[new] = 0
        self.is_key |= new

    def droppable(self) -> Tensor:
        """Key frames between two others of their segment, (video, time) bool."""
        inside = torch.zeros_like(self.is_key)
        for first, end in zip(self.segments, [*self.segments[1:], self.is_key.shape[1]], strict=True):
            keys = self.is_key[:, first:end]
            number = keys.cumsum(1)
            inside[:, first:end] = keys & (number > 1) & (number < number[:, -1:])
        return inside

    def bridged(self) -> Tensor:
        """Each frame that is `droppable` as linear interpolation of its neighbours makes it, alone dropped.

        Returns:
            (video, time, 3, height, width) float32; the other frames as they are rendered.
        """
        left, right = self.adjacent_keys()
        videos, times = self.droppable().nonzero(as_tuple=True)
        before, after = left[videos, times - 1], right[videos, times + 1]
        share = (after - times) / (after - before)
        weights = self._weights()
        weights[videos, times, times] = 0
        weights[videos, times, before] = share
        weights[videos, times, after] = 1 - share
        stored = self.seen
        return torch.bmm(weights, stored.flatten(2)).view_as(stored)

    def drop(self, chosen: Tensor) -> None:
        """Make key frames interpolated again; those chosen, (video, time) bool, must be `droppable`."""
        self.is_key &= ~chosen

    def condensed(self, **about: Any) -> KeyFrameVideos:
        """See StoredFrames; and how the others are interpolated."""
        return super().condensed(interpolation=self.interpolation, segments=self.segments, **about)

    def _weights(self) -> Tensor:
        return interpolation_weights(self.is_key, self.interpolation, self.segments)

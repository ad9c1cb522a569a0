"""Key frames and displacement fields that move them, in place of cross-fades (ours)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Self

import torch
from msgspec import Meta
from torch import Tensor

from vidcondense.base.settings import Positive, StepSize
from vidcondense.condensed import DisplacedVideos
from vidcondense.condensed.displacement import displaced, parts
from vidcondense.condensed.interpolation import evenly_spread
from vidcondense.synthetic.base import Synthetic, SyntheticSettings
from vidcondense.synthetic.registration import register
from vidcondense.synthetic.start import Start

# Videos that are warped at once: bounds the memory of their frames, before and after.
CHUNK = 64


class Displaced(Synthetic):
    """Key frames, and for each other frame a coarse field that says where its pixels come from.

    A frame between two key frames is the cross-fade of both after each was warped by a field of its own; one
    before the first or after the last is that one warped. The set starts as real clips, of which key frames
    are kept, and the fields that bring them nearest to the other frames are found by registration.

    Args:
        keys: (video, key frame, 3, height, width) float32.
        fields: (video, part, 2, nodes, nodes) float32, see `displacement`.
        positions: times of the key frames, the same in all videos.
        frames: T.
        labels: (video,) int64, ascending.
    """

    @dataclass(frozen=True, kw_only=True)
    class Settings(SyntheticSettings):
        """Key frames that are moved by coarse displacement fields (ours)."""

        rates: ClassVar[Mapping[str, str]] = {"fields": "fields_learning_rate"}
        kind: str = "displaced"
        init: Literal["real", "herding"] = "real"
        """The clips to start from: randomly chosen, or nearest to the mean of their class."""
        initial_key_frames: Positive = 1
        """Key frames per video, evenly spread with both ends; 1: the middle."""
        nodes: Annotated[int, Meta(ge=2, le=64)] = 4
        """Rows and columns of a displacement field."""
        fields_learning_rate: StepSize = 1e-3
        """Step size of the fields, in widths of the picture."""

        def refuses_coreset(self) -> str:
            return "a coreset keeps real clips as they are, which a few moved frames cannot"

        def refuses_insertion(self) -> str:
            return "with displaced a new key frame would need displacement fields of its own"

    def __init__(
        self, keys: Tensor, fields: Tensor, positions: Sequence[int], frames: int, labels: Tensor
    ) -> None:
        self.keys, self.fields = keys.requires_grad_(), fields.requires_grad_()
        self.positions, self.frames, self.labels = list(positions), frames, labels

    @classmethod
    def start(cls, settings: "Displaced.Settings", start: Start) -> Self:
        clips, labels = start.clips(settings.init)
        frames = clips.shape[1]
        times = evenly_spread(frames, min(settings.initial_key_frames, frames))
        found = parts(times.tolist(), frames, clips.device)
        fields = [register(some, times, found, settings.nodes) for some in clips.split(CHUNK)]
        return cls(clips[:, times].contiguous(), torch.cat(fields), times.tolist(), frames, labels)

    @property
    def parameters(self) -> dict[str, Tensor]:
        """Key frames and fields."""
        return {"frames": self.keys, "fields": self.fields}

    @torch.no_grad()
    def render(self) -> Tensor:
        parts = zip(self.keys.split(CHUNK), self.fields.split(CHUNK), strict=True)
        return torch.cat([self._displaced(*part) for part in parts])

    def pull_back(self, gradient: Tensor) -> None:
        """See Synthetic; key frames get what all frames that are made of them pass on."""
        found: list[tuple[Tensor, ...]] = []
        for *values, wanted in zip(
            *(one.split(CHUNK) for one in (self.keys, self.fields, gradient)), strict=True
        ):
            leaves = [value.detach().requires_grad_() for value in values]
            found.append(torch.autograd.grad(self._displaced(*leaves), leaves, wanted))
        self.keys.grad, self.fields.grad = (torch.cat(one) for one in zip(*found, strict=True))

    def _displaced(self, keys: Tensor, fields: Tensor) -> Tensor:
        return displaced(keys, fields, self.positions, self.frames)

    def condensed(self, **about: Any) -> DisplacedVideos:
        """See Synthetic."""
        videos, times = len(self.keys), torch.tensor(self.positions)
        return DisplacedVideos(
            key_frames=self.keys.detach().flatten(0, 1).cpu(),
            positions=times.repeat(videos),
            counts=torch.full((videos,), len(times)),
            fields=self.fields.detach().flatten(0, 1).cpu(),
            **about,
        )

    @property
    def stored_values(self) -> int:
        """Those of key frames and fields."""
        return self.keys.numel() + self.fields.numel()

    @property
    def key_frames(self) -> int:
        """The number of key frames of all videos."""
        return self.keys.shape[0] * self.keys.shape[1]

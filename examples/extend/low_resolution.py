"""A representation of your own: small frames are learned, and enlarged before networks see them."""

from dataclasses import dataclass
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor

from vidcondense.base.settings import Positive
from vidcondense.condensed import KeyFrameVideos
from vidcondense.synthetic import Start, Synthetic
from vidcondense.synthetic.stored_frames import StoredFramesSettings


class LowResolution(Synthetic):
    """Every frame at a fraction of its height and width; fewer numbers to learn, and no fine noise.

    The artifact holds the enlarged frames, so that every reader can show it: this is a way to learn, not to
    save bytes. One that saves them needs a kind of artifact that readers know (docs/extend.md).

    Args:
        small: (video, time, 3, height, width) float32, the start.
        labels: (video,) int64, ascending.
        size: height and width of the clips that networks see.
    """

    @dataclass(frozen=True, kw_only=True)
    class Settings(StoredFramesSettings):
        """What a recipe can set under [synthetic]."""

        reduction: Positive = 2
        """Frames are learned at this fraction of their height and width."""

    def __init__(self, small: Tensor, labels: Tensor, size: int) -> None:
        self.small, self.labels, self.size = small.requires_grad_(), labels, size

    @classmethod
    def start(cls, settings: "LowResolution.Settings", start: Start) -> Self:
        """The clips that the recipe starts from, reduced."""
        clips, labels = start.clips(settings.init)
        return cls(resized(clips, start.store.size // settings.reduction), labels, start.store.size)

    @property
    def parameters(self) -> dict[str, Tensor]:
        """The small frames; "frames" have the recipe's `optimiser.learning_rate`."""
        return {"frames": self.small}

    def render(self) -> Tensor:
        """The frames enlarged."""
        return resized(self.small.detach(), self.size)

    def pull_back(self, gradient: Tensor) -> None:
        """Back through the enlargement."""
        (self.small.grad,) = torch.autograd.grad(resized(self.small, self.size), self.small, gradient)

    def condensed(self, **about: Any) -> KeyFrameVideos:
        """Every frame, as rendered."""
        clips = self.render().cpu()
        videos, frames = clips.shape[:2]
        return KeyFrameVideos(
            key_frames=clips.flatten(0, 1),
            positions=torch.arange(frames).repeat(videos),
            counts=torch.full((videos,), frames),
            **about,
        )

    @property
    def stored_values(self) -> int:
        """The values of the artifact."""
        return self.key_frames * 3 * self.size**2

    @property
    def key_frames(self) -> int:
        """The number of frames."""
        return self.small.shape[0] * self.small.shape[1]


def resized(clips: Tensor, size: int) -> Tensor:
    """Clips (video, time, 3, height, width) with another height and width."""
    frames = F.interpolate(clips.flatten(0, 1), size=size, mode="bilinear", antialias=True)
    resized_clips: Tensor = frames.unflatten(0, clips.shape[:2])
    return resized_clips

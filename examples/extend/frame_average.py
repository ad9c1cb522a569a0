"""A network of your own: two convolutions on every frame, averaged over the clip. It is blind to order."""

import torch.nn.functional as F
from torch import Tensor, nn

from vidcondense.networks.base import VideoNetwork

CHANNELS = 32


class FrameAverage(VideoNetwork):
    """Scores that do not change when the frames of a clip change places: `logit` of what `embed` gives.

    Args:
        classes: number of classes.
        frames: T of the clips.
        size: height and width of the clips in pixels.
    """

    def __init__(self, classes: int, frames: int, size: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, CHANNELS, 5, stride=2, padding=2)
        self.second = nn.Conv2d(CHANNELS, CHANNELS, 5, stride=2, padding=2)
        self.logit = nn.Linear(CHANNELS, classes)
        self.widest_activation = CHANNELS * frames * (size // 2) ** 2

    def embed(self, clips: Tensor) -> Tensor:
        """Clips (video, time, 3, height, width) to features (video, feature)."""
        return _mean(F.relu(self.second(self._early(clips))), len(clips))

    def levels(self, clips: Tensor) -> list[Tensor]:
        """The features, and the mean of the first convolution's; `objective.layers = "all"` needs it."""
        early = self._early(clips)
        return [_mean(F.relu(self.second(early)), len(clips)), _mean(early, len(clips))]

    def _early(self, clips: Tensor) -> Tensor:
        return F.relu(self.first(clips.flatten(0, 1)))


def _mean(x: Tensor, videos: int) -> Tensor:
    """(video x time, channel, height, width) averaged over places, then over time: (video, channel)."""
    of_frames: Tensor = x.mean((2, 3)).unflatten(0, (videos, -1))
    return of_frames.mean(1)

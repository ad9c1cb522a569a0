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
        x = F.relu(self.first(clips.flatten(0, 1)))
        x = F.relu(self.second(x)).mean((2, 3))
        features: Tensor = x.unflatten(0, clips.shape[:2]).mean(1)
        return features

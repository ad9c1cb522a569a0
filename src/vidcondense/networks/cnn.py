"""A 2D convolutional network on every frame and a head over time (the cross-architecture networks)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidcondense.networks.base import VideoNetwork, centre_crop, need_pixels, pooled
from vidcondense.networks.cpu import group_norm
from vidcondense.networks.heads import Head

WIDTH = 128
CROP = 64
SMALLEST_SIZE = 8


class CNN(VideoNetwork):
    """Three 2D convolutions per frame, a head over time, a linear classifier.

    As in the cross-architecture tables of Wang et al. (2024), PRISM and DFS: per stage a convolution 3x3 to
    128 channels, instance normalisation with scale and shift, ReLU and average pooling by 2. A frame has
    128 (size / 8)^2 features, 8192 at 64 pixels. Frames larger than 64 pixels are cropped to the middle
    64 here, as the published training loop does for 112; smaller ones are taken as they are.

    Args:
        head: which head over time; the embedding has its width.
        classes: number of classes.
        frames: T of the clips.
        size: height and width of the clips in pixels.

    Raises:
        VidcondenseError: clips too small.
    """

    def __init__(self, head: type[Head], classes: int, frames: int, size: int) -> None:
        super().__init__()
        need_pixels("the cnn networks need", SMALLEST_SIZE, size)
        self.size = min(size, CROP)
        self.stages = nn.Sequential(Stage(3), Stage(WIDTH), Stage(WIDTH))
        self.head = head(WIDTH * (self.size // 8) ** 2, frames)
        self.logit = nn.Linear(self.head.width, classes)
        self.widest_activation = WIDTH * frames * self.size**2

    def embed(self, clips: Tensor) -> Tensor:
        features: Tensor = self.head(_of_frames(self.stages(self._frames(clips)), len(clips)))
        return features

    def levels(self, clips: Tensor) -> list[Tensor]:
        x, means = self._frames(clips), []
        for stage in self.stages:
            x = stage(x)
            means.append(_of_frames(pooled(x), len(clips)).mean(1))
        return [self.head(_of_frames(x, len(clips))), *means]

    def _frames(self, clips: Tensor) -> Tensor:
        """(video x time, 3, height, width) channels-last."""
        return centre_crop(clips, self.size).flatten(0, 1).contiguous(memory_format=torch.channels_last)


class Stage(nn.Module):
    """Convolution, instance normalisation, ReLU, pooling; frames (frame, channel, height, width) to half."""

    def __init__(self, channels_in: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels_in, WIDTH, 3, padding=1)
        self.norm = nn.GroupNorm(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return F.avg_pool2d(F.relu(group_norm(self.norm, self.convolution(x))), 2)


def _of_frames(x: Tensor, videos: int) -> Tensor:
    """(video x time, ...) as (video, time, feature)."""
    frames: Tensor = x.flatten(1).unflatten(0, (videos, -1))
    return frames

"""R(2+1)D-18: a residual network whose 3D convolutions are split into space and time."""

import typing

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidcondense.networks.base import VideoNetwork, need_pixels, pooled

SMALLEST_SIZE = 32
MOST_GROUPS = 32


class R2Plus1D18(VideoNetwork):
    """R(2+1)D with 18 layers (Tran et al. 2018, "A Closer Look at Spatiotemporal Convolutions", table 1).

    31,505,325 parameters for 400 classes, 31.5 M as published; 512 features.

    Normalisation is GroupNorm (Wu and He 2018) where the original has BatchNorm, with as many parameters.
    Statistics over the 20 to 50 clips of a condensed set would be noise, the running averages of a short
    training worse, and both would depend on how a batch is cut into pieces. Statistics within a clip
    are the same in training and testing.

    Args:
        classes: number of classes.
        frames: T of the clips; any.
        size: height and width of the clips in pixels.

    Raises:
        VidcondenseError: clips too small.
    """

    def __init__(self, classes: int, frames: int, size: int) -> None:
        super().__init__()
        need_pixels("r2plus1d_18 needs", SMALLEST_SIZE, size)
        self.stem = Factorised(3, 45, 64, kernel=7, strides=(2, 1))
        blocks, channels = [], 64
        for width, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
            blocks += [Block(channels, width, stride), Block(width, width, 1)]
            channels = width
        self.blocks = nn.Sequential(*blocks)
        self.logit = nn.Linear(channels, classes)
        # Between space and time in the first blocks, at half the size.
        self.widest_activation = blocks[0].first.norm.num_channels * frames * ((size + 1) // 2) ** 2

    def embed(self, clips: Tensor) -> Tensor:
        x = clips.transpose(1, 2).contiguous(memory_format=torch.channels_last_3d)
        features: Tensor = self.blocks(F.relu(self.stem(x)))
        return features.mean((2, 3, 4))

    def levels(self, clips: Tensor) -> list[Tensor]:
        x = clips.transpose(1, 2).contiguous(memory_format=torch.channels_last_3d)
        x = F.relu(self.stem(x))
        means = [pooled(x)]
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number % 2:  # the second of its width
                means.append(pooled(x))
        return [x.mean((2, 3, 4)), *means[:-1]]


class Block(nn.Module):
    """Two factorised convolutions and a shortcut; `stride` is that of the first, in time and space."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        # As many parameters as the 3x3x3 convolution that the first one stands for (section 3.5).
        between = 27 * channels_in * channels // (9 * channels_in + 3 * channels)
        self.first = Factorised(channels_in, between, channels, strides=(stride, stride))
        self.second = Factorised(channels, between, channels)
        self.stride = stride
        if stride > 1:
            self.shortcut = nn.Conv2d(channels_in, channels, 1, bias=False)
            self.norm = _normalisation(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(video, channel, time, height, width) in and out."""
        y: Tensor = self.second(F.relu(self.first(x)))
        if self.stride > 1:
            x = x[:, :, :: self.stride, :: self.stride, :: self.stride]
            x = self.norm(_over_time(self.shortcut(_frames(x)), len(x))).view(y.shape)
        return F.relu(y + x)


class Factorised(nn.Module):
    """Convolution in space, normalisation, ReLU, convolution in time, normalisation.

    Both are 2D convolutions on views, time x (height width) being a picture to the second. The results are
    those of 3D convolutions with kernels 1xkxk and 3x1x1; on a CPU they come sooner, and the gradients of
    bfloat16 weights are right, which those of 3D convolutions are not for few steps (see minic3d.py).
    """

    def __init__(
        self,
        channels_in: int,
        between: int,
        channels: int,
        *,
        kernel: int = 3,
        strides: tuple[int, int] = (1, 1),
    ) -> None:
        super().__init__()
        in_space, in_time = strides
        self.space = nn.Conv2d(channels_in, between, kernel, in_space, kernel // 2, bias=False)
        self.norm = _normalisation(between)
        self.time = nn.Conv2d(between, channels, (3, 1), (in_time, 1), (1, 0), bias=False)
        self.norm_out = _normalisation(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(video, channel, time, height, width) in and out, channels-last."""
        spatial = self.space(_frames(x))
        y = F.relu(self.norm(_over_time(spatial, len(x))))
        y = self.norm_out(self.time(y))
        return typing.cast(Tensor, y.unflatten(3, spatial.shape[2:]))


def _frames(x: Tensor) -> Tensor:
    """(video, channel, time, height, width) as frames (video time, channel, height, width)."""
    return x.transpose(1, 2).flatten(0, 1)


def _over_time(frames: Tensor, videos: int) -> Tensor:
    """Frames (video time, channel, height, width) as (video, channel, time, height width)."""
    clips: Tensor = frames.unflatten(0, (videos, -1))
    return clips.transpose(1, 2).flatten(3)


def _normalisation(channels: int) -> nn.GroupNorm:
    groups = max(number for number in range(1, MOST_GROUPS + 1) if channels % number == 0)
    return nn.GroupNorm(groups, channels)

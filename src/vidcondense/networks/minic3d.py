"""miniC3D: three 3D convolutions and a 1x1x1 classifier (the backbone of PRISM, DFS and Wang et al.)."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from vidcondense.base.errors import VidcondenseError
from vidcondense.networks.base import VideoNetwork, last, pooled
from vidcondense.networks.cpu import average_pool, stage

SMALLEST_FRAMES = 4
SMALLEST_SIZE = 32


class MiniC3D(VideoNetwork):
    """ConvNet3D, 3,641,216 + 129 x classes parameters.

    Each stage is a convolution (kernel 3x7x7, stride 1x2x2), ReLU and max pooling; the first pools in space
    only. The embedding is the flattened last stage: 2048 values at 16x112x112, 256 at 8x64x64. The head
    averages over space and two neighbouring time steps, and takes the largest score over the time steps left.
    Pooling adapts to the shape, so that every clip of at least 4 frames and 32 pixels works.

    Args:
        classes: number of classes.
        frames: T of the clips.
        size: height and width of the clips in pixels.

    Raises:
        VidcondenseError: clips too short or too small.
    """

    logit: nn.Conv3d

    def __init__(self, classes: int, frames: int, size: int) -> None:
        super().__init__()
        if frames < SMALLEST_FRAMES or size < SMALLEST_SIZE:
            raise VidcondenseError(
                f"minic3d needs at least {SMALLEST_FRAMES} frames of {SMALLEST_SIZE} pixels, "
                f"not {frames} of {size}; prepare a store with more"
            )
        self.conv1 = _convolution(3, 64)
        self.conv2 = _convolution(64, 128)
        self.conv3 = _convolution(128, 128)
        self.dropout = nn.Dropout(0.5)
        self.logit = nn.Conv3d(128, classes, 1)
        self.widest_activation = 64 * frames * (size // 2) ** 2  # of the first convolution

    def embed(self, clips: Tensor) -> Tensor:
        return last(self._stages(clips)).flatten(1)

    def levels(self, clips: Tensor) -> list[Tensor]:
        means = []
        for x in self._stages(clips):
            means.append(pooled(x))
        return [x.flatten(1), *means]

    def forward(self, clips: Tensor) -> Tensor:
        x = last(self._stages(clips))
        window = (min(2, x.shape[2]), x.shape[3], x.shape[4])
        scores: Tensor = self.logit(self.dropout(average_pool(x, window).to(self.logit.weight.dtype)))
        return scores.flatten(2).amax(2)

    def _stages(self, clips: Tensor) -> Iterator[Tensor]:
        x = clips.transpose(1, 2).contiguous(memory_format=torch.channels_last_3d)
        for layer, window in ((self.conv1, (1, 2, 2)), (self.conv2, (2, 2, 2)), (self.conv3, (2, 2, 2))):
            x = stage(layer, x, window)
            yield x


def _convolution(channels_in: int, channels_out: int) -> nn.Conv3d:
    return nn.Conv3d(channels_in, channels_out, (3, 7, 7), stride=(1, 2, 2), padding=(1, 3, 3))

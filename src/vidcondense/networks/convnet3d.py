"""ConvNet3D: a small normalised network that is shown what moves beside what is there."""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidcondense.base.errors import VidcondenseError
from vidcondense.networks.base import VideoNetwork, need_pixels

SMALLEST_SIZE = 8
WIDTHS = (32, 64, 128, 256)
STRIDES = ((1, 2, 2), (1, 2, 2), (2, 2, 2), (2, 2, 2))
GRID = 2
STILL = 1e-4  # of the variance of a difference: quieter clips are noise, and stay quiet
EPSILON = 1e-5


class ConvNet3D(VideoNetwork):
    """Four convolutions with instance normalisation and ReLU on frames and their differences.

    Two things set it apart from miniC3D. It normalises by statistics of one clip, as the ConvNet of image
    condensation does (Zhao et al. 2021, "Dataset Condensation with Gradient Matching"), but for the last
    convolution, of which little may be left. And beside the frames it is shown what changes from each to the
    next (Wang et al. 2016, "Temporal Segment Networks", section 3.2), divided by the clip's root mean square
    of that, so that faint motion counts as much as strong. The embedding is the mean over time and over each
    quarter of the picture, 1,024 features; the classifier normalises them.

    Args:
        classes: number of classes.
        frames: T of the clips, at least 2.
        size: height and width of the clips in pixels.

    Raises:
        VidcondenseError: clips too short or too small.
    """

    relative_step: ClassVar[float] = 3.0

    def __init__(self, classes: int, frames: int, size: int) -> None:
        super().__init__()
        need_pixels("convnet3d needs", SMALLEST_SIZE, size)
        if frames < 2:
            raise VidcondenseError("convnet3d needs at least 2 frames, not 1; prepare a store with more")
        channels, kernels = (6, *WIDTHS[:-1]), (5, 3, 3, 3)
        self.convolutions = nn.ModuleList(
            nn.Conv3d(before, after, (3, side, side), stride, (1, side // 2, side // 2), bias=False)
            for before, after, stride, side in zip(channels, WIDTHS, STRIDES, kernels, strict=True)
        )
        self.norms = nn.ModuleList(InstanceNorm(width) for width in WIDTHS[:-1])
        features = WIDTHS[-1] * GRID**2
        self.norm = nn.LayerNorm(features)
        self.dropout = nn.Dropout(0.3)
        self.logit = nn.Linear(features, classes)
        self.widest_activation = WIDTHS[0] * frames * ((size + 1) // 2) ** 2

    def embed(self, clips: Tensor) -> Tensor:
        shown = torch.cat([clips, differences(clips)], 2)
        x = shown.transpose(1, 2).contiguous(memory_format=torch.channels_last_3d)
        for convolution, norm in zip(self.convolutions, (*self.norms, nn.Identity()), strict=True):
            x = F.relu(norm(convolution(x)))
        return F.adaptive_avg_pool2d(exact(x).mean(2), GRID).flatten(1).to(self.norm.weight.dtype)

    def forward(self, clips: Tensor) -> Tensor:
        scores: Tensor = self.logit(self.dropout(self.norm(self.embed(clips))))
        return scores


class InstanceNorm(nn.Module):
    """Each channel of a clip to mean 0 and deviation 1, then scaled and shifted.

    PyTorch's group_norm with a group per channel, in channels-last memory, which its kernel is slow in.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.affine = nn.GroupNorm(channels, channels)  # has the parameters, and is known to `initialise`

    def forward(self, x: Tensor) -> Tensor:
        """(video, channel, time, height, width) in and out, channels-last."""
        y = x.movedim(1, -1)
        flat = y.flatten(1, 3)
        values = exact(flat)
        mean = values.mean(1, keepdim=True)
        variance = values.square().mean(1, keepdim=True) - mean.square()  # var_mean takes nine times as long
        scale = self.affine.weight * (variance.clamp_min(0) + EPSILON).rsqrt()
        shifted = torch.addcmul((self.affine.bias - mean * scale).to(flat), flat, scale.to(flat))
        return shifted.view(y.shape).movedim(-1, 1)


def exact(x: Tensor) -> Tensor:
    """In float32 at least, which sums over a clip need."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def differences(clips: Tensor) -> Tensor:
    """What changes from each frame to the next, the last change twice, on each clip's own scale.

    (video, time, 3, height, width) in and out.
    """
    changes = clips[:, 1:] - clips[:, :-1]
    changes = torch.cat([changes, changes[:, -1:]], 1)
    power = exact(changes).square().mean((1, 2, 3, 4), keepdim=True)
    return changes / (power + STILL).sqrt().to(changes)

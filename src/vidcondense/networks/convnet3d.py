"""ConvNet3D: a small normalised network that is shown what moves beside what is there."""

import math
from collections.abc import Iterator
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidcondense.base.errors import VidcondenseError
from vidcondense.networks.base import VideoNetwork, last, need_pixels, pooled

SMALLEST_SIZE = 8
WIDTHS = (32, 64, 128, 256)
STRIDES = ((1, 2, 2), (1, 2, 2), (2, 2, 2), (2, 2, 2))
GRID = 2
STILL = 1e-4  # of the variance of a difference: quieter clips are noise, and stay quiet
EPSILON = 1e-5
PIECE = 64


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
        return self._quarters(last(self._stages(clips)))

    def levels(self, clips: Tensor) -> list[Tensor]:
        means = []
        for x in self._stages(clips):
            means.append(pooled(x))
        return [self._quarters(x), *means]

    def forward(self, clips: Tensor) -> Tensor:
        scores: Tensor = self.logit(self.dropout(self.norm(self.embed(clips))))
        return scores

    def _stages(self, clips: Tensor) -> Iterator[Tensor]:
        shown = torch.cat([clips, differences(clips)], 2)
        x = shown.transpose(1, 2).contiguous(memory_format=torch.channels_last_3d)
        for convolution, norm in zip(self.convolutions, (*self.norms, nn.Identity()), strict=True):
            x = F.relu(norm(convolution(x)))
            yield x

    def _quarters(self, x: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(exact(x).mean(2), GRID).flatten(1).to(self.norm.weight.dtype)


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
        weight, bias = self.affine.weight, self.affine.bias
        made: Tensor = _Normalise.apply(y.flatten(1, 3), weight, bias)  # type: ignore[no-untyped-call]
        return made.view(y.shape).movedim(-1, 1)


class _Normalise(torch.autograd.Function):
    """Instance normalisation of (video, place, channel), with its gradient by hand.

    PyTorch's own would write a dozen arrays of this size; this writes two. The gradient is made of operators
    that are differentiable themselves, which objectives on gradients need.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        mean, inverse = _statistics(x)
        scale = weight * inverse
        return torch.addcmul((bias - mean * scale).to(x), x, scale.to(x))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        mean, inverse = _statistics(x)
        both = _sum(gradient)
        along = inverse * (_sum(gradient * x) - mean * both)  # of the gradient with normalised x
        scale, places = weight * inverse, x.shape[1]
        slope = -scale * inverse * along / places
        offset = -scale * both / places - slope * mean
        inner = torch.addcmul(offset.to(x), x, slope.to(x))
        ours = torch.addcmul(inner, gradient, scale.to(x))
        return ours, along.sum((0, 1)).to(weight), both.sum((0, 1)).to(weight)


def _statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean, and one over the deviation, of each channel over the places of a clip: (video, 1, channel)."""
    mean = _sum(x) / x.shape[1]
    variance = _sum(x * x) / x.shape[1] - mean * mean  # var_mean takes nine times as long
    return mean, (variance.clamp_min(0) + EPSILON).rsqrt()


def _sum(x: Tensor) -> Tensor:
    """Sums over places, float32 at least: (video, 1, channel) of (video, place, channel).

    Of up to `PIECE` places at a time in the type of x, whose sums are rounded once each: a fifth of the time
    of a sum in float32.
    """
    piece = math.gcd(x.shape[1], PIECE)
    return exact(x.unflatten(1, (-1, piece)).sum(2)).sum(1, keepdim=True)


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

"""Operators that a CPU does slowly, or not at all, as PyTorch has them; equal but for rounding.

Convolutions are rewritten by identities, all exact in real arithmetic, that oneDNN (PyTorch's library on a
CPU) does not use: Winograd's short convolutions in space and time, compiled (winograd/), in float32; along
time alone; and pairs of columns as channels (space to depth along one side).
"""

import typing

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidcondense.networks import winograd

FEWEST_STEPS, FEWEST_ROWS = 4, 16
"""Below, Winograd's convolution gains nothing: at the ends of a clip two of three steps count, and
transforming the kernel costs as much as it saves on few pixels (as measured; docs/performance.md)."""


def convolve(layer: nn.Conv3d, x: Tensor) -> Tensor:
    """`layer(x)` for x (video, channel, time, height, width) channels-last; see the module for how.

    In float32 where a CPU would get the weights' bfloat16 gradient wrong: oneDNN reads memory that it never
    wrote when an input has fewer than 3 steps or rows, and the gradient holds NaN or garbage, without any
    error (seen with PyTorch 2.13; tests/networks/test_minic3d.py watches it).
    """
    if x.device.type != "cpu":
        return typing.cast(Tensor, layer(x))
    if layer.weight.requires_grad and min(x.shape[2:]) < 3:
        return _in_float32(layer, x)
    if winograd.fits(layer, x):
        return winograd.convolve(layer, x)
    if layer.stride[2] == 2 and layer.in_channels < 8:
        return column_pairs(layer, x)
    large = x.shape[2] >= FEWEST_STEPS and x.shape[3] >= FEWEST_ROWS
    if large and layer.kernel_size[0] == 3 and layer.stride[0] == 1:
        return winograd_in_time(layer, x)
    return typing.cast(Tensor, layer(x))


def stage(layer: nn.Conv3d, x: Tensor, window: tuple[int, int, int]) -> Tensor:
    """ReLU of `max_pool` of `convolve`, in one where that saves writing what pooling throws away."""
    if window == (1, 2, 2) and layer.in_channels == 3 and winograd.fits(layer, x):
        wanted = x.requires_grad or layer.weight.requires_grad
        if not (wanted and torch.is_grad_enabled()):
            return winograd.convolve_and_pool(layer, x)
    # ReLU after pooling: the same values (both are monotonic) on fewer elements.
    return F.relu(max_pool(convolve(layer, x), window))


def column_pairs(layer: nn.Conv3d, x: Tensor) -> Tensor:
    """`layer(x)` with every two columns of x as one column of twice the channels.

    Matrix units multiply channels in twos at least, and 3 of them badly. In channels-last memory two columns
    are one already. The kernel gets a column of zeros, so that it too falls into pairs.

    Args:
        layer: stride 2 and an odd kernel along the width, "same" padding there.
        x: (video, channel, time, height, width).
    """
    half = layer.kernel_size[2] // 2
    before, after = half % 2, 1 - half % 2  # of the kernel, so that its pairs begin at an even column
    pixels = x.movedim(1, -1)
    padded = F.pad(pixels, (0, 0, half + before, half - 1 + after + x.shape[4] % 2))
    pairs = padded.reshape(*padded.shape[:3], padded.shape[3] // 2, 2 * layer.in_channels).movedim(-1, 1)
    kernel = F.pad(layer.weight, (before, after)).unflatten(4, (-1, 2))
    kernel = kernel.movedim(5, 1).flatten(1, 2).contiguous(memory_format=torch.channels_last_3d)
    time, rows = layer.stride[:2]
    return F.conv3d(pairs, kernel, layer.bias, (time, rows, 1), (*_padding(layer)[:2], 0))


def winograd_in_time(layer: nn.Conv3d, x: Tensor) -> Tensor:
    """`layer(x)` by four 2D convolutions for every two steps in time, in place of six.

    Winograd's F(2, 3): with d0..d3 four steps of x and g0..g2 the kernel's,
    m0 = (d0 - d2) g0, m1 = (d1 + d2) (g0 + g1 + g2) / 2, m2 = (d2 - d1) (g0 - g1 + g2) / 2, m3 = (d1 - d3) g2
    give the two steps m0 + m1 + m2 and m1 - m2 - m3 (Lavin and Gray, arXiv 1509.09308).

    Args:
        layer: kernel 3, stride 1 and padding 1 along time.
        x: (video, channel, time, height, width).
    """
    steps = x.shape[2]
    padded = F.pad(x.movedim(1, -1), (0, 0, 0, 0, 0, 0, 1, 1 + steps % 2))
    even, odd = padded.unflatten(1, (padded.shape[1] // 2, 2)).unbind(2)
    d0, d1, d2, d3 = even[:, :-1], odd[:, :-1], even[:, 1:], odd[:, 1:]
    g0, g1, g2 = layer.weight.to(torch.promote_types(layer.weight.dtype, torch.float32)).unbind(2)
    around = (g0 + g2) / 2
    m0 = _frames(layer, d0 - d2, g0)
    m1 = _frames(layer, d1 + d2, around + g1 / 2, layer.bias)
    m2 = _frames(layer, d2 - d1, around - g1 / 2)
    m3 = _frames(layer, d1 - d3, g2)
    y = torch.stack([m0 + m1 + m2, m1 - m2 - m3], 1)  # (video x pair of steps, 2, channel, height, width)
    joined: Tensor = y.unflatten(0, d0.shape[:2]).flatten(1, 2)
    return joined[:, :steps].transpose(1, 2)


def _frames(layer: nn.Conv3d, x: Tensor, kernel: Tensor, bias: Tensor | None = None) -> Tensor:
    """2D convolution of every step of x (video, time, height, width, channel)."""
    kernel = kernel.to(layer.weight.dtype).contiguous(memory_format=torch.channels_last)
    return F.conv2d(x.flatten(0, 1).movedim(-1, 1), kernel, bias, layer.stride[1:], _padding(layer)[1:])


def _padding(layer: nn.Conv3d) -> tuple[int, ...]:
    return typing.cast(tuple[int, ...], layer.padding)


def _in_float32(layer: nn.Conv3d, x: Tensor) -> Tensor:
    weight, bias = layer.weight, layer.bias
    with torch.autocast("cpu", enabled=False):
        exact = torch.promote_types(weight.dtype, torch.float32)
        bias = bias if bias is None else bias.to(exact)
        y = F.conv3d(x.to(exact), weight.to(exact), bias, layer.stride, layer.padding)
        return y.to(weight.dtype)


def max_pool(x: Tensor, window: tuple[int, int, int]) -> Tensor:
    """Max pooling of (video, channel, time, height, width), stride = window; sides of one element stay.

    Without gradients, strided maxima: several times faster than max_pool3d, which also finds indices.
    """
    sides = [min(side, length) for side, length in zip(window, x.shape[2:], strict=True)]
    if x.requires_grad:
        return F.max_pool3d(x, sides)
    for dim, side in zip((2, 3, 4), sides, strict=True):
        if side == 2:
            half = x.shape[dim] // 2
            pairs = x.narrow(dim, 0, 2 * half).unflatten(dim, (half, 2))
            x = torch.maximum(pairs.select(dim + 1, 0), pairs.select(dim + 1, 1))
    return x


def average_pool(x: Tensor, window: tuple[int, int, int]) -> Tensor:
    """Mean pooling of (video, channel, time, height, width), stride 1, in float32 at least.

    CPUs have none in bfloat16; autocast does the same.
    """
    return F.avg_pool3d(x.to(torch.promote_types(x.dtype, torch.float32)), window, stride=1)


def group_norm(layer: nn.GroupNorm, x: Tensor) -> Tensor:
    """`layer(x)` for x (batch, channel, height, width) channels-last, and channels-last again.

    PyTorch's backward pass in bfloat16 on a CPU takes many times longer for channels-last than for
    contiguous memory (2.13: 300 ms against 16 ms with both copies, 16 x 128 x 64 x 64, one core).
    """
    if x.requires_grad and x.dtype == torch.bfloat16 and x.device.type == "cpu":
        y = F.group_norm(x.contiguous(), layer.num_groups, layer.weight, layer.bias, layer.eps)
        return y.contiguous(memory_format=torch.channels_last)
    return F.group_norm(x, layer.num_groups, layer.weight, layer.bias, layer.eps)

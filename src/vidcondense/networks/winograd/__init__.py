"""Convolutions of kernel 3x7x7 and stride 1x2x2 in float32 by Winograd's method in space and time.

F(2, 3) in time and F(4, 4) along both sides of the four images that stride 2 makes of one need a sixth of the
plain method's products (Lavin and Gray, arXiv 1509.09308). The transforms are compiled when the package is
installed (winograd.c), if there is a C compiler; without them everything works, slower.
"""

import typing

import torch
from torch import Tensor, nn
from torch.utils.weak import WeakTensorKeyDictionary

from vidcondense.networks.winograd import kernels, operators
from vidcondense.networks.winograd.library import lanes

FEWEST_ROWS = 16
"""Of a clip: on fewer, much of a tile lies beyond the end, and the kernel's side costs more than it saves."""

MULTIPLE = 64
"""Of which channels are multiples: products of fewer are slow, and bits differ with the number of threads."""

_NARROWEST = 8  # with vectors of 4 floats a first layer is slower than PyTorch's

_kernels = WeakTensorKeyDictionary()
"""By weights that no gradient is wanted for: their version, and the kernel at all points."""


def built() -> bool:
    """Whether the transforms are there, and this processor has vectors for which they pay."""
    return lanes() >= _NARROWEST


def fits(layer: nn.Conv3d, x: Tensor) -> bool:
    """Whether `convolve` can do this layer, in the present precision, and pays."""
    return (
        built()
        and x.device.type == "cpu"
        and x.dtype == layer.weight.dtype == torch.float32
        and not torch.is_autocast_enabled("cpu")
        and (layer.kernel_size, layer.stride, layer.padding) == ((3, 7, 7), (1, 2, 2), (1, 3, 3))
        and (layer.dilation, layer.groups, layer.padding_mode) == ((1, 1, 1), 1, "zeros")
        and layer.bias is not None
        and (layer.in_channels == 3 or layer.in_channels % MULTIPLE == 0)
        and layer.out_channels % MULTIPLE == 0
        and min(x.shape[3:]) >= FEWEST_ROWS
    )


def convolve(layer: nn.Conv3d, x: Tensor) -> Tensor:
    """`layer(x)` for x (video, channel, time, height, width) that `fits`; channels-last.

    Its error is some 6e-6 of a value's standard deviation, four times that of PyTorch's.
    """
    operator = operators.first_convolution if layer.in_channels == 3 else operators.convolution
    return _called(operator, layer, x)


def convolve_and_pool(layer: nn.Conv3d, x: Tensor) -> Tensor:
    """`convolve`, the largest of every 2x2 pixels, and ReLU, of a layer of 3 colours; without gradients."""
    return _called(operators.first_pooled, layer, x)


def _called(operator: typing.Any, layer: nn.Conv3d, x: Tensor) -> Tensor:
    y: Tensor = operator(x.movedim(1, -1), _kernel(layer.weight), layer.bias)
    return y.movedim(-1, 1)


def _kernel(weight: Tensor) -> Tensor:
    side = kernels.first_kernel if weight.shape[1] == 3 else kernels.kernel
    if weight.requires_grad and torch.is_grad_enabled():
        return side(weight)
    held = _kernels.get(weight)
    if held is None or held[0] != weight._version:
        held = _kernels[weight] = (weight._version, side(weight.detach()))
    return typing.cast(Tensor, held[1])

"""The kernel's side of Winograd's convolution: a linear map in PyTorch, which knows its gradients."""

import functools

import torch
import torch.nn.functional as F
from torch import Tensor

POINTS = 7
ALL = 4 * POINTS * POINTS
TAPS = 4
VALUES = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5)  # and infinity: those of winograd.c
IN_TIME = ((1, 0, 0), (0.5, 0.5, 0.5), (0.5, -0.5, 0.5), (0, 0, 1))


def kernel(weight: Tensor) -> Tensor:
    """The kernel at each point, (ALL, channels out, 4 x channels in), of weights (out, in, 3, 7, 7)."""
    out, channels = weight.shape[:2]
    taps = _taps(weight).permute(2, 3, 5, 0, 4, 6, 1).reshape(3 * TAPS * TAPS, -1)
    return (_matrix().to(weight) @ taps).view(ALL, out, 4 * channels)


def first_kernel(weight: Tensor) -> Tensor:
    """That of a first layer, (POINTS x POINTS, 12, 4, channels out), of weights (out, 3, 3, 7, 7)."""
    taps = _taps(weight).permute(2, 3, 5, 4, 6, 1, 0).reshape(3 * TAPS * TAPS, -1)
    points = (_matrix().to(weight) @ taps).view(4, POINTS * POINTS, 12, len(weight))
    return points.permute(1, 2, 0, 3).contiguous()


def transposed_first_kernel(kernel: Tensor) -> Tensor:
    """That of a first layer for the way back: (POINTS x POINTS, channels out, 4, 16), sixes in eights."""
    padded = F.pad(kernel.unflatten(1, (2, 6)), (0, 0, 0, 0, 0, 2)).flatten(1, 2)
    return padded.permute(0, 3, 2, 1).contiguous()


def _taps(weight: Tensor) -> Tensor:
    """Weights as (out, in, 3, TAPS, 2, TAPS, 2): stride 2 sees each second tap along both sides."""
    taps: Tensor = F.pad(weight, (1, 0, 1, 0)).unflatten(4, (TAPS, 2)).unflatten(3, (TAPS, 2))
    return taps


@functools.cache
def _matrix() -> Tensor:
    """(ALL, 3 x TAPS x TAPS) float32: values of polynomials at the points, scaled for the inverse."""
    values = torch.tensor(VALUES, dtype=torch.float64)
    apart = (values[:, None] - values).fill_diagonal_(1).prod(1, keepdim=True)
    infinity = torch.eye(TAPS, dtype=torch.float64)[-1:]
    side = torch.cat([values[:, None] ** torch.arange(TAPS) / apart, infinity])
    return torch.kron(torch.tensor(IN_TIME, dtype=torch.float64), torch.kron(side, side)).float()

"""The hallucinator: one small convolution that joins image and motion into a clip (Wang et al., 2024)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

CHOICES = 2
"""Static and dynamic memories of a video. Any static goes with any dynamic one of the same video."""

COMBINATIONS = CHOICES**2
"""Clips of a video."""

SHAPE = (3, 4, 3, 3, 3)
"""Its weight: 3 colours from 4 channels (those of the image, and the motion), 3x3x3 in time and space."""


def initial(rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Weight (3, 4, 3, 3, 3) and bias (3,) float32 as PyTorch starts a convolution: 327 values."""
    bound = 1 / math.sqrt(math.prod(SHAPE[1:]))
    weight = torch.empty(SHAPE).uniform_(-bound, bound, generator=rng)
    return weight, torch.empty(SHAPE[0]).uniform_(-bound, bound, generator=rng)


def hallucinate(static: Tensor, dynamic: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Join images and motions: repeat the image in time, append the dynamic map as a channel, convolve.

    Args:
        static: (video, 3, height, width).
        dynamic: (video, time, 1, height, width).
        weight: (3, 4, 3, 3, 3), over channel, time, height and width.
        bias: (3,).

    Returns:
        clips (video, time, 3, height, width); the convolution pads with zeros and has no activation.
    """
    frames = dynamic.shape[1]
    images = static[:, :, None].expand(-1, -1, frames, -1, -1)
    joined = torch.cat([images, dynamic.transpose(1, 2)], 1)
    return F.conv3d(joined, weight, bias, padding=1).transpose(1, 2)

"""Frames that are stored smaller than they are shown: bicubic enlargement, its transpose, and reduction."""

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

SMALLEST = 4
"""Pixels of a side that is enlarged: bicubic interpolation reads four."""


def enlarged(clips: Tensor, height: int, width: int) -> Tensor:
    """Clips (..., height, width) float32 with so many pixels; as they are where they have them already."""
    if clips.shape[-2:] == (height, width):
        return clips
    sides = zip(clips.shape[-2:], (height, width), strict=True)
    rows, columns = (_weights(*pair).to(clips) for pair in sides)
    return rows @ clips @ columns.mT


def transposed(gradient: Tensor, height: int, width: int) -> Tensor:
    """The gradient with respect to stored frames of height x width, from that of the enlarged ones."""
    if gradient.shape[-2:] == (height, width):
        return gradient
    sides = zip((height, width), gradient.shape[-2:], strict=True)
    rows, columns = (_weights(*pair).to(gradient) for pair in sides)
    return rows.mT @ gradient @ columns


def reduced(clips: Tensor, height: int, width: int) -> Tensor:
    """Clips (..., height, width) float32 with fewer pixels, without aliases."""
    if clips.shape[-2:] == (height, width):
        return clips
    frames = clips.reshape(-1, 1, *clips.shape[-2:])
    small = F.interpolate(frames, (height, width), mode="bicubic", antialias=True, align_corners=False)
    return small.view(*clips.shape[:-2], height, width)


@cache
def _weights(stored: int, shown: int) -> Tensor:
    """(shown, stored) float32: what each stored pixel of a line adds to each shown one."""
    lines = torch.eye(stored)[:, None, None]  # (line, 1, 1, stored)
    wide = F.interpolate(lines, (1, shown), mode="bicubic", align_corners=False)
    return wide[:, 0, 0].mT.contiguous()

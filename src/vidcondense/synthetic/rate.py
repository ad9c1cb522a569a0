"""What frames cost as coded video, as a sum that has a gradient: bits of transform coefficients.

The logarithm of a coefficient's size stands for the bits of its level. A term for bits is what learned
compression adds to its loss (Balle et al., ICLR 2017), and rate-utility optimisation to that of condensation
(Bao et al., ICCV 2025).
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from vidcondense.condensed.coding.transform import cosines
from vidcondense.data.batches import IMAGENET_STD

BLOCK = 8
"""Rows and columns of a block."""
STEP = 32.0
"""Of coefficients, in 255ths of a pixel's range: a coefficient of one step costs a bit."""
LUMA_AND_CHROMA = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
"""ITU-R BT.601, as `condensed.coding.colour` has it in whole numbers."""
VIDEOS = 64
"""Whose coefficients are held at a time."""


def bits(frames: Tensor, first: Tensor) -> Tensor:
    """About what frames cost: log2(1 + |c| / STEP), summed over the coefficients c of all blocks.

    Coefficients are those of the orthonormal cosine transform of 8x8 blocks of luma, and of chroma at half
    the rows and columns; sides that are no multiples of 16 repeat their last pixel. A block is coded as it
    is, less the mean colour, or as its difference from the frame before, whichever costs less.

    Args:
        frames: (frame, 3, height, width) float32, normalised; those of a video one after another.
        first: (frame,) bool, which ones begin a video.

    Returns:
        A float32 scalar.
    """
    levels = frames * (255 * torch.tensor(IMAGENET_STD).to(frames))[:, None, None]
    rows, columns = (-side % (2 * BLOCK) for side in frames.shape[-2:])
    levels = F.pad(levels, (0, columns, 0, rows), mode="replicate")
    planes = torch.einsum("pc,nchw->nphw", torch.tensor(LUMA_AND_CHROMA).to(frames), levels)
    total = frames.new_zeros(())
    for plane in (planes[:, :1], F.avg_pool2d(planes[:, 1:], 2)):
        whole = _coefficients(plane)
        costs = [_cost(whole), _cost(whole - whole.roll(1, 0))]
        total = total + torch.where(first[:, None, None, None], costs[0], torch.minimum(*costs)).sum()
    return total


@torch.enable_grad()
def gradient(values: Tensor, is_key: Tensor) -> Tensor:
    """That of the bits of each video's stored frames.

    Args:
        values: (video, time, 3, height, width) float32, normalised.
        is_key: (video, time) bool, which frames are stored.

    Returns:
        Of the shape of `values`, zero where frames are not stored.
    """
    found = torch.zeros_like(values)
    for some, keys, into in zip(*(one.split(VIDEOS) for one in (values, is_key, found)), strict=True):
        frames = some.detach()[keys].requires_grad_()
        first = (keys.cumsum(1) == 1)[keys]
        (into[keys],) = torch.autograd.grad(bits(frames, first), frames)
    return found


def _coefficients(planes: Tensor) -> Tensor:
    """(frame, plane, block row, block column, 8, 8) of (frame, plane, height, width)."""
    blocks = planes.unfold(-2, BLOCK, BLOCK).unfold(-2, BLOCK, BLOCK)
    matrix = torch.from_numpy(cosines(BLOCK)).to(planes)
    return matrix @ blocks @ matrix.mT


def _cost(coefficients: Tensor) -> Tensor:
    """(frame, plane, block row, block column): bits of each block."""
    return torch.log2(1 + coefficients.abs() / STEP).sum((-2, -1))

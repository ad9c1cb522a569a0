"""Linear interpolation in time between key frames (PRISM eq. 3, DFS eq. 3)."""

import torch
from torch import Tensor


def neighbours(positions: Tensor, frames: int) -> tuple[Tensor, Tensor, Tensor]:
    """For each time 0..frames-1 the key frames around it and their weights.

    Args:
        positions: (key frame,) int64, ascending, from 0 to frames - 1.
        frames: T.

    Returns:
        left and right, (frames,) int64 indices into `positions`; and alpha, (frames,) float32, the weight of
        the left one: (k_right - t) / (k_right - k_left). At a key position left is that key and alpha is 1.
    """
    times = torch.arange(frames)
    if len(positions) == 1:
        return torch.zeros_like(times), torch.zeros_like(times), torch.ones(frames)
    left = (torch.searchsorted(positions, times, right=True) - 1).clamp(max=len(positions) - 1)
    right = (left + 1).clamp(max=len(positions) - 1)
    gap = (positions[right] - positions[left]).clamp(min=1)
    alpha = torch.where(right > left, (positions[right] - times) / gap, torch.ones(()))
    return left, right, alpha


def interpolate(key_frames: Tensor, positions: Tensor, frames: int) -> Tensor:
    """Render one video: (key frame, channel, height, width) to (frames, channel, height, width)."""
    left, right, alpha = neighbours(positions, frames)
    weight = alpha.to(key_frames).view(-1, 1, 1, 1)
    return weight * key_frames[left] + (1 - weight) * key_frames[right]

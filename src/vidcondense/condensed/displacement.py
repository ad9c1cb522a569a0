"""Key frames that are moved instead of cross-faded: warping by coarse displacement fields.

A frame between two key frames is the linear interpolation (PRISM eq. 3) of both, each first warped by a
displacement field of its own; before the first key frame and after the last it is that one, warped.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from vidcondense.condensed.interpolation import taps


class Parts(NamedTuple):
    """The warped key frames that the other frames of a clip are made of, in order of time, then key frame.

    Attributes:
        times: (part,) int64, the frame that a part belongs to.
        keys: (part,) int64, its key frame, counted within the video.
        weights: (part,) float32; those of a frame sum to 1.
    """

    times: Tensor
    keys: Tensor
    weights: Tensor


def parts(positions: Sequence[int], frames: int, device: torch.device | str = "cpu") -> Parts:
    """The parts of a clip with key frames at `positions`, ascending; key frames themselves have none."""
    is_key = torch.zeros(frames, dtype=torch.bool, device=device)
    is_key[list(positions)] = True
    near, weights = (one[0] for one in taps(is_key[None]))
    times, tap = ((weights > 0) & ~is_key[:, None]).nonzero(as_tuple=True)
    return Parts(times, (is_key.cumsum(0) - 1)[near[times, tap]], weights[times, tap])


def warp(frames: Tensor, fields: Tensor) -> Tensor:
    """Frames whose pixels come from elsewhere: the one at x shows what is at x + u(x), bilinear.

    Args:
        frames: (frame, channel, height, width); beyond the edges they continue.
        fields: (frame, 2, rows, columns): u right and down, in widths and heights of the picture, at nodes
            spread evenly from the centre of its first pixel to that of its last, bilinear between them.
    """
    height, width = frames.shape[-2:]
    moved = F.interpolate(fields, (height, width), mode="bilinear", align_corners=True)
    still = torch.eye(2, 3).to(fields).expand(len(frames), 2, 3)
    still = F.affine_grid(still, [len(frames), 1, height, width], align_corners=False)
    places = still + 2 * moved.permute(0, 2, 3, 1)  # affine_grid's pictures are 2 wide
    return F.grid_sample(frames, places, padding_mode="border", align_corners=False)


def displaced(keys: Tensor, fields: Tensor, positions: Sequence[int], frames: int) -> Tensor:
    """Clips (video, frames, 3, height, width) of videos that have their key frames at the same times.

    Args:
        keys: (video, key frame, 3, height, width).
        fields: (video, part, 2, rows, columns), see `warp` and `parts`.
        positions: times of the key frames, ascending.
        frames: T.
    """
    times, sources, weights = parts(positions, frames, keys.device)
    if not len(times):
        return keys
    moved = warp(keys[:, sources].flatten(0, 1), fields.flatten(0, 1)).view(len(keys), -1, *keys.shape[2:])
    clips = keys.new_zeros(len(keys), frames, *keys.shape[2:])
    clips = clips.index_copy(1, torch.tensor(list(positions), device=keys.device), keys)
    return clips.index_add(1, times, moved * weights[:, None, None, None])

"""Interpolation in time between key frames: linear (PRISM eq. 3, DFS eq. 3), nearest and smooth, in segments.

The number of stored frames, the number of segments and the interpolation algorithm are three of the four
settings of temporal condensation in Wang et al., Dancing with Still Images (arXiv 2312.00362). All algorithms
are linear in the stored frames, never look across the border of a segment, and are constant before its first
key frame and after its last.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from vidcondense.base.errors import VidcondenseError

Interpolation = Literal["linear", "nearest", "smooth"]


def segment_starts(frames: int, segments: int) -> tuple[int, ...]:
    """The first time of each segment: 0, T / K, 2 T / K, ..., rounded down; more than frames are refused."""
    if segments > frames:
        raise VidcondenseError(
            f"synthetic.segments = {segments} is more than the {frames} frames of a clip; "
            f"choose at most {frames}"
        )
    return tuple(segment * frames // segments for segment in range(segments))


def evenly_spread(frames: int, count: int, starts: Sequence[int] = (0,)) -> Tensor:
    """Times of `count` frames, shared out equally over the segments: ascending int64.

    Within a segment both ends are among them; a single one lies in the middle. A segment that is shorter than
    its share has all its frames.

    Args:
        frames: T.
        count: a multiple of the number of segments.
        starts: the first time of each segment.
    """
    share = count // len(starts)
    parts = []
    for first, end in zip(starts, [*starts[1:], frames], strict=True):
        if share == 1:
            parts.append(torch.tensor([first + (end - first - 1) // 2]))
        else:
            inside = min(share, end - first)
            parts.append(torch.linspace(first, end - 1, inside).round().long())
    return torch.cat(parts)


def adjacent_keys(is_key: Tensor, starts: Sequence[int] = (0,)) -> tuple[Tensor, Tensor]:
    """The nearest key positions at or before, and at or after, each frame: two (video, time) int64 tensors.

    Before a segment's first key frame and after its last both are that one.

    Args:
        is_key: (video, time) bool, true at least once in every segment of every video.
        starts: the first time of each segment.
    """
    frames = is_key.shape[1]
    first, last = _bounds(frames, starts, is_key.device)
    times = torch.arange(frames, device=is_key.device)
    left = torch.where(is_key, times, -1).cummax(1).values
    right = torch.where(is_key, times, frames).flip(1).cummin(1).values.flip(1)
    return torch.where(left < first, right, left), torch.where(right > last, left, right)


def taps(
    is_key: Tensor, interpolation: Interpolation = "linear", starts: Sequence[int] = (0,)
) -> tuple[Tensor, Tensor]:
    """Which stored frames each frame is made of.

    Args:
        is_key: (video, time) bool, true at least once in every segment of every video.
        interpolation: "linear"; "nearest", the earlier of two equally near; "smooth", the Catmull-Rom spline
            through the key frames at their times: a cubic whose slope at a key frame is that of the parabola
            through it and its two neighbours, or of the straight line where it has only one.
        starts: the first time of each segment.

    Returns:
        times and weights, both (video, time, tap), int64 and float32: frame t is the sum over taps of weight
        x the frame stored at that time. Weights sum to 1; a time may stand there twice.
    """
    left, right = adjacent_keys(is_key, starts)
    times = torch.arange(is_key.shape[1], device=is_key.device)
    if interpolation == "nearest":
        nearest = torch.where((right - times).abs() < (times - left).abs(), right, left)
        return nearest[:, :, None], torch.ones(*is_key.shape, 1, device=is_key.device)
    if interpolation == "smooth":
        return _smooth(is_key, left, right, starts)
    alpha = torch.where(right > left, (right - times) / (right - left).clamp(min=1), 1.0)
    return torch.stack([left, right], 2), torch.stack([alpha, 1 - alpha], 2)


def interpolation_weights(
    is_key: Tensor, interpolation: Interpolation = "linear", starts: Sequence[int] = (0,)
) -> Tensor:
    """(video, time, time) float32: rendered frame t is the sum over k of weights[:, t, k] x stored frame k.

    Rows sum to 1; columns of frames that are not key frames are 0. Arguments: see `taps`.
    """
    times, weights = taps(is_key, interpolation, starts)
    matrix = torch.zeros(*is_key.shape, is_key.shape[1], device=is_key.device)
    for tap in range(times.shape[2]):
        matrix.scatter_add_(2, times[:, :, tap : tap + 1], weights[:, :, tap : tap + 1])
    return matrix


def _bounds(frames: int, starts: Sequence[int], device: torch.device) -> tuple[Tensor, Tensor]:
    """The first and the last time of the segment that each time lies in: two (time,) int64 tensors."""
    edges = torch.tensor([*starts, frames], device=device)
    segment = torch.searchsorted(edges, torch.arange(frames, device=device), right=True) - 1
    return edges[segment], edges[segment + 1] - 1


def _smooth(is_key: Tensor, left: Tensor, right: Tensor, starts: Sequence[int]) -> tuple[Tensor, Tensor]:
    """`taps` of the cubic between `left` and `right`, and of their neighbours for its slopes there."""
    frames = is_key.shape[1]
    times = torch.arange(frames, device=is_key.device)
    first, last = _bounds(frames, starts, is_key.device)
    # The key frames before and after these two; themselves where the segment has no other.
    previous = left.gather(1, torch.maximum(left - 1, first))
    following = right.gather(1, torch.minimum(right + 1, last))
    gap = (right - left).clamp(min=1).float()
    u = torch.where(right > left, (times - left) / gap, 0.0)
    slope_left = _slope((left - previous).float(), gap)
    slope_right = _slope((following - right).float(), gap).flip(2).neg()
    # Hermite's basis; the slopes' parts are in units of values per frame.
    rise, fall = gap * u * (1 - u).square(), -gap * u.square() * (1 - u)
    value_left, value_right = (1 + 2 * u) * (1 - u).square(), u.square() * (3 - 2 * u)
    weights = [
        rise * slope_left[:, :, 0],
        value_left + rise * slope_left[:, :, 1] + fall * slope_right[:, :, 0],
        value_right + rise * slope_left[:, :, 2] + fall * slope_right[:, :, 1],
        fall * slope_right[:, :, 2],
    ]
    return torch.stack([previous, left, right, following], 2), torch.stack(weights, 2)


def _slope(behind: Tensor, ahead: Tensor) -> Tensor:
    """The slope at a key frame as weights of the one behind it, itself and the one ahead, (video, time, 3).

    Args:
        behind: frames to the key frame behind; 0 where there is none.
        ahead: frames to the key frame ahead, at least 1.
    """
    some = behind.clamp(min=1)
    both = some + ahead
    parabola = torch.stack(
        [-ahead / (some * both), (ahead - some) / (some * ahead), some / (ahead * both)], 2
    )
    line = torch.stack([torch.zeros_like(ahead), -1 / ahead, 1 / ahead], 2)
    return torch.where((behind > 0)[:, :, None], parabola, line)


def check_shared(key: str, frames: int, segments: int) -> None:
    """Refuse frames, called `key`, that K segments cannot share equally; name the nearest that they can."""
    less, more = frames // segments * segments, -(-frames // segments) * segments
    if less != frames:
        raise VidcondenseError(
            f"{key} = {frames} cannot be shared equally by synthetic.segments = {segments}; "
            f"choose {f'{less} or {more}' if less else more}"
        )

"""A tensor of frames as one AV1 stream for each video, and back."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from vidcondense.base.errors import VidcondenseError
from vidcondense.condensed.coding import av1
from vidcondense.condensed.coding.colour import to_pixels, to_planes

SMALLEST = 16
"""Pixels of a side, below which a stream takes more than the frames themselves."""
LEVELS = 255

Range = tuple[float, float]
Streams = Mapping[bytes, tuple[bytes, Range]]
"""Streams and their ranges by `digest` of the frames that were decoded from them."""


class Coded(NamedTuple):
    """Frames in a file.

    Attributes:
        stream: (byte,) uint8, the streams of all videos one after another; one without a sequence header has
            that of the one before it.
        lengths: (video,) int64, bytes of each video's stream.
        frames: (video,) int64, frames of each.
        ranges: (video, 2) float16, the values of level 0 and of level 255, in units of [0, 1].
    """

    stream: Tensor
    lengths: Tensor
    frames: Tensor
    ranges: Tensor


def fits(shape: Sequence[int]) -> bool:
    """Whether frames (..., channel, height, width) make a stream: of colours or grey, and not tiny."""
    return len(shape) >= 4 and shape[-3] in (1, 3) and min(shape[-2:]) >= SMALLEST


def encode(
    values: Tensor, rows: Sequence[int], units: tuple[Tensor, Tensor], quality: Sequence[int], known: Streams
) -> Coded:
    """One stream for each video.

    Args:
        values: (row, ..., channel, height, width) float32; every row is a frame, or several in order.
        rows: of each video, one after another.
        units: mean and std that make units of [0, 1] of a value: value * std + mean.
        quality: of each video, see `av1.encode`.
        known: streams that are taken as they are where a video's frames are what was decoded from them.
    """
    mean, std = units
    streams, counts, ranges, last = [], [], [], b""
    for video, wanted in zip(values.detach().cpu().split(list(rows)), quality, strict=True):
        frames = video.reshape(-1, *video.shape[-3:])
        stream, ends = known.get(digest(frames)) or _encoded(frames * std + mean, wanted)
        header, rest = av1.parts(stream)
        streams.append(rest if header == last else header + rest)
        last = header
        counts.append(len(frames))
        ranges.append(ends)
    joined = np.frombuffer(b"".join(streams), np.uint8).copy()
    return Coded(
        torch.from_numpy(joined),
        torch.tensor([len(stream) for stream in streams]),
        torch.tensor(counts),
        torch.tensor(ranges, dtype=torch.float16),
    )


def decode(coded: Coded, shape: Sequence[int], units: tuple[Tensor, Tensor]) -> tuple[Tensor, Streams]:
    """Undo `encode`: the frames, float32 of a shape, and the streams that they were decoded from.

    Raises:
        VidcondenseError: what is coded has another shape, or is damaged.
    """
    channels, height, width = shape[-3:]
    total = len(coded.stream)
    if int(coded.lengths.min()) < 0 or int(coded.lengths.sum()) != total:
        raise VidcondenseError(
            f"its streams are said to have {int(coded.lengths.sum())} bytes, and have {total}"
        )
    if int(coded.frames.min()) < 1 or int(coded.frames.sum()) * channels * height * width != int(
        np.prod(shape)
    ):
        raise VidcondenseError(
            f"its streams are said to have {int(coded.frames.sum())} frames, not {list(shape)}"
        )
    mean, std = units
    decoded: list[Tensor] = []
    last = b""
    known: dict[bytes, tuple[bytes, Range]] = {}
    even = height + height % 2, width + width % 2
    for stream, count, ends in zip(
        coded.stream.split(coded.lengths.tolist()), coded.frames.tolist(), coded.ranges.tolist(), strict=True
    ):
        header, rest = av1.parts(stream.numpy().tobytes())
        last = header or last
        data = last + rest
        pixels = to_pixels(av1.decode(data, count, *even), height, width, channels)
        levels = torch.from_numpy(pixels).movedim(-1, 1).float()
        frames = (levels * ((ends[1] - ends[0]) / LEVELS) + ends[0] - mean) / std
        known[digest(frames)] = data, (ends[0], ends[1])
        decoded.append(frames)
    return torch.cat(decoded).reshape(list(shape)), known


def digest(frames: Tensor) -> bytes:
    """SHA-256 of values."""
    return hashlib.sha256(frames.contiguous().numpy().tobytes()).digest()


def _encoded(frames: Tensor, quality: int) -> tuple[bytes, Range]:
    """The stream of frames in units of [0, 1], and their range; what can be seen is in it in any case."""
    low, high = min(0.0, frames.min().item()), max(1.0, frames.max().item())
    low, high = (float(np.float16(end)) for end in (low, high))
    levels = ((frames - low) / (high - low) * LEVELS).round().clamp(0, LEVELS).to(torch.uint8)
    return av1.encode(to_planes(levels.movedim(1, -1).numpy()), quality), (low, high)

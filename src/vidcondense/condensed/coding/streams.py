"""A tensor of frames as AV1 streams, of several videos side by side, and back."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from vidcondense.base.errors import VidcondenseError
from vidcondense.condensed.coding import av1, tiles
from vidcondense.condensed.coding.colour import Bytes, Planes, to_pixels, to_planes
from vidcondense.condensed.header import QUALITY_STEP, TILES

SMALLEST = 16
"""Pixels of a side, below which a stream takes more than the frames themselves."""
LEVELS = 255


class Stream(NamedTuple):
    """Frames of one or several videos as the encoder made them.

    Attributes:
        data: with its sequence header.
        videos: how many it holds side by side, `TILES` at most.
        ends: the values of level 0 and of level 255, in units of [0, 1].
    """

    data: bytes
    videos: int
    ends: tuple[float, float]


Places = Mapping[bytes, tuple[Stream, int]]
"""The stream that a video is in, and its number there, by `digest` of the frames that were decoded."""


class Coded(NamedTuple):
    """Frames in a file.

    Attributes:
        data: (byte,) uint8, the streams one after another; one without a sequence header has that of the one
            before it.
        lengths: (stream,) int64, bytes of each.
        videos: (stream,) int64, how many it holds side by side.
        ranges: (stream, 2) float16, the values of level 0 and of level 255, in units of [0, 1].
        frames: (video,) int64, frames of each.
        places: (video,) int64, where it is among the videos of all streams, counted in order.
    """

    data: Tensor
    lengths: Tensor
    videos: Tensor
    ranges: Tensor
    frames: Tensor
    places: Tensor


def fits(shape: Sequence[int]) -> bool:
    """Whether frames (..., channel, height, width) make a stream: of colours or grey, and not tiny."""
    return len(shape) >= 4 and shape[-3] in (1, 3) and min(shape[-2:]) >= SMALLEST


def encode(
    values: Tensor,
    rows: Sequence[int],
    units: tuple[Tensor, Tensor],
    quality: float,
    known: Places,
    finer: int = 0,
    most: int = TILES,
) -> Coded:
    """Streams of videos with equally many frames, side by side.

    Args:
        values: (row, ..., channel, height, width) float32; every row is a frame, or several in order.
        rows: of each video, one after another.
        units: mean and std that make units of [0, 1] of a value: value * std + mean.
        quality: see `av1.encode`.
        known: streams that are taken as they are where a video's frames are what was decoded from them.
        finer: streams, from the first on, whose quality is a step better.
        most: videos in a stream.
    """
    mean, std = units
    videos = [video.reshape(-1, *video.shape[-3:]) for video in values.detach().cpu().split(list(rows))]
    found = [known.get(digest(video)) for video in videos]
    places, streams = torch.zeros(len(videos), dtype=torch.int64), list[Stream]()
    starts: dict[Stream, int] = {}  # of known streams, which several groups may name
    total, better = 0, finer
    for group in _groups([len(video) for video in videos], found, most):
        first = found[group[0]]
        if first is None:
            some = torch.stack([videos[number] for number in group]) * std + mean
            stream = _encoded(some, quality - QUALITY_STEP if better > 0 else quality)
            better -= 1
            places[list(group)] = total + torch.arange(len(group))
        else:
            stream, tile = first
            places[group[0]] = starts.setdefault(stream, total) + tile
            if starts[stream] < total:
                continue
        streams.append(stream)
        total += stream.videos
    return _written(streams, torch.tensor([len(video) for video in videos]), places)


def decode(coded: Coded, shape: Sequence[int], units: tuple[Tensor, Tensor]) -> tuple[Tensor, Places]:
    """Undo `encode`: the frames, float32 of a shape, and the streams that they were decoded from.

    Raises:
        VidcondenseError: what is coded has another shape, or is damaged.
    """
    _check(coded, shape)
    channels, height, width = shape[-3:]
    mean, std = units
    decoded: list[Tensor] = [torch.empty(0)] * len(coded.frames)
    known: dict[bytes, tuple[Stream, int]] = {}
    ends = coded.videos.cumsum(0)
    last = b""
    for number, data in enumerate(coded.data.split(coded.lengths.tolist())):
        header, rest = av1.parts(data.numpy().tobytes())
        last = header or last
        start, end = int(ends[number] - coded.videos[number]), int(ends[number])
        users = ((coded.places >= start) & (coded.places < end)).nonzero()[:, 0].tolist()
        low, high = coded.ranges[number].tolist()
        stream = Stream(last + rest, end - start, (low, high))
        count = _shared({int(coded.frames[user]) for user in users})
        pixels = _pixels(stream, count, height, width, channels)
        for user in users:
            tile = int(coded.places[user]) - start
            levels = torch.from_numpy(pixels[tile]).movedim(-1, 1).float()
            frames = (levels * ((high - low) / LEVELS) + low - mean) / std
            known[digest(frames)] = stream, tile
            decoded[user] = frames
    return torch.cat(decoded).reshape(list(shape)), known


def digest(frames: Tensor) -> bytes:
    """SHA-256 of values."""
    return hashlib.sha256(frames.contiguous().numpy().tobytes()).digest()


def _groups(
    counts: Sequence[int], found: Sequence[tuple[Stream, int] | None], most: int
) -> Iterator[tuple[int, ...]]:
    """Numbers of videos that share a stream, those of few frames first; one that is known stands alone."""
    fresh: dict[int, list[int]] = {}
    groups: list[tuple[int, ...]] = []
    for number, count in enumerate(counts):
        if found[number] is None:
            fresh.setdefault(count, []).append(number)
        else:
            groups.append((number,))
    groups += [tuple(some[at : at + most]) for some in fresh.values() for at in range(0, len(some), most)]
    yield from sorted(groups, key=lambda group: (counts[group[0]], group))


def _encoded(clips: Tensor, quality: float) -> Stream:
    """The stream of clips (video, frame, channel, height, width) in units of [0, 1]."""
    low, high = min(0.0, clips.min().item()), max(1.0, clips.max().item())  # what can be seen, in any case
    low, high = (float(np.float16(end)) for end in (low, high))
    levels = ((clips - low) / (high - low) * LEVELS).round().clamp(0, LEVELS).to(torch.uint8)
    planes = to_planes(levels.flatten(0, 1).movedim(1, -1).numpy())  # of each clip, so that no colours mix
    count, frames = clips.shape[:2]
    picture = Planes(*(tiles.joined(plane.reshape(count, frames, *plane.shape[1:])) for plane in planes))
    return Stream(av1.encode(picture, quality), count, (low, high))


def _written(streams: Sequence[Stream], frames: Tensor, places: Tensor) -> Coded:
    parts, last = [], b""
    for stream in streams:
        header, rest = av1.parts(stream.data)
        parts.append(rest if header == last else header + rest)
        last = header
    return Coded(
        torch.from_numpy(np.frombuffer(b"".join(parts), np.uint8).copy()),
        torch.tensor([len(part) for part in parts]),
        torch.tensor([stream.videos for stream in streams]),
        torch.tensor([stream.ends for stream in streams], dtype=torch.float16),
        frames,
        places,
    )


def _pixels(stream: Stream, count: int, height: int, width: int, channels: int) -> Bytes:
    """(video, frame, height, width, channel) uint8 of a stream of `count` frames."""
    grid = tiles.Grid.of(stream.videos)
    even = height + height % 2, width + width % 2
    picture = av1.decode(stream.data, count, grid.rows * even[0], grid.columns * even[1])
    planes = (tiles.apart(plane, stream.videos) for plane in picture)
    frames = Planes(*(plane.reshape(-1, *plane.shape[2:]) for plane in planes))
    return to_pixels(frames, height, width, channels).reshape(-1, count, height, width, channels)


def _check(coded: Coded, shape: Sequence[int]) -> None:
    """Refuse numbers that do not fit each other; what they ask memory for is bounded by the shape."""
    total = len(coded.data)
    if int(coded.lengths.min()) < 0 or int(coded.lengths.sum()) != total:
        raise VidcondenseError(
            f"its streams are said to have {int(coded.lengths.sum())} bytes, and have {total}"
        )
    if int(coded.frames.min()) < 1 or int(coded.frames.sum()) * np.prod(shape[-3:]) != np.prod(shape):
        raise VidcondenseError(
            f"its streams are said to have {int(coded.frames.sum())} frames, not {list(shape)}"
        )
    streams, videos = len(coded.lengths), len(coded.frames)
    if coded.videos.shape != (streams,) or coded.ranges.shape != (streams, 2):
        raise VidcondenseError(f"each of its {streams} streams needs a number of videos and a range")
    if not 1 <= int(coded.videos.min()) <= int(coded.videos.max()) <= TILES:
        raise VidcondenseError(f"a stream holds 1 to {TILES} videos side by side")
    held = int(coded.videos.sum())
    if coded.places.shape != (videos,) or not 0 <= int(coded.places.min()) <= int(coded.places.max()) < held:
        raise VidcondenseError(f"each of its {videos} videos needs a place among the {held} of its streams")


def _shared(counts: set[int]) -> int:
    """The number of frames of the videos in a stream."""
    if len(counts) != 1:
        raise VidcondenseError(f"videos of {sorted(counts) or 'no'} frames are said to share a stream")
    return counts.pop()

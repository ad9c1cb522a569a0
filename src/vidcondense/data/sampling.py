"""Which frames of a video make a clip: the papers' rule for any clip length and stride.

A clip of T frames takes every `stride`-th frame of a video of at least T * stride frames, and every
floor(length / T)-th of a shorter one (PRISM, DFS: T = 16, stride 4, following Wang et al., 2024). The start
is drawn anew in training and fixed in testing. A video shorter than T shows all its frames, then repeats the
last.

Every function takes one number or an array of numbers, one per video, and is exact in int64.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Ints = NDArray[np.int64]


def step(length: ArrayLike, frames: int, stride: int) -> Ints:
    """Distance in frames between two frames of a clip.

    Args:
        length: frames of each video, any shape, at least 1.
        frames: T, frames of a clip, at least 1.
        stride: the distance wanted; 0 gives clips that stand still.

    Returns:
        int64 of the shape of `length`, in 1..stride; 0 for stride 0.
    """
    lengths = np.asarray(length, dtype=np.int64)
    return np.where(lengths >= frames * stride, stride, np.maximum(1, lengths // frames))


def last_start(length: ArrayLike, frames: int, stride: int) -> Ints:
    """The last start from which a whole clip fits; 0 for a video shorter than a clip.

    Returns:
        int64 of the shape of `length`, in 0..length-1.
    """
    lengths = np.asarray(length, dtype=np.int64)
    last: Ints = np.maximum(0, lengths - 1 - (frames - 1) * step(lengths, frames, stride))
    return last


def frame_indices(length: ArrayLike, start: ArrayLike, frames: int, stride: int) -> Ints:
    """The frames of one clip of each video: start + step * j, never past the last frame.

    Args:
        length: frames of each video.
        start: first frame of each clip, of the same shape, in 0..length-1.
        frames: T, frames of a clip.
        stride: the distance wanted between them.

    Returns:
        int64 (..., frames), in 0..length-1, never descending.
    """
    lengths = np.asarray(length, dtype=np.int64)[..., None]
    starts = np.asarray(start, dtype=np.int64)[..., None]
    wanted = starts + step(lengths, frames, stride) * np.arange(frames, dtype=np.int64)
    clamped: Ints = np.minimum(wanted, lengths - 1)
    return clamped


def random_starts(lengths: ArrayLike, frames: int, stride: int, generator: np.random.Generator) -> Ints:
    """A start per video, uniform over all that leave room for a whole clip: int64, shape of `lengths`."""
    return generator.integers(0, last_start(lengths, frames, stride), endpoint=True, dtype=np.int64)


def even_starts(lengths: ArrayLike, frames: int, stride: int, windows: int) -> Ints:
    """Starts of `windows` clips spread evenly over each video, first and last included; one is the centre.

    Args:
        lengths: (video,) frames of each video.
        frames: T, frames of a clip.
        stride: the distance wanted between frames.
        windows: clips per video, at least 1. A video with little room repeats starts.

    Returns:
        int64 (video, windows), ascending in each row.
    """
    if windows < 1:
        raise ValueError(f"windows must be at least 1, not {windows}")
    last = last_start(lengths, frames, stride)[..., None]
    if windows == 1:
        return last // 2
    gaps = windows - 1
    # Integer rounding to the nearest start: the same on every machine.
    return (2 * last * np.arange(windows, dtype=np.int64) + gaps) // (2 * gaps)

"""Small arrays over time, such as displacement fields, as quantised cosine coefficients.

What a stream of pictures would spend more on than on the values. Coefficients are whole numbers, and so is
the way back, so that every machine gets the same values.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vidcondense.base.errors import VidcondenseError
from vidcondense.condensed.coding.packing import pack, unpack

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BITS = 14
"""Of the fraction of a cosine, in the way back."""
MOST = 2**15 - 1
"""The largest level."""
AXES = (0, 2, 3)
"""Time, height and width of (row, channel, height, width)."""


def step_size(values: Floats, quality: float) -> float:
    """The width of a level for a quality as `av1.encode` has it: 0.6 of the root mean square at 50."""
    power = float(np.sqrt(np.square(values).mean()))
    step = np.float32(power * 0.6 * 2 ** ((quality - 50) / 15))
    return float(step) if step > 0 else 1.0


def encode(values: Floats, rows: Sequence[int], step: float) -> bytes:
    """Coefficients of every video's rows over time and space, in levels, packed.

    Args:
        values: (row, channel, height, width).
        rows: of each video, one after another.
        step: the width of a level.

    Raises:
        VidcondenseError: a level is too narrow for the values.
    """
    levels = []
    for video in np.split(values, np.cumsum(rows)[:-1]):
        for axis in AXES:
            video = _along(cosines(video.shape[axis]), video, axis)
        levels.append(np.rint(video / step).ravel())
    whole = np.concatenate(levels)[_order(rows, values.shape[1:])]
    if np.abs(whole).max() > MOST:
        raise VidcondenseError("small frames differ too much for this quality; choose a larger number")
    halves = whole.astype("<i2").view(np.uint8).reshape(-1, 2)  # those of all low bytes pack best together
    return pack(halves.T.tobytes())


def decode(data: bytes, rows: Sequence[int], shape: Sequence[int], step: float) -> Floats:
    """Undo `encode`.

    Args:
        data: bytes, perhaps a stranger's: no more is unpacked than the other arguments say.
        rows: of each video.
        shape: (channel, height, width) of a row.
        step: the width of a level.

    Raises:
        VidcondenseError: it is damaged.
    """
    count = int(sum(rows)) * int(np.prod(shape))
    halves = unpack(data, 2 * count)
    if len(halves) != 2 * count:
        raise VidcondenseError(f"small frames have {len(halves)} bytes in place of {2 * count}")
    whole = np.empty(count, np.int64)
    whole[_order(rows, shape)] = np.frombuffer(halves, np.uint8).reshape(2, -1).T.copy().view("<i2")[:, 0]
    made = []
    for video in np.split(whole.reshape(-1, *shape), np.cumsum(rows)[:-1]):
        for axis in AXES:
            matrix = np.rint(cosines(video.shape[axis]).T * 2**BITS).astype(np.int64)
            video = _along(matrix, video, axis)
        made.append(video)
    values: Floats = np.concatenate(made) * (step / 2 ** (BITS * len(AXES)))
    return values


def cosines(count: int) -> Floats:
    """The orthonormal cosine transform (DCT-II): (frequency, place)."""
    places, waves = (np.arange(count) + 0.5) / count, np.arange(count)[:, None]
    matrix: Floats = np.cos(np.pi * waves * places) * np.sqrt(2 / count)
    matrix[0] /= np.sqrt(2)
    return matrix


def _along(matrix: NDArray[Any], values: NDArray[Any], axis: int) -> NDArray[Any]:
    return np.moveaxis(np.tensordot(matrix, values, (1, axis)), 0, axis)


def _order(rows: Sequence[int], shape: Sequence[int]) -> Ints:
    """Places of coefficients in the order of a file: those of one frequency of all videos side by side."""
    times = np.concatenate([np.arange(count) for count in rows])
    videos = np.repeat(np.arange(len(rows)), rows)
    channel, row, column = np.indices(tuple(shape))
    keys = [np.add.outer(times, 0 * channel), np.add.outer(0 * times, row + column)]
    keys += [np.add.outer(0 * times, one) for one in (row, channel)] + [np.add.outer(videos, 0 * channel)]
    return np.lexsort([key.ravel() for key in reversed(keys)])

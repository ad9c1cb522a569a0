"""RGB to the planes of a video stream and back, in whole numbers, so that every machine gets the same.

Full-range YCbCr of ITU-R BT.601 (as JPEG has it), chroma at half the rows and columns, between four pixels.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]

GREY = 128
_HALF = 1 << 15  # of the unit of the coefficients below, 2^16
_LUMA = (19595, 38470, 7471)
_BLUE = (-11059, -21709, 32768)
_RED = (32768, -27439, -5329)


class Planes(NamedTuple):
    """Frames as luma (frame, height, width), both even, and chroma of half of both, uint8."""

    luma: Bytes
    blue: Bytes
    red: Bytes


def to_planes(pixels: Bytes) -> Planes:
    """Frames (frame, height, width, 3 or 1) uint8 as planes; odd sizes repeat their last row or column.

    A single channel becomes luma, and chroma is grey.
    """
    rows, columns = (side % 2 for side in pixels.shape[1:3])
    even = np.pad(pixels, ((0, 0), (0, rows), (0, columns), (0, 0)), mode="edge").astype(np.int64)
    count, height, width, channels = even.shape
    if channels == 1:
        grey = np.full((count, height // 2, width // 2), GREY, np.uint8)
        return Planes(even[..., 0].astype(np.uint8), grey, grey)
    fours = even.reshape(count, height // 2, 2, width // 2, 2, 3).sum((2, 4))
    luma = (even @ np.array(_LUMA) + _HALF) >> 16
    blue, red = ((fours @ np.array(by) + (GREY << 18) + (_HALF << 2)) >> 18 for by in (_BLUE, _RED))
    return Planes(*(np.clip(plane, 0, 255).astype(np.uint8) for plane in (luma, blue, red)))


def to_pixels(planes: Planes, height: int, width: int, channels: int = 3) -> Bytes:
    """Undo `to_planes`: frames (frame, height, width, channels) uint8; chroma is interpolated."""
    luma = planes.luma.astype(np.int64)
    if channels == 1:
        return planes.luma[:, :height, :width, None]
    blue, red = (_doubled(plane) - (GREY << 4) for plane in (planes.blue, planes.red))  # in 16ths
    light = (luma << 20) + (_HALF << 4)
    colours = (light + 91881 * red, light - 22554 * blue - 46802 * red, light + 116130 * blue)
    pixels = np.stack([colour >> 20 for colour in colours], -1)
    return np.clip(pixels, 0, 255).astype(np.uint8)[:, :height, :width]


def _doubled(plane: Bytes) -> Ints:
    """Twice the rows and columns, bilinear, times 16."""
    wide = np.pad(plane.astype(np.int64), ((0, 0), (1, 1), (1, 1)), mode="edge")
    for axis in (1, 2):
        inner = np.take(wide, range(1, wide.shape[axis] - 1), axis)
        before = np.take(wide, range(wide.shape[axis] - 2), axis)
        after = np.take(wide, range(2, wide.shape[axis]), axis)
        both = np.stack([3 * inner + before, 3 * inner + after], axis + 1)
        wide = both.reshape(*both.shape[:axis], -1, *both.shape[axis + 2 :])
    return wide

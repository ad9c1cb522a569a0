"""Clips side by side in the picture of one stream.

What a stream takes for each frame whatever is in it, and what its coder learns on the way, is so shared: of
64x64 pixels 16 clips take 29 to 84 % of their bytes at equal error (docs/storage.md).
"""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np

from vidcondense.condensed.coding.colour import GREY, Bytes


@dataclass(frozen=True)
class Grid:
    """How clips lie in a picture: row by row, as nearly square as their number allows."""

    rows: int
    columns: int

    @classmethod
    def of(cls, clips: int) -> Self:
        """That of so many clips."""
        columns = math.ceil(math.sqrt(clips))
        return cls(math.ceil(clips / columns), columns)


def joined(clips: Bytes) -> Bytes:
    """Pictures (frame, height, width) of a plane of clips (clip, frame, height, width), both uint8.

    Places without a clip are grey.
    """
    count, frames, height, width = clips.shape
    grid = Grid.of(count)
    full = np.full((grid.rows * grid.columns, frames, height, width), GREY, np.uint8)
    full[:count] = clips
    pictures = full.reshape(grid.rows, grid.columns, frames, height, width).transpose(2, 0, 3, 1, 4)
    return pictures.reshape(frames, grid.rows * height, grid.columns * width)


def apart(pictures: Bytes, clips: int) -> Bytes:
    """Undo `joined` for so many clips."""
    grid = Grid.of(clips)
    frames, height, width = len(pictures), pictures.shape[1] // grid.rows, pictures.shape[2] // grid.columns
    parts = pictures.reshape(frames, grid.rows, height, grid.columns, width).transpose(1, 3, 0, 2, 4)
    return parts.reshape(-1, frames, height, width)[:clips]

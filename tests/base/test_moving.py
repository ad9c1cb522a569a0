"""Clips as moving pictures."""

import io

import av
import numpy as np
import pytest

from vidcondense.base import moving


def decoded(data: bytes) -> np.ndarray:
    with av.open(io.BytesIO(data)) as file:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)])


@pytest.mark.parametrize("frames", [1, 7])
def test_a_gif_of_few_colours_is_exact_and_repeats(frames: int) -> None:
    clip = np.random.default_rng(0).integers(0, 3, (frames, 10, 14, 3), dtype=np.uint8) * 127
    data = moving.gif(clip)
    assert data.startswith(b"GIF89a") and (b"NETSCAPE2.0\x03\x01\x00\x00" in data or frames == 1)
    assert np.abs(decoded(data).astype(int) - clip).max() <= 1
    assert moving.gif(clip) == data


def test_a_grid_has_every_clip_in_its_place_on_white() -> None:
    clips = np.stack([np.full((2, 4, 6, 3), number, np.uint8) for number in range(8)])
    grid = moving.grid(clips)
    gap = moving.GAP
    assert grid.shape == (2, 2 * (4 + gap), moving.COLUMNS * (6 + gap), 3)
    assert (grid[:, :4, 6 + gap : 12 + gap] == 1).all() and (grid[:, 4 + gap : 8 + gap, :6] == 6).all()
    assert (grid[:, 4:][:, :gap] == 255).all() and (grid[0, -8:, 12 + 2 * gap :] == 255).all()

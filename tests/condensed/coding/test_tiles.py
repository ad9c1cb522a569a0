"""Clips side by side in a picture."""

import numpy as np
import pytest

from vidcondense.condensed.coding.tiles import Grid, apart, joined


@pytest.mark.parametrize(
    ("clips", "rows", "columns"), [(1, 1, 1), (2, 1, 2), (3, 2, 2), (5, 2, 3), (12, 3, 4), (16, 4, 4)]
)
def test_clips_lie_row_by_row_and_come_back(clips: int, rows: int, columns: int) -> None:
    made = np.random.default_rng(0).integers(0, 256, (clips, 2, 6, 8), dtype=np.uint8)
    assert Grid.of(clips) == Grid(rows, columns)
    pictures = joined(made)
    assert pictures.shape == (2, 6 * rows, 8 * columns)
    for number, clip in enumerate(made):
        top, left = 6 * (number // columns), 8 * (number % columns)
        assert np.array_equal(pictures[:, top : top + 6, left : left + 8], clip)
    assert np.array_equal(apart(pictures, clips), made)


def test_places_without_a_clip_are_grey() -> None:
    pictures = joined(np.zeros((3, 1, 4, 4), np.uint8))
    assert np.array_equal(pictures[0, 4:, 4:], np.full((4, 4), 128))
    assert not pictures[0, :4].any() and not pictures[0, :, :4].any()

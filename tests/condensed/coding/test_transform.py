"""Cosine coefficients of small arrays against scipy's, and what comes back."""

import numpy as np
import pytest
from scipy.fft import dctn

from vidcondense.base.errors import VidcondenseError
from vidcondense.condensed.coding import transform
from vidcondense.condensed.coding.transform import decode, encode, step_size

SHAPE = (2, 4, 3)
ROWS = [5, 1, 7]


def _smooth(rows: list[int] = ROWS) -> np.ndarray:
    """Values that grow over time and space."""
    time = np.concatenate([np.arange(count) for count in rows])[:, None, None, None]
    channel, row, column = np.indices(SHAPE)
    return time * (0.01 * row - 0.02 * column + 0.03 * channel) + 0.002 * time**2


def test_coefficients_are_those_of_scipy() -> None:
    values = np.random.default_rng(0).normal(size=(5, *SHAPE))
    made = values
    for axis in transform.AXES:
        made = transform._along(transform.cosines(made.shape[axis]), made, axis)
    assert np.allclose(made, dctn(values, axes=(0, 2, 3), norm="ortho"))


@pytest.mark.parametrize("step", [1e-4, 0.01, 0.1])
def test_values_come_back_within_the_width_of_levels(step: float) -> None:
    values = _smooth()
    back = decode(encode(values, ROWS, step), ROWS, SHAPE, step)
    assert back.shape == values.shape
    assert np.sqrt(np.square(back - values).mean()) <= step / 2 + 1e-3 * np.abs(values).max()


def test_wider_levels_take_fewer_bytes() -> None:
    noise = np.random.default_rng(0).normal(size=(140, *SHAPE))
    values = _smooth([7] * 20) + 0.02 * noise
    sizes = [len(encode(values, [7] * 20, step_size(values, quality))) for quality in (10, 30, 50, 60)]
    assert sizes == sorted(sizes, reverse=True) and sizes[0] > 2 * sizes[-1]
    assert sizes[2] < values.size / 2


def test_nothing_is_nothing() -> None:
    values = np.zeros((13, *SHAPE))
    step = step_size(values, 40)
    assert not decode(encode(values, ROWS, step), ROWS, SHAPE, step).any()


def test_values_beyond_the_levels_are_refused() -> None:
    with pytest.raises(VidcondenseError, match="choose a larger number"):
        encode(1e6 * np.ones((13, *SHAPE)), ROWS, 1.0)


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"", "0 bytes in place of"), (b"no such thing", "cannot be unpacked"), (None, "more than [0-9,]+ b")],
)
def test_other_bytes_are_refused(data: bytes | None, message: str) -> None:
    if data is None:
        data = encode(np.zeros((1000, *SHAPE)), [1000], 1.0)  # more than there is room for
    with pytest.raises(VidcondenseError, match=message):
        decode(data, ROWS, SHAPE, 0.1)

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidcondense.data import sampling

lengths = st.integers(1, 400)
clip_frames = st.integers(1, 20)
strides = st.integers(1, 6)


def slow_step(length, frames, stride):
    """The papers' rule, word for word."""
    return stride if length >= frames * stride else max(1, length // frames)


def slow_indices(length, start, frames, stride):
    """One frame at a time."""
    indices = []
    for j in range(frames):
        wanted = start + slow_step(length, frames, stride) * j
        indices.append(wanted if wanted < length else length - 1)
    return indices


@pytest.mark.parametrize(
    ("length", "step", "last"), [(64, 4, 3), (63, 3, 17), (100, 4, 39), (16, 1, 0), (31, 1, 15), (5, 1, 0)]
)
def test_sixteen_frames_with_stride_four(length, step, last):
    assert sampling.step(length, 16, 4) == step
    assert sampling.last_start(length, 16, 4) == last


@given(st.lists(lengths, min_size=1, max_size=8), clip_frames, strides, st.integers(0, 1000))
def test_indices_equal_the_slow_loop(videos, frames, stride, place):
    starts = [place % length for length in videos]
    found = sampling.frame_indices(videos, starts, frames, stride)
    assert found.dtype == np.int64
    assert found.tolist() == [
        slow_indices(n, start, frames, stride) for n, start in zip(videos, starts, strict=True)
    ]


@given(lengths, clip_frames, strides)
def test_last_start_is_the_largest_that_fits(length, frames, stride):
    fitting = [
        start
        for start in range(length)
        if start + slow_step(length, frames, stride) * (frames - 1) <= length - 1
    ]
    assert sampling.last_start(length, frames, stride) == max(fitting, default=0)


def test_a_short_video_shows_all_its_frames_then_repeats_the_last():
    assert sampling.frame_indices(3, 0, 6, 4).tolist() == [0, 1, 2, 2, 2, 2]


def test_random_starts_take_every_valid_start_equally_often_and_follow_the_seed():
    videos = np.array([20, 3, 12])
    draws = np.stack(
        [sampling.random_starts(videos, 4, 4, np.random.default_rng(seed)) for seed in range(2000)]
    )
    last = sampling.last_start(videos, 4, 4)
    for column, limit in zip(draws.T, last, strict=True):
        counts = np.bincount(column, minlength=limit + 1)
        assert len(counts) == limit + 1
        assert counts.min() > 0.75 * 2000 / (limit + 1)
    again = sampling.random_starts(videos, 4, 4, np.random.default_rng(7))
    assert (again == draws[7]).all()


@given(st.lists(lengths, min_size=1, max_size=8), clip_frames, strides, st.integers(1, 9))
def test_even_starts_are_evenly_spread(videos, frames, stride, windows):
    starts = sampling.even_starts(videos, frames, stride, windows)
    assert starts.shape == (len(videos), windows)
    for row, length in zip(starts, videos, strict=True):
        last = sampling.last_start(length, frames, stride)
        if windows == 1:
            assert row[0] == last // 2
        else:
            exact = [last * k / (windows - 1) for k in range(windows)]
            assert np.abs(row - exact).max() <= 0.5
            assert (row[0], row[-1]) == (0, last)


def test_no_windows_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        sampling.even_starts([10], 4, 1, 0)

"""Interpolation against slow loops over the formulas, in segments too."""

from typing import Any, get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vidcondense.base.errors import VidcondenseError
from vidcondense.condensed.interpolation import (
    Interpolation,
    adjacent_keys,
    evenly_spread,
    interpolation_weights,
    segment_starts,
    taps,
)

Values = NDArray[np.float64]
ALGORITHMS: tuple[Interpolation, ...] = get_args(Interpolation)


@st.composite
def layouts(draw: st.DrawFn) -> tuple[int, list[int], list[int]]:
    """T, key positions, and the first time of each segment; every segment has a key frame."""
    frames = draw(st.integers(1, 17))
    starts = sorted({0} | draw(st.sets(st.integers(0, frames - 1), max_size=4)))
    keys: set[int] = set()
    for first, end in zip(starts, [*starts[1:], frames], strict=True):
        keys |= draw(st.sets(st.integers(first, end - 1), min_size=1))
    return frames, sorted(keys), starts


def mask(frames: int, *rows: list[int]) -> torch.Tensor:
    is_key = torch.zeros(len(rows), frames, dtype=torch.bool)
    for row, positions in enumerate(rows):
        is_key[row, positions] = True
    return is_key


def linear(at: list[int], values: Values, t: int) -> Values:
    """PRISM eq. 3 as written: s_t = alpha s_left + (1 - alpha) s_right."""
    left = max(i for i, k in enumerate(at) if k <= t)
    if at[left] == t:
        return values[left]
    alpha = (at[left + 1] - t) / (at[left + 1] - at[left])
    return alpha * values[left] + (1 - alpha) * values[left + 1]


def nearest(at: list[int], values: Values, t: int) -> Values:
    return values[min(range(len(at)), key=lambda i: (abs(at[i] - t), i))]


def smooth(at: list[int], values: Values, t: int) -> Values:
    """Hermite's cubic by powers, with numpy's slopes: parabolas inside, straight lines at the ends."""
    left = max(i for i, k in enumerate(at) if k <= t)
    if at[left] == t:
        return values[left]
    slopes = np.gradient(values, np.array(at, float), axis=0)
    gap = at[left + 1] - at[left]
    step = values[left + 1] - values[left]
    a = gap * slopes[left] - step
    b = step - gap * slopes[left + 1]
    u = (t - at[left]) / gap
    return (1 - u) * values[left] + u * values[left + 1] + u * (1 - u) * ((1 - u) * a + u * b)


SLOW = {"linear": linear, "nearest": nearest, "smooth": smooth}


def slow(algorithm: str, values: Values, frames: int, keys: list[int], starts: list[int]) -> Values:
    """Frame by frame; `values` are those of the key frames (key frame, ...)."""
    rendered = []
    for t in range(frames):
        first = max(start for start in starts if start <= t)
        end = min([start for start in starts if start > t], default=frames)
        mine = [i for i, key in enumerate(keys) if first <= key < end]
        at = [keys[i] for i in mine]
        rendered.append(SLOW[algorithm](at, values[mine], min(max(t, at[0]), at[-1])))
    return np.stack(rendered)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@settings(deadline=None, max_examples=60)
@given(layout=layouts(), seed=st.integers(0, 2**31))
def test_agrees_with_a_loop_and_weights_sum_to_one(
    algorithm: Interpolation, layout: tuple[int, list[int], list[int]], seed: int
) -> None:
    frames, keys, starts = layout
    weights = interpolation_weights(mask(frames, keys), algorithm, starts)[0]
    torch.testing.assert_close(weights.sum(1), torch.ones(frames))
    assert not weights[:, [t for t in range(frames) if t not in keys]].any()
    torch.testing.assert_close(weights[keys][:, keys], torch.eye(len(keys)), rtol=0, atol=0)
    values = np.random.default_rng(seed).standard_normal((len(keys), 2))
    expected = torch.from_numpy(slow(algorithm, values, frames, keys, starts)).float()
    torch.testing.assert_close(weights[:, keys] @ torch.from_numpy(values).float(), expected)
    segment = np.searchsorted(starts, range(frames), side="right")
    assert not weights[torch.from_numpy(segment[:, None] != segment[None, :])].any()


def rows(algorithm: Interpolation, frames: int, keys: list[int], starts: tuple[int, ...] = (0,)) -> Any:
    values = torch.arange(frames, dtype=torch.float32) ** 2
    return (interpolation_weights(mask(frames, keys), algorithm, starts)[0] @ values).tolist()


def test_small_cases_by_hand() -> None:
    assert rows("linear", 5, [0, 4]) == [0, 4, 8, 12, 16]
    assert rows("nearest", 5, [0, 4]) == [0, 0, 0, 16, 16]  # 2 is as near to both: the earlier
    assert rows("smooth", 5, [0, 4]) == [0, 4, 8, 12, 16]  # two key frames: a straight line
    for algorithm in ALGORITHMS:
        assert rows(algorithm, 4, [1]) == [1, 1, 1, 1]
        assert rows(algorithm, 6, [0, 1, 4], (0, 3)) == [0, 1, 1, 16, 16, 16]


def test_the_smooth_spline_follows_a_parabola_between_inner_key_frames() -> None:
    rendered = rows("smooth", 11, [0, 1, 4, 6, 10])
    assert rendered[1:7] == pytest.approx([t**2 for t in range(1, 7)])
    assert rendered[8] != pytest.approx(64)  # the last slope is that of a line


def test_videos_of_a_batch_do_not_mix() -> None:
    alone = [interpolation_weights(mask(6, keys), "smooth") for keys in ([0, 5], [1, 2, 5], [3])]
    assert torch.equal(interpolation_weights(mask(6, [0, 5], [1, 2, 5], [3]), "smooth"), torch.cat(alone))


@given(layouts())
def test_adjacent_keys_against_a_loop(layout: tuple[int, list[int], list[int]]) -> None:
    frames, keys, starts = layout
    left, right = adjacent_keys(mask(frames, keys), starts)
    for t in range(frames):
        first = max(start for start in starts if start <= t)
        end = min([start for start in starts if start > t], default=frames)
        mine = [key for key in keys if first <= key < end]
        assert int(left[0, t]) == max([key for key in mine if key <= t], default=mine[0])
        assert int(right[0, t]) == min([key for key in mine if key >= t], default=mine[-1])


@pytest.mark.parametrize(
    ("frames", "segments", "starts"), [(8, 1, (0,)), (8, 2, (0, 4)), (8, 3, (0, 2, 5)), (3, 3, (0, 1, 2))]
)
def test_segments_are_as_long_as_each_other(frames: int, segments: int, starts: tuple[int, ...]) -> None:
    assert segment_starts(frames, segments) == starts


def test_more_segments_than_frames_are_refused() -> None:
    with pytest.raises(VidcondenseError, match=r"segments = 5 is more than the 4 frames of a clip"):
        segment_starts(4, 5)


@pytest.mark.parametrize(
    ("count", "segments", "expected"),
    [
        (1, 1, [3]),
        (2, 1, [0, 7]),
        (3, 1, [0, 4, 7]),
        (2, 2, [1, 5]),
        (4, 2, [0, 3, 4, 7]),
        (6, 2, [0, 2, 3, 4, 6, 7]),
        (6, 3, [0, 1, 2, 4, 5, 7]),
        (9, 3, [0, 1, 2, 3, 4, 5, 6, 7]),
        (8, 8, [0, 1, 2, 3, 4, 5, 6, 7]),
        (20, 1, [0, 1, 2, 3, 4, 5, 6, 7]),
    ],
)
def test_frames_are_spread_evenly_over_each_segment(count: int, segments: int, expected: list[int]) -> None:
    assert evenly_spread(8, count, segment_starts(8, segments)).tolist() == expected


def test_one_linear_segment_is_what_comes_without_asking() -> None:
    assert evenly_spread(8, 3).tolist() == evenly_spread(8, 3, (0,)).tolist() == [0, 4, 7]
    is_key = mask(6, [1, 4])
    for plain, asked in (
        (adjacent_keys(is_key), adjacent_keys(is_key, (0,))),
        (taps(is_key), taps(is_key, "linear", (0,))),
        ((interpolation_weights(is_key),), (interpolation_weights(is_key, "linear", (0,)),)),
    ):
        assert all(torch.equal(one, other) for one, other in zip(plain, asked, strict=True))


def test_a_segment_shorter_than_its_share_has_all_its_frames() -> None:
    assert evenly_spread(7, 8, (0, 5)).tolist() == [0, 1, 3, 4, 5, 6]


def test_taps_are_shares_of_two_frames_and_nearest_of_one() -> None:
    is_key = mask(7, [1, 4], [2, 3])
    times, weights = taps(is_key)
    assert times.shape == weights.shape == (2, 7, 2)
    assert float(weights.min()) >= 0 and float(weights.max()) <= 1
    assert weights[0, 0].tolist() == [1, 0] and weights[0, 3].tolist() == pytest.approx([1 / 3, 2 / 3])
    times, weights = taps(is_key, "nearest")
    assert times.shape == weights.shape == (2, 7, 1)
    assert torch.equal(weights, torch.ones(2, 7, 1))

"""The sign-flip test against enumeration by hand, and Holm's correction against its definition."""

import itertools
import statistics

import numpy as np
import pytest

from vidcondense.benchmark.statistics.significance import holm, pairs_needed, sign_flip


@pytest.mark.parametrize(
    "values",
    [
        (1.0, 2.0, 3.0),
        (5.0, 5.0, 5.0 + 100 / 120),
        (1.0, -2.0, 0.0, 4.0, 0.5),
        (0.0, 0.0, 0.0),
        tuple(np.array([1, 1, 2, -1, 3, 1, 1, 0]) * 100 / 120),
        (0.1, 0.2, 0.3, -0.3, 0.3),
    ],
)
def test_it_counts_the_signs_that_are_as_far_from_zero(values: tuple[float, ...]) -> None:
    patterns = list(itertools.product((1, -1), repeat=len(values)))
    far = abs(statistics.fmean(values)) - 1e-9
    hits = [
        abs(statistics.fmean(s * v for s, v in zip(signs, values, strict=True))) >= far for signs in patterns
    ]
    assert sign_flip(values) == pytest.approx(min(1.0, statistics.fmean(hits)))


def test_of_many_pairs_it_is_drawn_the_same_every_time() -> None:
    values = np.random.default_rng(0).normal(0.9, 1.0, 18).tolist()
    assert sign_flip(values) == sign_flip(values) < 0.05
    assert sign_flip([1.0] * 6) == pytest.approx(2 / 2**6)


def test_under_the_null_hypothesis_it_is_rarely_small_even_with_ties() -> None:
    rng = np.random.default_rng(0)
    small = []
    for _ in range(150):  # of 40 test videos
        right = rng.binomial(40, 0.3, (2, 7))
        small.append(sign_flip(((right[0] - right[1]) / 0.4).tolist()) < 0.05)
    assert statistics.fmean(small) <= 0.05 + 2 * (0.05 * 0.95 / 150) ** 0.5


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([0.02]) == [0.02]
    assert holm([]) == []


def test_the_fewest_pairs_of_a_star() -> None:
    for comparisons in range(1, 40):
        needed = pairs_needed(comparisons)
        assert comparisons * 2 / 2**needed < 0.05 <= comparisons * 2 / 2 ** (needed - 1)
    assert pairs_needed(1) == 6

"""Paired differences and their verdicts: what takes part, and that no star comes out of nothing."""

import statistics
from collections.abc import Mapping

import numpy as np
import pytest

from vidcondense.benchmark.statistics import Difference, Pair, judged, paired

MANY = 10**9


def of(*values: float | None) -> dict[Pair, float | None]:
    return {("1", seed): value for seed, value in enumerate(values)}


ZERO = of(*[0.0] * 12)


def verdict(
    values: Mapping[Pair, float | None], margin: float | None = None, videos: int = MANY
) -> Difference:
    return judged([paired(values, ZERO, videos)], margin)[0]


def test_a_difference_by_hand() -> None:
    ours = {("1", 0): 12.0, ("1", 1): 15.0, ("2", 0): 18.0}
    theirs = {("2", 0): 13.0, ("1", 0): 10.0, ("1", 1): 12.0}
    made = paired(ours, theirs, MANY)
    assert (made.mean, made.pairs, made.left_out) == (pytest.approx(10 / 3), 3, 0)
    assert made.p == 0.25  # 2 of 8 signs
    assert made.interval is not None and made.half_width == made.interval.half_width()


def test_pairs_with_nothing_trained_or_not_shared_take_no_part() -> None:
    made = paired(of(12.0, None, 14.0, 99.0), {**of(10.0, 1.0, 11.0), ("1", 4): 0.0}, 9)
    assert (made.mean, made.half_width, made.pairs, made.left_out, made.p) == (2.5, None, 2, 1, None)
    nothing = paired(of(None), of(3.0), 9)
    assert (nothing.mean, nothing.pairs, nothing.left_out) == (None, 0, 1)
    assert judged([made, nothing], 2.0) == [made, nothing]
    assert (made.verdict, made.starred) == ("not resolved", False)


def test_two_pairs_that_tie_have_neither_interval_nor_star() -> None:
    made = verdict(of(5.0, 5.0), videos=120)
    assert (made.half_width, made.starred, made.verdict) == (None, False, "not resolved")


@pytest.mark.parametrize(
    ("values", "margin", "videos", "said"),
    [
        ((5.0, 6.0, 5.5, 4.5, 5.2, 5.9), None, MANY, "better"),
        ((-5.0, -6.0, -5.5, -4.5, -5.2, -5.9), None, MANY, "worse"),
        ((5.0, 6.0, 5.5, 4.5, 5.2), None, MANY, "not resolved"),  # signs of five pairs say too little
        ((5.0, 6.0, 5.5, 4.5, 5.2, -9.0), None, MANY, "not resolved"),
        ((2.5,) * 6, None, 120, "not resolved"),  # three videos of 120
        ((0.1, -0.2, 0.3, -0.1), 2.0, MANY, "level within 2"),
        ((0.1, -0.2, 0.3, -0.1), None, MANY, "not resolved"),
        ((0.1, -0.2, 0.3, -0.1), 2.0, 120, "level within 2"),
        ((0.1, -0.2, 0.3, -0.1), 1.0, 120, "not resolved"),  # the test set does not resolve a point
        ((1.0, 1.1, 0.9, 1.0, 1.0, 1.1), 2.5, MANY, "better, but level within 2.5"),
        ((1.9, -1.9, 1.8, -1.7), 2.0, MANY, "not resolved"),
    ],
)
def test_verdicts(values: tuple[float, ...], margin: float | None, videos: int, said: str) -> None:
    made = verdict(of(*values), margin, videos)
    assert made.verdict == said
    assert made.starred == said.startswith(("better", "worse"))
    assert (made.p_level is None) == (margin is None)


def test_p_values_are_adjusted_for_all_comparisons_of_a_table() -> None:
    strong = paired(of(*[5.0 + 0.1 * n for n in range(6)]), ZERO, MANY)
    weak = paired(of(1.0, -1.0, 2.0, -2.0), ZERO, MANY)
    alone, untested = judged([strong, paired(of(1.0), ZERO, MANY)], None)
    assert alone.p_holm == alone.p == 2 / 2**6 and alone.starred
    assert untested.p_holm is None
    first, second = judged([strong, weak], 3.0)
    assert first.p_holm == 2 * 2 / 2**6 and not first.starred
    assert second.p_holm == second.p
    assert strong.interval is not None and weak.interval is not None
    levels = [one.interval.p_outside(3.0) for one in (strong, weak) if one.interval]
    assert [first.p_level, second.p_level] == pytest.approx([levels[0], min(1.0, 2 * levels[1])])


@pytest.mark.parametrize(("splits", "seeds", "videos"), [(1, 6, 40), (3, 3, 40), (1, 8, 120)])
def test_no_star_out_of_nothing(splits: int, seeds: int, videos: int) -> None:
    """Two methods that are the same, on few test videos: their differences are multiples of one video."""
    rng = np.random.default_rng(1)
    pairs = [(str(split), seed) for split in range(splits) for seed in range(seeds)]
    starred = []
    for _ in range(120):
        right = rng.binomial(videos, 0.3, (2, len(pairs))) * 100 / videos
        ours, theirs = (dict(zip(pairs, map(float, line), strict=True)) for line in right)
        starred.append(judged([paired(ours, theirs, videos * splits)], None)[0].starred)
    assert statistics.fmean(starred) <= 0.05 + 2 * (0.05 * 0.95 / 120) ** 0.5


def test_equal_results_are_level_at_most() -> None:
    made = judged([paired(of(*[10.0] * 6), of(*[10.0] * 6), 500)], 2.0)[0]
    assert (made.mean, made.p, made.verdict) == (0.0, 1.0, "level within 2")

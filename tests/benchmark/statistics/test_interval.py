"""The two-way interval, against printed quantiles, the textbook's mean squares, and simulated designs."""

import itertools
import math
import statistics

import numpy as np
import pytest
from scipy.stats import t

from vidcondense.benchmark.statistics.interval import Interval, Pair, interval, resolution

MANY = 10**9
"""So many test videos resolve everything."""


def found(values: dict[Pair, float], videos: int = MANY) -> Interval:
    made = interval(values, videos)
    assert made is not None
    return made


# Two-sided 95 % quantiles as any printed table has them.
@pytest.mark.parametrize(
    ("degrees", "quantile"), [(2, 4.303), (3, 3.182), (9, 2.262), (30, 2.042), (120, 1.980)]
)
@pytest.mark.parametrize("way", ["seeds", "splits"])
def test_of_a_single_split_or_seed_it_is_students(degrees: int, quantile: float, way: str) -> None:
    pairs = [("1", n) if way == "seeds" else (str(n), 1) for n in range(degrees + 1)]
    values = {pair: float(index % 3) for index, pair in enumerate(pairs)}
    wanted = quantile * statistics.stdev(values.values()) / math.sqrt(degrees + 1)
    assert found(values).half_width() == pytest.approx(wanted, rel=2e-4)


def test_fewer_than_three_values_have_none() -> None:
    assert interval({("1", 0): 3.0, ("1", 1): 3.0}, 10) is None
    assert interval({}, 10) is None
    assert interval({("1", 0): 3.0, ("1", 1): 3.0, ("2", 0): 3.0}, 10) is not None


def test_the_two_way_error_is_that_of_the_mean_squares_by_hand() -> None:
    rows = [[1.0, 2.0, 6.0], [4.0, 3.0, 9.0], [9.0, 8.0, 9.0]]
    values = {(str(i), j): x for i, row in enumerate(rows) for j, x in enumerate(row)}
    table = np.array(rows)
    mean = table.mean()
    of_splits = 3 * ((table.mean(1) - mean) ** 2).sum() / 2
    of_seeds = 3 * ((table.mean(0) - mean) ** 2).sum() / 2
    rest = table - table.mean(1)[:, None] - table.mean(0)[None] + mean
    of_rest = (rest**2).sum() / 4
    both = of_splits + of_seeds - of_rest
    degrees = both**2 / (of_splits**2 / 2 + of_seeds**2 / 2 + of_rest**2 / 4)
    wanted = [
        (math.sqrt(table.var(ddof=1) / 9), 8),
        (math.sqrt(of_splits / 9), 2),
        (math.sqrt(of_seeds / 9), 2),
        (math.sqrt(both / 9), min(max(degrees, 2), 8)),
    ]
    made = found(values)
    assert made.mean == pytest.approx(mean)
    for (error, own), (want, degrees) in zip(made.errors[:4], wanted, strict=True):
        assert (error, own) == pytest.approx((want, degrees))
    assert made.half_width() == pytest.approx(max(t.ppf(0.975, d) * e for e, d in wanted))


def test_differences_between_splits_are_not_thinned_out_by_seeds() -> None:
    values = {
        (split, seed): base for split, base in (("1", 1.0), ("2", 4.0), ("3", 7.0)) for seed in range(9)
    }
    assert found(values).half_width() == pytest.approx(4.3027 * 3 / math.sqrt(3), rel=1e-3)


def test_missing_pairs_keep_the_mean_and_widen_nothing_to_nonsense() -> None:
    whole = {(str(i), j): float(4 * i + j + (i * j) % 2) for i in range(3) for j in range(4)}
    part = {pair: value for pair, value in whole.items() if pair not in (("0", 0), ("2", 3))}
    made = found(part)
    assert made.mean == pytest.approx(statistics.fmean(part.values()))
    assert len(made.errors) == 5
    assert 0.5 < made.half_width() / found(whole).half_width() < 2
    cross = {("1", 0): 1.0, ("1", 1): 2.0, ("2", 0): 4.0}  # as many unknowns as values
    assert math.isfinite(found(cross).half_width())


@pytest.mark.parametrize(
    ("design", "deviations"),
    [
        (design, deviations)
        for design in ((1, 4), (3, 3), (3, 6), (2, 5), (5, 1))
        for deviations in ((0.0, 0.0, 1.0), (1.0, 0.0, 1.0), (0.0, 1.0, 1.0), (2.0, 2.0, 1.0))
        if min(design) > 1 or not deviations[design.index(1)]  # one split says nothing of others
    ],
)
def test_it_covers_the_truth_in_simulated_designs(
    design: tuple[int, int], deviations: tuple[float, float, float]
) -> None:
    rng = np.random.default_rng(0)
    splits, seeds = design
    inside, times = 0, 400
    for _ in range(times):
        table = (
            rng.normal(size=(splits, 1)) * deviations[0]
            + rng.normal(size=(1, seeds)) * deviations[1]
            + rng.normal(size=design) * deviations[2]
        )
        pairs = itertools.product(range(splits), range(seeds))
        made = found({(str(i), j): float(table[i, j]) for i, j in pairs})
        inside += abs(made.mean) <= made.half_width()
    assert inside / times >= 0.925  # 0.95 less two standard errors of 400 draws


def test_it_is_never_below_what_the_test_videos_resolve() -> None:
    tied = {("1", seed): 5.0 for seed in range(4)}
    assert found(tied, 120).half_width() == pytest.approx(1.96 * 100 * math.sqrt(0.05 * 0.95 / 120), rel=1e-3)
    assert found(tied, 480).half_width() == pytest.approx(found(tied, 120).half_width() / 2)
    level = dict.fromkeys(tied, 0.0)
    assert found(level, 120).half_width() == pytest.approx(1.96 * 100 / 120, rel=1e-2)  # one video


@pytest.mark.parametrize(
    ("mean", "videos", "error"),
    [(50.0, 100, 5.0), (-50.0, 100, 5.0), (10.0, 900, 1.0), (0.0, 100, 0.995), (100.0, 1, 0.0)],
)
def test_resolution_is_binomial(mean: float, videos: int, error: float) -> None:
    assert resolution(mean, videos) == pytest.approx(error, rel=1e-3)


def test_two_one_sided_tests_agree_with_the_interval_of_ninety_percent() -> None:
    values = {("1", seed): value for seed, value in enumerate((0.4, -0.2, 0.9, 0.1, -0.4))}
    made = found(values)
    edge = abs(made.mean) + made.half_width(0.90)
    assert made.p_outside(edge) == pytest.approx(0.05)
    assert made.p_outside(2 * edge) < 0.05 < made.p_outside(edge / 2)
    assert made.p_outside(abs(made.mean) / 2) > 0.5

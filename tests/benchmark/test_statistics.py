"""Means, deviations and Student's interval, against tables and numbers worked out by hand."""

import math

import pytest

from vidcondense.benchmark.statistics import paired, t_quantile


# Two-sided 95 % quantiles as any printed table has them.
@pytest.mark.parametrize(
    ("degrees", "quantile"),
    [
        *((1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (5, 2.571), (9, 2.262), (10, 2.228), (17, 2.110)),
        *((30, 2.042), (60, 2.000), (120, 1.980), (1000, 1.962)),
    ],
)
def test_quantiles_of_students_t_are_those_of_the_table(degrees: int, quantile: float) -> None:
    assert t_quantile(degrees) == pytest.approx(quantile, abs=6e-4)


@pytest.mark.parametrize("degrees", [1, 2, 3, 6, 7])
@pytest.mark.parametrize("coverage", [0.5, 0.95, 0.99])
def test_the_density_between_the_quantiles_integrates_to_the_coverage(degrees: int, coverage: float) -> None:
    t = t_quantile(degrees, coverage)
    steps = 200_000
    constant = math.gamma((degrees + 1) / 2) / (math.sqrt(degrees * math.pi) * math.gamma(degrees / 2))
    width = t / steps
    area = sum(
        constant * (1 + ((i + 0.5) * width) ** 2 / degrees) ** (-(degrees + 1) / 2) for i in range(steps)
    )
    assert 2 * area * width == pytest.approx(coverage, abs=1e-6)


def test_impossible_quantiles_are_refused() -> None:
    for degrees, coverage in ((0, 0.95), (3, 0.0), (3, 1.0)):
        with pytest.raises(ValueError, match="no quantile"):
            t_quantile(degrees, coverage)


def test_a_paired_interval_by_hand() -> None:
    ours = {("1", 0): 12.0, ("1", 1): 15.0, ("2", 0): 18.0}
    theirs = {("2", 0): 13.0, ("1", 0): 10.0, ("1", 1): 12.0}
    found = paired(ours, theirs)  # differences 2, 3, 5: mean 10/3, deviation sqrt(7/3)
    assert found.mean == pytest.approx(10 / 3)
    assert found.half_width == pytest.approx(4.3027 * math.sqrt(7 / 3) / math.sqrt(3), abs=1e-3)
    assert (found.pairs, found.left_out) == (3, 0)
    assert not found.excludes_zero  # 3.33 ± 3.79
    assert paired({key: value + 1 for key, value in ours.items()}, theirs).excludes_zero  # 4.33 ± 3.79


def test_pairs_with_nothing_trained_or_not_shared_take_no_part() -> None:
    ours = {("1", 0): 12.0, ("1", 1): None, ("1", 2): 14.0, ("1", 3): 99.0}
    theirs = {("1", 0): 10.0, ("1", 1): 1.0, ("1", 2): 11.0, ("1", 4): 0.0}
    found = paired(ours, theirs)
    assert found.mean == 2.5
    assert (found.pairs, found.left_out) == (2, 1)
    zero = paired({("1", 0): 0.0, ("1", 1): 2.0}, {("1", 0): 1.0, ("1", 1): 0.0})
    assert (zero.mean, zero.pairs, zero.left_out) == (0.5, 2, 0)  # no hit at all is a result
    alone = paired({("1", 0): 12.0}, theirs)
    assert (alone.mean, alone.half_width, alone.excludes_zero) == (2.0, None, False)
    nothing = paired({("1", 1): None}, theirs)
    assert (nothing.mean, nothing.half_width, nothing.pairs, nothing.left_out) == (None, None, 0, 1)


def test_equal_results_have_no_star() -> None:
    same = {("1", seed): 10.0 for seed in range(3)}
    found = paired(same, same)
    assert (found.mean, found.half_width, found.excludes_zero) == (0.0, 0.0, False)

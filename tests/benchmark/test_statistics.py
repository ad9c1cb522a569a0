"""Means, deviations and Student's interval, against tables and numbers worked out by hand."""

import math
import sys

import pytest

from vidcondense.base.errors import VidcondenseError
from vidcondense.benchmark.statistics import half_width, paired
from vidcondense.evaluation.results import mean_std


# Two-sided 95 % quantiles as any printed table has them.
@pytest.mark.parametrize(
    ("degrees", "quantile"), [(1, 12.706), (2, 4.303), (3, 3.182), (9, 2.262), (30, 2.042), (120, 1.980)]
)
def test_the_half_width_is_the_quantile_of_the_table_in_standard_errors(
    degrees: int, quantile: float
) -> None:
    values = [float(index % 3) for index in range(degrees + 1)]
    _, std = mean_std(values)
    assert std is not None
    assert half_width(values) == pytest.approx(quantile * std / math.sqrt(degrees + 1), rel=2e-4)


def test_one_value_has_no_interval() -> None:
    assert half_width([3.0]) is None
    assert half_width([]) is None


def test_without_scipy_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(VidcondenseError, match=r"pip install 'vidcondense\[benchmark\]'"):
        half_width([1.0, 2.0])
    assert paired({("1", 0): 2.0}, {("1", 0): 1.0}).mean == 1.0


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

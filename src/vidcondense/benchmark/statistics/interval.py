"""The interval of a mean over splits and seeds, which are crossed; networks are averaged before."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

Pair = tuple[str, int]
"""A split and a seed: what two methods share when their difference is taken."""
LEAST_PAIRS = 3
"""Fewer have no interval: two give one of 12.7 standard errors, or of width 0 where they happen to agree."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A mean, and what its uncertainty may come from.

    Attributes:
        mean: of all pairs.
        errors: standard error and degrees of freedom of each view of the values; the widest counts.
    """

    mean: float
    errors: tuple[tuple[float, float], ...]

    def half_width(self, level: float = 0.95) -> float:
        """Half the interval, by Student's t."""
        return max(float(stdtrit(degrees, (1 + level) / 2)) * error for error, degrees in self.errors)

    def p_outside(self, margin: float) -> float:
        """The larger p of two one-sided tests (TOST), of mean <= -margin and of mean >= margin."""
        beyond = abs(self.mean) - margin
        return max(float(stdtr(degrees, beyond / error)) for error, degrees in self.errors)


def interval(values: Mapping[Pair, float], videos: int) -> Interval | None:
    """The interval of the mean of values by split and seed; None of fewer than three.

    It is the widest of Student's intervals over the pairs, over the splits and over the seeds, of the two-way
    one (random splits and seeds, crossed: the mean square of splits plus that of seeds less that of the rest,
    with Satterthwaite's degrees of freedom), and of what the test set resolves. So no view of the values that
    excludes 0 hides one that does not. With a single split the views over pairs and over seeds are the same,
    and the interval says nothing of other splits. Pairs may be missing.

    Args:
        values: accuracies, or differences of such, in percent.
        videos: test videos of all splits together.
    """
    if len(values) < LEAST_PAIRS:
        return None
    found = np.array(list(values.values()), float)
    mean = float(found.mean())
    splits, seeds = _numbered([split for split, _ in values]), _numbered([seed for _, seed in values])
    errors = [*_errors(found - mean, splits, seeds), (resolution(mean, videos), math.inf)]
    return Interval(mean, tuple(errors))


def resolution(mean: float, videos: int) -> float:
    """The least standard error, in points, of a mean that was found on so many test videos.

    A difference of a share D takes D x videos videos on which the two differ, and is known no better than
    such a share is: D (1 - D) / videos, McNemar's variance where all of them speak for one side. Of an
    accuracy this is the binomial variance. One video is the least that can differ.
    """
    share = min(max(abs(mean) / 100, 1 / videos), 1.0)
    return 100 * math.sqrt(share * (1 - share) / videos)


def _numbered(names: Sequence[str | int]) -> NDArray[np.int64]:
    return np.unique(names, return_inverse=True)[1].reshape(-1).astype(np.int64)


def _errors(
    residuals: Floats, splits: NDArray[np.int64], seeds: NDArray[np.int64]
) -> list[tuple[float, float]]:
    """Standard errors and degrees of freedom by pairs, splits and seeds, and by both."""
    count = len(residuals)
    variances = [_clustered(residuals, np.arange(count))]
    ways = [_clustered(residuals, way) for way in (splits, seeds) if 0 < way.max() < count - 1]
    variances += ways
    if len(ways) == 2:
        rest, degrees = _rest(residuals, splits, seeds)
        of_both = ways[0][0] + ways[1][0] - rest
        spread = sum(variance**2 / own for variance, own in ways) + (rest**2 / degrees if degrees else 0.0)
        if of_both > 0:
            fewest = min(own for _, own in ways)
            variances.append((of_both, min(max(of_both**2 / spread, fewest), count - 1)))
    return [(math.sqrt(variance), degrees) for variance, degrees in variances if variance > 0]


def _clustered(residuals: Floats, group: NDArray[np.int64]) -> tuple[float, float]:
    """Variance of the mean from sums of groups, which is a mean square over n where all are equally large."""
    sums = np.bincount(group, weights=residuals)
    return float((sums**2).sum()) / len(residuals) ** 2 * len(sums) / (len(sums) - 1), len(sums) - 1


def _rest(residuals: Floats, splits: NDArray[np.int64], seeds: NDArray[np.int64]) -> tuple[float, int]:
    """What neither splits nor seeds explain, as a variance of the mean, and its degrees of freedom."""
    design = np.concatenate([np.eye(splits.max() + 1)[splits], np.eye(seeds.max() + 1)[seeds]], axis=1)
    fitted, _, rank, _ = np.linalg.lstsq(design, residuals, rcond=None)
    degrees = len(residuals) - int(rank)
    if not degrees:
        return 0.0, 0
    left = residuals - design @ fitted
    return float((left**2).sum()) / degrees / len(residuals), degrees

"""Whether a mean difference may be chance: the sign-flip test, and Holm's correction for many tests."""

import math
from collections.abc import Sequence

import numpy as np
from scipy.stats import permutation_test

LEVEL = 0.05
MOST_FLIPS = 2**13
"""All patterns of signs are counted up to 13 pairs; of more pairs so many are drawn, the same every time."""


def sign_flip(differences: Sequence[float]) -> float:
    """Two-sided p of a mean difference: how often random signs give a mean as far from 0.

    Exact under the null hypothesis that which of the two methods is which makes no difference, whatever the
    distribution, with ties and zeros. The least p of n pairs is 2 / 2^n.
    """
    found = permutation_test(
        (np.asarray(differences, float),),
        _mean,
        permutation_type="samples",
        vectorized=True,
        n_resamples=MOST_FLIPS,
        random_state=0,
    )
    return float(found.pvalue)


def _mean(values: np.ndarray, axis: int) -> np.ndarray:
    # Rounded, so that sums in another order tie.
    return np.asarray(values.mean(axis=axis).round(9))


def holm(ps: Sequence[float]) -> list[float]:
    """Holm's adjusted p values: below 0.05, the chance that any of them is false is below 5 %."""
    order = sorted(range(len(ps)), key=lambda number: ps[number])
    adjusted, least = [0.0] * len(ps), 0.0
    for place, number in enumerate(order):
        least = max(least, min(1.0, ps[number] * (len(ps) - place)))
        adjusted[number] = least
    return adjusted


def pairs_needed(comparisons: int, level: float = LEVEL) -> int:
    """The fewest pairs whose least sign-flip p, times the number of comparisons, is below the level."""
    return math.floor(math.log2(2 * comparisons / level)) + 1

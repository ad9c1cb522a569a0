"""Paired differences and their intervals (Student's t), without more than the standard library."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from vidcondense.evaluation.results import mean_std

Pair = tuple[str, int]
"""A split and a seed: what two methods share when their difference is taken."""


@dataclass(frozen=True)
class Difference:
    """A mean difference over pairs.

    Attributes:
        mean: mean of the differences; None where no pair has both.
        half_width: of its 95 % interval; None with fewer than two pairs.
        pairs: how many pairs it is over.
        left_out: pairs for which one of the two has no network that trained.
    """

    mean: float | None
    half_width: float | None
    pairs: int
    left_out: int

    @property
    def excludes_zero(self) -> bool:
        """Whether the 95 % interval does not contain 0."""
        return self.mean is not None and self.half_width is not None and abs(self.mean) > self.half_width


def paired(ours: Mapping[Pair, float | None], theirs: Mapping[Pair, float | None]) -> Difference:
    """The difference ours - theirs over the pairs that both have, with Student's 95 % interval.

    Args:
        ours: the mean accuracy of each condensed set; None where every network diverged.
        theirs: the same of the baseline.
    """
    shared = sorted(ours.keys() & theirs.keys())
    both = [(ours[pair], theirs[pair]) for pair in shared]
    differences = [a - b for a, b in both if a is not None and b is not None]
    mean, std = mean_std(differences)
    half = None
    if std is not None:
        half = t_quantile(len(differences) - 1) * std / math.sqrt(len(differences))
    return Difference(mean, half, len(differences), len(shared) - len(differences))


def t_quantile(degrees: int, coverage: float = 0.95) -> float:
    """The t for which Student's distribution has `coverage` within -t..t, by bisection.

    Raises:
        ValueError: fewer than one degree of freedom, or a coverage outside (0, 1).
    """
    if degrees < 1 or not 0 < coverage < 1:
        raise ValueError(f"no quantile for {degrees} degrees of freedom and coverage {coverage}")
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, degrees) < coverage else (low, middle)
    return math.sqrt(degrees) * math.tan((low + high) / 2)


def _within(angle: float, degrees: int) -> float:
    """P(|T| < t) for angle = atan(t / sqrt(degrees)): finite sums (Abramowitz and Stegun 26.7.3, 26.7.4)."""
    odd = degrees % 2
    cosine = math.cos(angle)
    term, total = (cosine, cosine) if odd else (1.0, 1.0)
    for k in range(2 + odd, degrees - 1, 2):
        term *= cosine**2 * (k - 1) / k
        total += term
    if not odd:
        return math.sin(angle) * total
    return 2 / math.pi * (angle + (math.sin(angle) * total if degrees > 1 else 0.0))

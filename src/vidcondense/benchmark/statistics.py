"""Paired differences and their intervals (Student's t)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vidcondense.base.errors import VidcondenseError
from vidcondense.evaluation.results import mean_std

Pair = tuple[str, int]
"""A split and a seed: what two methods share when their difference is taken."""


@dataclass(frozen=True)
class Difference:
    """A mean difference over pairs, None where no pair has both, and half its interval, None of one pair.

    `left_out` counts the pairs for which one of the two has no network that trained.
    """

    mean: float | None
    half_width: float | None
    pairs: int
    left_out: int

    @property
    def excludes_zero(self) -> bool:
        """Whether the 95 % interval does not contain 0."""
        return self.mean is not None and self.half_width is not None and abs(self.mean) > self.half_width


def half_width(values: Sequence[float]) -> float | None:
    """Of Student's 95 % interval of the mean, in the values' unit; None of fewer than two."""
    _, std = mean_std(values)
    if std is None:
        return None
    require_scipy()
    from scipy.stats import t

    return float(t.ppf(0.975, len(values) - 1)) * std / math.sqrt(len(values))


def paired(ours: Mapping[Pair, float | None], theirs: Mapping[Pair, float | None]) -> Difference:
    """The difference ours - theirs over the pairs that both have, with Student's 95 % interval.

    They are mean accuracies of condensed sets, None where every network diverged.
    """
    shared = sorted(ours.keys() & theirs.keys())
    both = [(ours[pair], theirs[pair]) for pair in shared]
    differences = [a - b for a, b in both if a is not None and b is not None]
    mean, _ = mean_std(differences)
    return Difference(mean, half_width(differences), len(differences), len(shared) - len(differences))


def require_scipy() -> None:
    """Refuse to go on without SciPy, in a line that names the extra."""
    try:
        import scipy  # noqa: F401
    except ImportError as error:
        raise VidcondenseError("benchmark needs scipy: pip install 'vidcondense[benchmark]'") from error

"""How many splits, seeds and networks resolve a difference, from how much a pilot's differences varied."""

import math
import statistics
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from scipy.special import nctdtr, stdtrit

from vidcondense.benchmark.statistics.interval import LEAST_PAIRS, Pair
from vidcondense.benchmark.statistics.significance import LEVEL, pairs_needed

POWER = 0.8
NETWORKS = (1, 2, 3, 5, 10)
MOST_SEEDS = 100


@dataclass(frozen=True)
class Deviations:
    """Standard deviations of a difference, in points: of splits, of condensed sets, of single networks."""

    split: float
    condensed_set: float
    network: float


USUAL = Deviations(split=1.0, condensed_set=2.5, network=3.5)
"""Where there is no pilot, or one that says nothing of one of them.

Nine pairs of JHMDB-21 (docs/results.md) have 0.8 for splits, 4.0 for set and network together; these, 4.3.
"""


@dataclass(frozen=True)
class Design:
    """How much is measured of every cell."""

    splits: int
    seeds: int
    networks: int


def deviations(pilots: Sequence[Mapping[Pair, Sequence[float]]]) -> dict[str, float]:
    """What pilots say of each deviation: the mean variance over comparisons, those below 0 counting as 0.

    Args:
        pilots: of each comparison the differences of single networks by split and seed, in points.

    Returns:
        Fields of `Deviations`; without those that cannot be told, such as that of splits from one split.
    """
    found: dict[str, list[float]] = {}
    for pilot in pilots:
        for name, variance in _components(pilot).items():
            found.setdefault(name, []).append(variance)
    return {name: math.sqrt(statistics.fmean(variances)) for name, variances in found.items()}


def _components(pilot: Mapping[Pair, Sequence[float]]) -> dict[str, float]:
    """Variances of one comparison: within pairs, within splits less what networks explain, between splits."""
    means: dict[str, list[float]] = {}
    for (split, _), values in pilot.items():
        means.setdefault(split, []).append(statistics.fmean(values))
    network = _pooled(list(pilot.values()))
    within = _pooled(list(means.values()))
    found = {} if network is None else {"network": network}
    if within is None:
        return found
    count = statistics.fmean(len(values) for values in pilot.values())
    found["condensed_set"] = max(0.0, within - (network or 0.0) / count)
    if len(means) > 1:
        between = statistics.variance(statistics.fmean(of_split) for of_split in means.values())
        seeds = statistics.fmean(len(of_split) for of_split in means.values())
        found["split"] = max(0.0, between - within / seeds)
    return found


def _pooled(groups: Sequence[Sequence[float]]) -> float | None:
    """Variance within groups; None where no group has two values."""
    several = [group for group in groups if len(group) > 1]
    degrees = sum(len(group) - 1 for group in several)
    squares = sum(statistics.variance(group) * (len(group) - 1) for group in several)
    return squares / degrees if degrees else None


def power(design: Design, points: float, known: Deviations, comparisons: int, videos: int) -> float:
    """The chance that a true difference gets a star, by both of its rules, the less likely one counting.

    The interval has the degrees of freedom of the smaller of splits and seeds, where both are several; the
    sign-flip test is as strong as Student's t of all pairs, at the level of Holm's first step.

    Args:
        design: what is measured.
        points: the difference.
        known: how much differences vary.
        comparisons: in the table.
        videos: test videos of a split.
    """
    pairs = design.splits * design.seeds
    if pairs < max(LEAST_PAIRS, pairs_needed(comparisons)):
        return 0.0
    share = points / 100
    of_networks = known.network**2 / design.networks
    of_splits = known.split**2 / design.splits if design.splits > 1 else 0.0  # one says nothing of others
    variance = of_splits + (known.condensed_set**2 + of_networks) / pairs
    least = 1e4 * share * (1 - share) / (videos * design.splits)
    error = math.sqrt(max(variance, least))
    several = [count for count in (design.splits, design.seeds) if count > 1]
    by_interval = _power(points / error, min(several) - 1, LEVEL)
    return min(by_interval, _power(points / error, pairs - 1, LEVEL / comparisons))


def _power(distance: float, degrees: int, level: float) -> float:
    """Of a two-sided test by Student's t, with the true difference so many standard errors from 0."""
    return 1 - float(nctdtr(degrees, distance, stdtrit(degrees, 1 - level / 2)))


def designs(
    points: float, known: Deviations, comparisons: int, videos: int, most_splits: int
) -> Iterator[Design]:
    """For so many splits and networks the fewest seeds that resolve a difference; none where 100 do not."""
    for splits in range(1, most_splits + 1):
        for networks in NETWORKS:
            tried = [Design(splits, seeds, networks) for seeds in range(1, MOST_SEEDS + 1)]
            enough = bisect_left(tried, POWER, key=lambda one: power(one, points, known, comparisons, videos))
            if enough < len(tried):
                yield tried[enough]


def least_points(known: Deviations, comparisons: int, videos: int, most_splits: int) -> float | None:
    """The least difference, in half points up to 50, that any of these designs resolves."""
    best = Design(most_splits, MOST_SEEDS, NETWORKS[-1])
    tried = [best, replace(best, splits=1)]
    return next(
        (
            half / 2
            for half in range(1, 101)
            if any(power(one, half / 2, known, comparisons, videos) >= POWER for one in tried)
        ),
        None,
    )

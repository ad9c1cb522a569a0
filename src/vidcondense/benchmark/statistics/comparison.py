"""Paired differences between two methods, and what they allow to say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from vidcondense.benchmark.statistics.interval import Interval, Pair, interval
from vidcondense.benchmark.statistics.significance import LEVEL, holm, sign_flip


@dataclass(frozen=True)
class Difference:
    """A mean difference over pairs, in points, and its verdict within a table.

    Attributes:
        mean: None where no pair has both.
        half_width: of the 95 % interval; None of fewer than three pairs.
        pairs: how many have both.
        left_out: pairs for which one of the two has no network that trained.
        p: of the sign-flip test; None of fewer than three pairs.
        p_holm: the same, adjusted for all comparisons of the table.
        p_level: of the two one-sided tests against the margin, adjusted alike; None without a margin.
        verdict: "better", "worse", "level within M", both of them, or "not resolved".
        interval: what the half width is from.
    """

    mean: float | None
    half_width: float | None
    pairs: int
    left_out: int
    p: float | None = None
    p_holm: float | None = None
    p_level: float | None = None
    verdict: str = "not resolved"
    interval: Interval | None = None

    @property
    def starred(self) -> bool:
        """Whether the two methods differ: the interval excludes 0, and Holm's p is below 0.05."""
        if self.mean is None or self.half_width is None or self.p_holm is None:
            return False
        return abs(self.mean) > self.half_width and self.p_holm < LEVEL


def paired(ours: Mapping[Pair, float | None], theirs: Mapping[Pair, float | None], videos: int) -> Difference:
    """The difference ours - theirs over the pairs that both have; `judged` gives verdicts.

    Args:
        ours: mean accuracies of condensed sets in percent, None where every network diverged.
        theirs: the same of the other method.
        videos: test videos of all splits together.
    """
    both = [(pair, ours[pair], theirs[pair]) for pair in sorted(ours.keys() & theirs.keys())]
    differences = {pair: a - b for pair, a, b in both if a is not None and b is not None}
    left_out = len(both) - len(differences)
    if not differences:
        return Difference(None, None, 0, left_out)
    found = interval(differences, videos)
    values = list(differences.values())
    if found is None:
        return Difference(sum(values) / len(values), None, len(values), left_out)
    return Difference(
        found.mean, found.half_width(), len(values), left_out, p=sign_flip(values), interval=found
    )


def judged(differences: Sequence[Difference], margin: float | None) -> list[Difference]:
    """The same with verdicts, p values adjusted by Holm for all that have one.

    Args:
        differences: all comparisons of one table.
        margin: points within which two methods count as level, named before the run; None for none.
    """
    tested = [(one.p, one.interval) for one in differences if one.p is not None and one.interval is not None]
    apart = holm([p for p, _ in tested])
    within: list[float] | list[None] = [None] * len(tested)
    if margin is not None:
        within = holm([found.p_outside(margin) for _, found in tested])
    ps = iter(zip(apart, within, strict=True))
    return [one if one.interval is None else _judged(one, *next(ps), margin) for one in differences]


def _judged(one: Difference, p_holm: float, p_level: float | None, margin: float | None) -> Difference:
    known = replace(one, p_holm=p_holm, p_level=p_level)
    said = [("better" if (one.mean or 0.0) > 0 else "worse")] if known.starred else []
    if margin is not None and p_level is not None and p_level < LEVEL:
        said.append(f"level within {margin:g}")
    return replace(known, verdict=", but ".join(said) or "not resolved")

"""What a page says of several runs: which one its headline is about, and how that compares with others."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from vidcondense.report.run import Evaluation, Run, Score


@dataclass(frozen=True)
class Verdict:
    """A difference from random selection; one that the spread over networks could explain is no gain.

    Attributes:
        points: how large it is, in percentage points with one digit.
        side: "above" or "below".
        has_spread: whether both accuracies are of several networks, so that a spread is known.
        within_spread: whether it is no larger than the combined standard deviation.
    """

    points: str
    side: str
    has_spread: bool
    within_spread: bool

    @classmethod
    def of(cls, mine: Score, theirs: Score) -> "Verdict":
        """Compare an accuracy with that of random selection."""
        difference = mine.mean - theirs.mean
        has_spread = mine.std is not None and theirs.std is not None
        noise = math.hypot(mine.std or 0.0, theirs.std or 0.0)
        side = "above" if difference > 0 else "below"
        return cls(f"{100 * abs(difference):.1f}", side, has_spread, has_spread and abs(difference) <= noise)


def main_run(runs: Sequence[Run]) -> Run:
    """The run the headline speaks of: the first that is not the random baseline."""
    return next((run for run in runs if not run.is_random), runs[0])


def baseline_of(run: Run, runs: Sequence[Run]) -> Evaluation | None:
    """Random selection's evaluation to hold `run`'s against: same store, VPC, protocol and network."""
    if run.evaluation is None or run.is_random:
        return None
    for other in runs:
        same = other.store.get("fingerprint") == run.store.get("fingerprint") and other.vpc == run.vpc
        rival = other.matching(run.evaluation) if other.is_random and same else None
        if rival is not None and rival.top1 is not None:
            return rival
    return None


def verdict_on(run: Run, runs: Sequence[Run]) -> Verdict | None:
    """How `run` compares with random selection; None where there is nothing to compare."""
    baseline, evaluation = baseline_of(run, runs), run.evaluation
    if baseline is None or baseline.top1 is None or evaluation is None or evaluation.top1 is None:
        return None
    return Verdict.of(evaluation.top1, baseline.top1)


def results_of(runs: Sequence[Run]) -> list[tuple[Run, Evaluation | None]]:
    """All evaluations of all runs; those under one protocol and network, which compare, stand together."""
    results = [(run, evaluation) for run in runs for evaluation in (run.evaluations or (None,))]
    return sorted(results, key=lambda result: result[1].order if result[1] else (True, "", True, ""))


def common_chance(runs: Sequence[Run]) -> float | None:
    """Accuracy of guessing, where all runs have as many classes."""
    return runs[0].chance if len({len(run.class_names) for run in runs}) == 1 else None

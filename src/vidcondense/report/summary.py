"""What a page says of several runs: which one its headline is about, and how that compares with others."""

import math
from collections.abc import Sequence

from vidcondense.report.run import Evaluation, Run, Score

EQUAL = 1.05
"""Files of so many times the bytes are as large."""


def main_run(runs: Sequence[Run]) -> Run:
    """The run the headline speaks of: the first that is not the random baseline."""
    return next((run for run in runs if not run.is_random), runs[0])


def baseline_of(run: Run, runs: Sequence[Run]) -> Evaluation | None:
    """Random selection's evaluation to hold `run`'s against: same store, VPC, protocol and network."""
    if run.evaluation is None or run.is_random:
        return None
    for other in runs:
        same = other.store.get("fingerprint") == run.store.get("fingerprint") and other.vpc == run.vpc
        for rival in other.evaluations if other.is_random and same else ():
            if rival.test == run.evaluation.test and rival.top1 is not None:
                return rival
    return None


def coded_rival(run: Run, runs: Sequence[Run]) -> tuple[Run, Evaluation] | None:
    """The best of coded real clips of as many bytes: same store, protocol and network.

    As many are up to `EQUAL` times the bytes of the run's file.
    """
    if run.evaluation is None or run.file_bytes is None or run.codes_real_clips:
        return None
    found = [
        (other, rival)
        for other in runs
        if other.codes_real_clips and other.store.get("fingerprint") == run.store.get("fingerprint")
        if other.file_bytes and other.file_bytes <= EQUAL * run.file_bytes
        for rival in other.evaluations
        if rival.test == run.evaluation.test and rival.top1 is not None
    ]
    return max(found, key=lambda one: one[1].top1.mean if one[1].top1 else 0.0, default=None)


def verdict(mine: Score, theirs: Score) -> str:
    """A difference of two accuracies in a word; one that the spread over networks could explain is no gain.

    Returns:
        "within the spread" where it is no larger than the combined deviation, else "above" or "below".
    """
    difference = mine.mean - theirs.mean
    deviations = [score.std for score in (mine, theirs) if score.std is not None]
    if len(deviations) == 2 and abs(difference) <= math.hypot(*deviations):
        return "within the spread"
    return "above" if difference > 0 else "below"


def results_of(runs: Sequence[Run]) -> list[tuple[Run, Evaluation | None]]:
    """All evaluations of all runs; those under one protocol and network, which compare, stand together."""
    results = [(run, evaluation) for run in runs for evaluation in (run.evaluations or (None,))]
    return sorted(results, key=lambda result: result[1].order if result[1] else (True, "", True, ""))


def commonest_mistakes(
    counts: Sequence[Sequence[float]], names: Sequence[str], most: int = 3
) -> list[tuple[float, str, str]]:
    """The commonest by their share of the true class: (share, true class, predicted class)."""
    mistakes = [
        (count / sum(row), names[true], names[predicted])
        for true, row in enumerate(counts)
        for predicted, count in enumerate(row)
        if predicted != true and count
    ]
    return sorted(mistakes, reverse=True)[:most]

"""What a page says of several runs: which one its headline is about, and how that compares with others."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import ndtri, stdtrit

from vidcondense.report.run import Evaluation, Run, Score

EQUAL = 1.05
"""Files of so many times the bytes are as large."""
LEAST_FREEDOM = 2
"""Fewer degrees of freedom give no interval: one would be 12.7 standard errors, or of width 0 by chance."""


@dataclass(frozen=True)
class Point:
    """A set by its bytes and the accuracy of networks trained on it.

    Attributes:
        label: of the run.
        bytes: of its file.
        score: of its networks, fractions.
        interval: 95 % interval of the mean, None of too few networks.
        main: whether the headline speaks of it.
    """

    label: str
    bytes: int
    score: Score
    interval: tuple[float, float] | None
    main: bool


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

    As many are up to `EQUAL` times the bytes of the run's file. Where the run itself holds coded real clips,
    only those that have a stream each are of another kind.
    """
    if run.evaluation is None or run.file_bytes is None or run.is_usual:
        return None
    found = [
        (other, rival)
        for other in runs
        if (other.is_usual if run.codes_real_clips else other.codes_real_clips)
        if other.store.get("fingerprint") == run.store.get("fingerprint")
        if other.file_bytes and other.file_bytes <= EQUAL * run.file_bytes
        for rival in other.evaluations
        if rival.test == run.evaluation.test and rival.top1 is not None
    ]
    return max(found, key=lambda one: one[1].top1.mean if one[1].top1 else 0.0, default=None)


def points_of(main: Run, runs: Sequence[Run], source: int | None) -> tuple[list[Point], int]:
    """Accuracy against bytes: of `main`, and of what was evaluated in the same way on the same videos.

    Args:
        main: the run that the headline speaks of.
        runs: all of the page; one that is the evaluation of a whole dataset takes `source` bytes.
        source: bytes of the training videos' own files, if they are known.

    Returns:
        Points by rising bytes, none where `main` was not evaluated; and how many evaluations do not compare.
    """
    if main.evaluation is None or main.evaluation.top1 is None or main.file_bytes is None:
        return [], 0
    points, other = [], 0
    for run in runs:
        size = source if run.is_whole else run.file_bytes
        for evaluation in run.evaluations:
            same = evaluation.test == main.evaluation.test and _has_the_videos_of(run, main)
            if evaluation.top1 is None or not size or not same:
                other += 1
                continue
            points.append(Point(run.label, size, evaluation.top1, interval(evaluation), run is main))
    return sorted(points, key=lambda point: point.bytes), other


def _has_the_videos_of(run: Run, main: Run) -> bool:
    """Whether two runs are of the same videos, split in the same way as far as both say how."""
    splits = {str(one.store["split"]) for one in (run, main) if one.store.get("split")}
    return run.store.get("fingerprint") == main.store.get("fingerprint") and len(splits) < 2


def interval(evaluation: Evaluation) -> tuple[float, float] | None:
    """The 95 % interval of an evaluation's mean accuracy, within 0..1; None of too few networks.

    Student's, from the deviation over networks of a kind, and no narrower than so many test videos resolve:
    the binomial deviation of the mean. It does not know what other sets of the same method would give.
    """
    score = evaluation.top1
    if score is None or score.std is None:
        return None
    freedom = len(score.values) - 1 - evaluation.network.count("+")
    if freedom < LEAST_FREEDOM:
        return None
    half = float(stdtrit(freedom, 0.975)) * score.std / math.sqrt(len(score.values))
    if evaluation.test_videos:
        share = min(max(score.mean, 1 / evaluation.test_videos), 1.0)
        half = max(half, float(ndtri(0.975)) * math.sqrt(share * (1 - share) / evaluation.test_videos))
    return max(0.0, score.mean - half), min(1.0, score.mean + half)


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

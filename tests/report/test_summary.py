"""What is said of runs beside one another."""

import pytest

from vidcondense.report.run import Score
from vidcondense.report.summary import commonest_mistakes, verdict


@pytest.mark.parametrize(
    ("mine", "theirs", "word"),
    [
        (Score(0.60, 0.03, (0.57, 0.63)), Score(0.55, 0.04, (0.51, 0.59)), "within the spread"),
        (Score(0.61, 0.03, (0.58, 0.64)), Score(0.55, 0.04, (0.51, 0.59)), "above"),
        (Score(0.49, 0.03, (0.46, 0.52)), Score(0.55, 0.04, (0.51, 0.59)), "below"),
        (Score(0.56, None, (0.56,)), Score(0.55, 0.04, (0.51, 0.59)), "above"),
    ],
)
def test_only_more_than_the_combined_deviation_is_a_difference(mine: Score, theirs: Score, word: str) -> None:
    assert verdict(mine, theirs) == word


def test_the_commonest_mistakes_are_named() -> None:
    counts = [[6, 2, 0], [0, 0, 0], [3, 0, 5]]
    assert commonest_mistakes(counts, ("a", "b", "c")) == [(0.375, "c", "a"), (0.25, "a", "b")]

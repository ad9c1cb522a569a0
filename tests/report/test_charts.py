"""Ticks, smoothing and the size of charts and pictures."""

import numpy as np
import pytest
from tiny_run import condensed_videos

from vidcondense.report.animation import sheets
from vidcondense.report.charts import insertions_chart, log_ticks, losses_chart, nice_ticks, smoothed
from vidcondense.report.classes import most_confused
from vidcondense.report.run import Insertion


def test_ticks_are_round_and_inside() -> None:
    assert nice_ticks(0, 300, 4) == [0, 100, 200, 300]
    assert nice_ticks(0, 0.36, 5) == [0, 0.1, 0.2, 0.3]
    assert nice_ticks(2, 2) == [2]
    assert log_ticks(0.9, 1500) == [1, 10, 100, 1000]
    assert log_ticks(7, 60) == [10, 20, 50]
    assert all(1.4 <= tick <= 1.6 for tick in log_ticks(1.4, 1.6)) and len(log_ticks(1.4, 1.6)) >= 3


def test_smoothing_is_a_mean_of_the_neighbours() -> None:
    assert smoothed(np.array([0.0, 3.0, 6.0, 0.0]), 3).tolist() == [1.5, 3.0, 3.0, 3.0]


def test_long_runs_keep_peaks_but_not_every_point() -> None:
    losses = [(i, 1.0) for i in range(50_000)]
    losses[31_234] = (31_234, 1000.0)
    chart = losses_chart(losses, 50_000)
    assert len(chart) < 30_000
    assert "625,0 " in chart, "the one peak is lost"


@pytest.mark.parametrize("losses", [[(0, 2.0), (1, 2.0)], [(0, 1.0), (1, -1.0)], [(0, 0.0), (5, 3.0)]])
def test_losses_that_are_flat_or_not_positive_draw(losses: list[tuple[int, float]]) -> None:
    chart = losses_chart(losses, 5)
    assert "nan" not in chart and "inf" not in chart
    assert ("log scale" in chart) == all(loss > 0 for _, loss in losses)


def test_insertions_that_coincide_share_a_dot() -> None:
    events = [Insertion(30, video, 2) for video in range(9)] + [Insertion(60, 0, 4)]
    chart = insertions_chart(events, 8, 100, 0.2, 0)
    assert "9 key frames at time 2, iteration 30" in chart and 'r="12.0"' in chart
    assert "1 key frame at time 4, iteration 60" in chart and chart.count("<circle") == 2
    assert "cool-down" not in chart


def test_pictures_become_jpeg_beyond_the_budget() -> None:
    condensed = condensed_videos()
    assert sheets(condensed, 100_000).lossless
    small = sheets(condensed, 2_000)
    assert not small.lossless and len(small.uris) == 3
    assert all(uri.startswith("data:image/jpeg;base64,/9j/") for uri in small.uris)


def test_the_commonest_mistakes_are_named() -> None:
    counts = [[6, 2, 0], [0, 0, 0], [3, 0, 5]]
    assert [words.replace("\N{NO-BREAK SPACE}", " ") for words in most_confused(counts, ("a", "b", "c"))] == [
        "c taken for a (38 %)",
        "a taken for b (25 %)",
    ]

"""What charts show, and that they fit into a page."""

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from tiny_run import write_run

from vidcondense.report.charts import (
    LEFT,
    RIGHT,
    TOP,
    WIDTHS,
    ScoreScale,
    bytes_chart,
    insertions_chart,
    log_ticks,
    losses_chart,
    round_ticks,
    smoothed,
)
from vidcondense.report.run import Insertion, Score
from vidcondense.report.summary import Point


def test_ticks_are_round_and_inside() -> None:
    assert round_ticks(0, 300, 4) == [0, 100, 200, 300]
    assert round_ticks(0, 0.36, 5) == [0, 0.1, 0.2, 0.3]
    assert round_ticks(2, 2) == [2]
    assert log_ticks(0.9, 1500) == [1, 10, 100, 1000]
    assert log_ticks(7, 60) == [10, 20, 50]
    assert all(1.4 <= tick <= 1.6 for tick in log_ticks(1.4, 1.6)) and 3 <= len(log_ticks(1.4, 1.6)) <= 5


def test_the_scale_of_accuracies_holds_deviations_and_chance() -> None:
    scale = ScoreScale.over([Score(0.5, 0.1, (0.4, 0.6)), Score(0.2, None, (0.2,))], 0.1)
    assert scale.ticks == [0, 0.2, 0.4, 0.6] and scale.high == pytest.approx(0.636)
    assert [scale.at(value) for value in (-0.1, 0, 0.318, 0.7)] == pytest.approx([0, 0, 0.5, 1])
    assert ScoreScale.over([Score(1.0, 0.0, (1.0, 1.0))], None).high == 1
    assert ScoreScale.over([Score(0.0, None, (0.0,))], 0.5).high == pytest.approx(0.636)


def test_smoothing_is_a_mean_of_the_neighbours() -> None:
    assert smoothed(np.array([0.0, 3.0, 6.0, 0.0]), 3).tolist() == [1.5, 3.0, 3.0, 3.0]


def lines(chart: str) -> list[list[tuple[float, float]]]:
    """The places of the two losses' lines, of each value and of their mean, as points of the drawing."""
    drawn = re.findall(r'<path d="M ([^"]*)" style="fill: none; stroke: var\(--blue\)', chart)
    return [
        [(float(x), float(y)) for x, y in (place.split() for place in line.split(" L "))] for line in drawn
    ]


def test_long_runs_keep_peaks_but_not_every_point() -> None:
    losses = [(i, 1.0) for i in range(50_000)]
    losses[31_234] = (31_234, 1000.0)
    chart = losses_chart(losses, 50_000)
    for drawing, width in ((chart.wide, WIDTHS["wide"]), (chart.narrow, WIDTHS["narrow"])):
        assert len(drawing) < 60_000
        each, mean = lines(drawing)
        x, top = min(each, key=lambda place: place[1])
        place = (x - LEFT) / (width - LEFT - RIGHT)
        assert place == pytest.approx(31_234 / 50_000, abs=1e-4), "the peak is lost"
        assert top == pytest.approx(TOP, abs=0.01)
        assert min(y for _, y in mean) > top


@pytest.mark.parametrize("losses", [[(0, 2.0), (1, 2.0)], [(0, 1.0), (1, -1.0)], [(0, 0.0), (5, 3.0)]])
def test_losses_that_are_flat_or_not_positive_draw(losses: list[tuple[int, float]]) -> None:
    chart = losses_chart(losses, 5)
    assert "nan" not in chart.wide and "inf" not in chart.wide
    assert len(lines(chart.wide)) == 2
    assert ("log scale" in chart.wide) == all(loss > 0 for _, loss in losses)
    assert chart.description == f"Loss over 2 iterations, from {losses[0][1]:g} to {losses[1][1]:g}"


def test_insertions_that_coincide_share_a_dot() -> None:
    events = [Insertion(30, video, 2) for video in range(9)] + [Insertion(60, 0, 4)]
    chart = insertions_chart(events, 8, 100, 0.2, 0)
    for drawing in (chart.wide, chart.narrow):
        titles = re.findall("<title>(.*?)</title>", drawing)
        assert titles == [
            "9 key frames at time 2, iteration 30",
            "1 key frame at time 4, iteration 60",
        ]
        assert "M 0 12 C" in drawing, "nine insertions have a dot of three times the radius"
        assert "warm-up" in drawing and "cool-down" not in drawing


def test_dropped_key_frames_are_rings() -> None:
    events = [Insertion(30, 0, 2), Insertion(60, 0, 4)]
    chart = insertions_chart(events, 8, 100, 0.2, 0, [Insertion(50, 0, 2), Insertion(50, 1, 2)])
    titles = re.findall("<title>(.*?)</title>", chart.wide)
    assert "2 key frames dropped at time 2, iteration 50" in titles and len(titles) == 3
    assert chart.description == "2 key frames inserted over 100 iterations, 2 dropped again"
    assert "fill: none; stroke: var(--quiet)" in chart.wide or "fill-opacity: 0" in chart.wide


POINTS = [
    Point("a $x$ <b>", 10_000, Score(0.3, 0.1, (0.2, 0.4)), (0.1, 0.5), main=False),
    Point("ours", 100_000, Score(0.6, 0.0, (0.6, 0.6)), None, main=True),
    Point("whole", 1_000_000, Score(0.9, None, (0.9,)), None, main=False),
]


def test_accuracy_against_bytes_is_on_a_log_scale() -> None:
    chart = bytes_chart(POINTS, 0.25)
    for drawing, width in ((chart.wide, WIDTHS["wide"]), (chart.narrow, WIDTHS["narrow"])):
        dots = re.findall(r'<use [^>]*x="([\d.]+)" y="([\d.]+)"', drawing)
        places = sorted((float(x), float(y)) for x, y in dots)
        assert len(places) == 3
        (first, second, third), heights = zip(*places, strict=True)
        assert second - first == pytest.approx(third - second, abs=0.01), "ten times the bytes each"
        assert first > LEFT and third < width - RIGHT
        assert heights[0] - heights[1] == pytest.approx(heights[1] - heights[2], abs=0.01)
        assert re.findall(r"<text [^>]*>(\d)</text>", drawing) == ["1", "3", "2"], "ours is above the others"
    assert chart.description.startswith(
        "Accuracy against bytes of the file. 1: a $x$ <b>, 10.0 KB, 30.0 %; 2: ours"
    )


def test_one_set_alone_draws() -> None:
    chart = bytes_chart(POINTS[:1], None)
    assert "nan" not in chart.wide and "inf" not in chart.wide


def test_drawings_fit_into_a_page() -> None:
    """Colours are the page's, and nothing in a drawing reaches what is outside of it."""
    events = [Insertion(30, 0, 2), Insertion(60, 0, 4)]
    charts = [
        losses_chart([(0, 2.0), (9, 1.0)], 9),
        insertions_chart(events, 8, 100, 0.2, 0.1),
        bytes_chart(POINTS, 0.25),
    ]
    drawings = [drawing for chart in charts for drawing in (chart.wide, chart.narrow)]
    assert not re.search(r"#[0-9a-f]{6}[;\"]|url\(|http|<style|font-family|xmlns", "".join(drawings))
    ids = [found for drawing in drawings for found in re.findall(r' id="([^"]*)"', drawing)]
    links = [found for drawing in drawings for found in re.findall(r' href="#([^"]*)"', drawing)]
    assert len(ids) == len(set(ids)) and set(ids) == set(links)
    for drawing in drawings:
        assert ElementTree.fromstring(drawing).attrib.keys() == {"viewBox"}, "it has a size of its own"
    assert charts[1] == insertions_chart(events, 8, 100, 0.2, 0.1)


def test_pages_without_charts_make_no_list_of_fonts(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", mean=None)
    (run / "metrics.jsonl").unlink()
    script = (
        "import sys; from pathlib import Path; from vidcondense.report import write_report; "
        "assert 'matplotlib' not in sys.modules; "
        f"write_report([Path({str(run)!r})], Path({str(tmp_path / 'page.html')!r})); "
        "assert 'matplotlib.font_manager' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)

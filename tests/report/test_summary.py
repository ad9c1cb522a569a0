"""What is said of runs beside one another."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_run import evaluation

from vidcondense.base import files
from vidcondense.report.run import Evaluation, Score, load_runs
from vidcondense.report.summary import commonest_mistakes, interval, points_of, verdict


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


def of(values: tuple[float, ...], std: float | None, network: str = "minic3d", test: int = 0) -> Evaluation:
    score = Score(sum(values) / len(values), std, values)
    networks = len(values)
    return Evaluation("e", {}, "strong", network, networks, top1=score, test_videos=test or None)


def test_intervals_are_of_networks_and_no_narrower_than_test_videos_tell() -> None:
    three = of((0.5, 0.6, 0.7), 0.1)
    half = 4.30265273 * 0.1 / 3**0.5
    assert interval(three) == pytest.approx((0.6 - half, 0.6 + half))
    two_kinds = of((0.5, 0.6, 0.6, 0.7), 0.1, "minic3d+convnet3d")
    half = 4.30265273 * 0.1 / 4**0.5
    assert interval(two_kinds) == pytest.approx((0.6 - half, 0.6 + half))
    few = of((0.5, 0.5, 0.5), 0.0, test=25)
    assert interval(few) == pytest.approx((0.5 - 0.196, 0.5 + 0.196), abs=1e-4)
    assert interval(of((0.0, 0.0, 0.0), 0.0, test=25))[0] == 0.0  # type: ignore[index]


def test_too_few_networks_have_no_interval() -> None:
    assert interval(of((0.5,), None)) is None
    assert interval(of((0.5, 0.6), 0.07)) is None
    assert interval(of((0.5, 0.6, 0.5), 0.07, "minic3d+convnet3d")) is None


def test_points_are_what_compares(tmp_path: Path, make_run: Callable[..., Path]) -> None:
    whole = tmp_path / "whole.json"
    record = {**evaluation(0.875), "trained_on": {"fingerprint": "f1", "videos": 90}}
    files.write_json(whole, record)
    paths = [make_run("a", mean=0.5), make_run("b", "random", 0.4), make_run("none", mean=None), whole]
    main, random, none, everything = load_runs(paths)
    random = replace(random, file_bytes=77)
    elsewhere = replace(main, label="elsewhere", info={"store": {"fingerprint": "other"}})
    split = replace(main, label="split", info={"store": {"fingerprint": "f1", "split": "2"}})
    first = {**main.info, "store": {**main.store, "split": "1"}}
    main = replace(main, info=first)
    runs = [main, random, none, everything, elsewhere, split]
    points, others = points_of(main, runs, 10**9)
    assert [(point.label, point.bytes, point.score.mean, point.main) for point in points] == [
        ("b", 77, 0.4, False),
        ("a", main.file_bytes, 0.5, True),
        ("whole.json", 10**9, 0.875, False),
    ]
    assert others == 2
    assert [point.label for point in points_of(main, runs, None)[0]] == ["b", "a"]
    assert points_of(main, runs, None)[1] == 3, "nobody knows the bytes of the source"
    assert points_of(none, runs, 10**9) == ([], 0)

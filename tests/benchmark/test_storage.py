"""Storage by formula, against what the papers print."""

import pytest

from vidcondense.base.units import MEBIBYTE
from vidcondense.benchmark.rows import Row
from vidcondense.benchmark.storage import FORMULAS, formula_lines, implied_key_frames, shares, stored_values
from vidcondense.data.store import ClipStore


def mib(method: str, classes: int, vpc: int, **more: float) -> float:
    return stored_values(method, classes, vpc, 16, 112, **more) * 4 / MEBIBYTE


def test_the_papers_sizes() -> None:
    assert mib("random", 50, 1) == pytest.approx(50 * 16 * 112 * 112 * 3 * 4 / 2**20)
    assert round(mib("dm", 50, 1)) == 115
    assert round(mib("dm", 51, 5)) == 586
    assert mib("wang", 50, 1) == pytest.approx(90.92, abs=0.01)
    assert mib("wang", 50, 5) == pytest.approx(454.6, abs=0.05)
    assert round(mib("prism", 50, 1, key_frames=2.79)) == 20
    assert round(mib("prism", 50, 10, key_frames=4.51)) == 324
    assert mib("prism", 50, 1) == pytest.approx(14.36, abs=0.01)
    assert stored_values("frepo", 50, 2, 16, 112) - stored_values("dm", 50, 2, 16, 112) == 100 * 50


def test_key_frames_that_the_papers_mean() -> None:
    assert implied_key_frames(20, 50, 1, 112) == pytest.approx(2.79, abs=0.01)
    assert implied_key_frames(287, 51, 10, 112) == pytest.approx(3.92, abs=0.01)


def test_lines_for_every_dataset_method_and_vpc() -> None:
    lines = formula_lines()
    assert len(lines) == 4 * len(FORMULAS) * 3
    wang = [line for line in lines if line["method"] == "DM + Wang" and line["dataset"] == "HMDB51"]
    assert [line["published"] for line in wang] == [94, 455, None]


def test_percent_are_like_over_like() -> None:
    lines = {(line["dataset"], line["method"], line["vpc"]): line for line in formula_lines()}
    one = lines["miniUCF", "Random", 1]
    assert one["percent"] == pytest.approx(100 * 50 / 4662), "of each class one clip"
    assert one["published percent"] == 1.2
    assert lines["HMDB51", "PRISM, 2 key frames", 10]["percent"] == pytest.approx(100 * 510 / 5236 / 8)
    assert lines["HMDB51", "PRISM, 2 key frames", 10]["published percent"] == 5.8
    assert lines["Kinetics-400", "Random", 1]["percent"] is None


def test_shares_of_the_whole_training_set(tiny_store: ClipStore) -> None:
    row = Row("PRISM", "VPC 1", mib=1.0, stored_bytes=4 * 6 * 3 * 32 * 32, file_bytes=5000)
    (line,) = shares([row, Row("Whole dataset", "all")], tiny_store)
    assert line["% of all training clips' float32 values"] == pytest.approx(100 * 6 / (15 * 4))
    pixels = 3 * 32 * 32 * sum(tiny_store.lengths[video] for video in tiny_store.select("train"))
    assert line["% of all training videos' 8-bit pixels"] == pytest.approx(100 * 5000 / pixels)

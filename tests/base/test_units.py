"""Numbers in words."""

import pytest

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.units import (
    MEBIBYTE,
    duration,
    gigabytes,
    mebibytes,
    parse_bytes,
    percent,
    plural,
    size,
    spread,
    times,
)


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0.000 MiB"),
        (57_600, "0.055 MiB"),
        (1.234 * MEBIBYTE, "1.23 MiB"),
        (96.25 * MEBIBYTE, "96.2 MiB"),
        (1024.4 * MEBIBYTE, "1,024 MiB"),
    ],
)
def test_bytes_have_about_three_digits(count: float, words: str) -> None:
    assert mebibytes(count) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0.0 s"),
        (8.42, "8.4 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 0 s"),
        (725, "12 min 5 s"),
        (3599.6, "1 h 0 min"),
        (12_000, "3 h 20 min"),
        (3_600_000, "1,000 h 0 min"),
    ],
)
def test_time_is_told_in_two_units_at_most(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_shares_are_percentages() -> None:
    assert percent(0.3125) == "31.2 %"
    assert percent(0.316, 0) == "32 %"
    assert spread(0.312, 0.014) == "31.2 ± 1.4 %"
    assert spread(0.312, 0.0) == "31.2 ± 0.0 %"
    assert spread(0.312, None) == "31.2 %"


def test_one_is_singular() -> None:
    assert [plural(count, "video") for count in (0, 1, 1200)] == ["0 videos", "1 video", "1,200 videos"]
    assert plural(2, "class", "classes") == "2 classes"


def test_disks_are_told_in_gigabytes() -> None:
    assert [gigabytes(count) for count in (21_000, 8.1e6, 2.43e10)] == ["0.0 MB", "8.1 MB", "24.3 GB"]


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.00 KB"),
        (15_949, "15.9 KB"),
        (999_499, "999 KB"),
        (999_500, "1.00 MB"),
        (2_310_400_000, "2,310 MB"),
    ],
)
def test_sizes_of_files(count: int, words: str) -> None:
    assert size(count) == words


def test_ratios() -> None:
    assert [times(ratio) for ratio in (0.96, 9.94, 10, 1234.5)] == ["1.0 ×", "9.9 ×", "10 ×", "1,234 ×"]


@pytest.mark.parametrize(
    ("text", "count"),
    [("64KB", 64_000), ("64 kib", 65_536), ("1.5MB", 1_500_000), ("1MiB", 2**20), ("777", 777)],
)
def test_bytes_are_read_as_people_write_them(text: str, count: int) -> None:
    assert parse_bytes(text, "--budget") == count


@pytest.mark.parametrize("text", ["", "0", "-4KB", "KB", "2k", "64XB", "1e3", "64KB 2", "9" * 400])
def test_other_words_for_bytes_are_refused(text: str) -> None:
    with pytest.raises(VidcondenseError, match="--budget wants a number of bytes such as 64KB or 1MiB"):
        parse_bytes(text, "--budget")

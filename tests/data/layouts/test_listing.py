"""Made splits: shares, and who changes sides."""

import pytest
from sources import roles, touch

from vidcondense.data.layouts.listing import hold_out
from vidcondense.data.sources import find_videos


@pytest.mark.parametrize(
    ("count", "fraction", "tests"), [(2, 0.01, 1), (2, 0.99, 1), (10, 0.2, 2), (10, 0.5, 5)]
)
def test_the_held_out_share(count, fraction, tests):
    chosen = hold_out([f"c/{n}.mp4" for n in range(count)], fraction)
    assert sorted(chosen.values()).count("test") == tests
    assert set(chosen.values()) == {"train", "test"}


def test_few_videos_change_sides_when_one_is_added():
    before = hold_out([f"c/{n}.mp4" for n in range(50)], 0.2)
    after = hold_out([f"c/{n}.mp4" for n in range(51)], 0.2)
    assert sum(before[path] != after[path] for path in before) <= 1


def test_what_cannot_be_used_is_not_held_out(tmp_path):
    """With the same videos and any number of unusable ones beside them the same are for testing."""
    touch(tmp_path, *[f"{c}/{n}.mp4" for c in "ab" for n in range(5)])
    before = roles(find_videos(tmp_path))
    for number in range(20):
        (tmp_path / "a" / f"gone{number}.mp4").symlink_to("nowhere")
    source = find_videos(tmp_path)
    assert roles(source) == before
    assert len(source.missing) == 20

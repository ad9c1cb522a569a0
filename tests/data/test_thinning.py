"""A few frames of a video: where they lie, in bounded memory, and through `prepare`."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidcondense import toys
from vidcondense.base.errors import VidcondenseError
from vidcondense.data import thinning
from vidcondense.data.prepare import prepare
from vidcondense.data.thinning import HELD, spread_frames


def kept(count: int, keep: int) -> list[int]:
    frames: Any = (np.array(number) for number in range(count))
    return [int(frame) for frame in spread_frames(frames, keep)]


def test_by_hand() -> None:
    # Ten frames in two parts of five: the middles are frames 2 and 7.
    assert kept(10, 2) == [2, 7]
    assert kept(9, 1) == [4]
    assert kept(3, 8) == [0, 1, 2]  # all of a short video
    assert kept(5, 0) == [0, 1, 2, 3, 4]
    assert kept(0, 4) == []


@given(st.integers(1, 3000), st.integers(1, 12))
def test_kept_frames_lie_in_the_middle_of_equal_parts(count: int, keep: int) -> None:
    found = kept(count, keep)
    assert len(found) == min(count, keep)
    part = Fraction(count, len(found))
    for number, frame in enumerate(found):
        off = (number + Fraction(1, 2)) * part - frame  # 0 to 1 where no frame was passed over
        assert 0 <= off <= 1 + (0 if count <= HELD * keep else part / (HELD // 2))
    assert found == sorted(set(found))


def test_memory_is_bounded() -> None:
    alive, most = set(), 0

    class Frame:
        def __init__(self, number: int) -> None:
            self.number = number
            alive.add(number)

        def __del__(self) -> None:
            alive.discard(self.number)

    def frames() -> Iterator[Any]:
        nonlocal most
        for number in range(5000):
            yield Frame(number)
            most = max(most, len(alive))

    assert len(list(spread_frames(frames(), 3))) == 3
    assert most <= HELD * 3 + 2


def test_a_store_of_a_few_frames_per_video(tmp_path: Path) -> None:
    clips = toys.generate(
        "actions", tmp_path / "clips", train_per_class=2, test_per_class=1, classes=2, frames=21, size=48
    )
    options: Any = {"frames": 4, "size": 32, "workers": 1, "progress": False}
    whole = prepare(clips, tmp_path / "whole", **options)
    few = prepare(clips, tmp_path / "few", keep=8, **options)
    assert few.lengths.tolist() == [8] * 6
    assert (few.path / "frames-00000.u8").stat().st_size < (whole.path / "frames-00000.u8").stat().st_size
    # Clips of 4 of the 8 frames begin at the first or second of them.
    videos, starts = np.arange(6), np.full(6, 1)
    assert few.even_starts(videos, 2).tolist() == [[0, 1]] * 6
    middles = [thinning.middle(part, 21, 8) for part in (1, 3, 5, 7)]
    for shown, video in zip(few.read(videos, starts), videos, strict=True):
        for frame, position in zip(shown, middles, strict=True):
            alone = whole.stills().read(np.array([video]), np.array([position]))
            assert bool((frame == alone[0, 0]).all())
    assert prepare(clips, tmp_path / "few", keep=8, **options).fingerprint == few.fingerprint
    with pytest.raises(VidcondenseError, match="was prepared with keep 8, not 4"):
        prepare(clips, tmp_path / "few", keep=4, **options)
    with pytest.raises(VidcondenseError, match="at least the 4 frames of a clip, not 3"):
        prepare(clips, tmp_path / "other", keep=3, **options)

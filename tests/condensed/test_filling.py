"""A budget is filled, never overrun."""

import dataclasses
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from vidcondense import CondensedVideos
from vidcondense.base.errors import VidcondenseError
from vidcondense.condensed import KeyFrameVideos
from vidcondense.condensed.filling import filled

COUNT = 20


def _set() -> KeyFrameVideos:
    coarse = torch.randn(4 * COUNT, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    return KeyFrameVideos(
        key_frames=F.interpolate(coarse, 48, mode="bicubic"),
        positions=torch.arange(4).repeat(COUNT),
        counts=torch.full((COUNT,), 4),
        labels=torch.arange(2).repeat_interleave(COUNT // 2),
        class_names=("a", "b"),
        frames=4,
        mean=(0.5, 0.5, 0.5),
        std=(0.2, 0.2, 0.2),
        storage="av1",
    )


@pytest.mark.parametrize("budget", [20_000, 33_333, 50_000])
def test_a_budget_is_filled_but_for_a_twentieth(budget: int) -> None:
    made = filled(_set(), budget)
    size = len(made.packed())
    assert 0.96 * budget <= size <= budget
    assert len(dataclasses.replace(made, finer=0).packed()) <= size
    better = dataclasses.replace(made, quality=made.quality - 0.25, finer=0)
    assert len(better.packed()) > budget


def test_a_set_that_was_read_is_coded_anew(tmp_path: Path) -> None:
    replaced = dataclasses.replace(_set(), quality=10)
    replaced.save(tmp_path / "file")
    read = CondensedVideos.load(tmp_path / "file")
    assert len(filled(read, 20_000).packed()) <= 20_000 < (tmp_path / "file").stat().st_size


def test_more_than_the_best_quality_takes_is_left() -> None:
    assert (filled(_set(), 10**7).quality, filled(_set(), 10**7).finer) == (1, 0)


def test_a_budget_below_the_lowest_quality_is_refused() -> None:
    with pytest.raises(VidcondenseError, match="more than the 700 of the budget; give it fewer videos"):
        filled(_set(), 700)

"""Real clips of few frames, against a loop."""

import pytest
import quick
import torch

from vidcondense.base.compute import Compute
from vidcondense.data.store import ClipStore
from vidcondense.objectives import real_frames
from vidcondense.objectives.base import real_clips
from vidcondense.recipes.recipe import Recipe

EXACT = Compute(torch.device("cpu"), torch.float32)


def chosen(real: int, segments: int = 1, interpolation: str = "linear") -> Recipe:
    overrides = {
        "objective.real_frames": real,
        "synthetic.segments": segments,
        "synthetic.interpolation": interpolation,
        "synthetic.initial_key_frames": 2 * segments,
    }
    return quick.load("segments", overrides=overrides)


@pytest.mark.parametrize("real", [0, 4, 9])
def test_nothing_to_do_where_all_frames_are_kept(real: int) -> None:
    assert real_frames.weights(chosen(real), 4) is None


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (chosen(1), [2, 2, 2, 2, 2, 2]),
        (chosen(2), [0, 1, 2, 3, 4, 5]),
        (chosen(2, interpolation="nearest"), [0, 0, 0, 5, 5, 5]),
        (chosen(2, 2), [1, 1, 1, 4, 4, 4]),
        (chosen(4, 2, "nearest"), [0, 0, 2, 3, 3, 5]),
        (chosen(3, 3), [0, 0, 2, 2, 4, 4]),
    ],
)
def test_reduced_in_time_by_hand(made: Recipe, expected: list[int]) -> None:
    weights = real_frames.weights(made, 6)
    assert weights is not None
    clips = torch.arange(6.0).view(1, 6, 1, 1, 1).expand(2, 6, 3, 2, 2)
    [(found, labels)] = real_frames.reduced([(clips, torch.tensor([0, 1]))], weights)
    torch.testing.assert_close(found, torch.tensor(expected).float().view(1, 6, 1, 1, 1).expand_as(found))
    assert labels.tolist() == [0, 1]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_real_clips_of_an_iteration(tiny_store: ClipStore, dtype: torch.dtype) -> None:
    compute = Compute(EXACT.device, dtype)
    whole = [torch.cat(part) for part in zip(*real_clips(chosen(0), tiny_store, compute, 3, 4), strict=True)]
    found = [torch.cat(part) for part in zip(*real_clips(chosen(2), tiny_store, compute, 3, 4), strict=True)]
    assert torch.equal(found[1], whole[1])  # the same clips
    assert found[0].dtype == dtype
    first, last = whole[0][:, 0], whole[0][:, 3]
    expected = torch.stack([first, (2 * first + last) / 3, (first + 2 * last) / 3, last], 1)
    tolerance = 1e-5 if dtype == torch.float32 else 2e-2
    torch.testing.assert_close(found[0].float(), expected.float(), atol=tolerance, rtol=tolerance)
    for clips, _ in real_clips(chosen(2), tiny_store, compute, 3, 4):
        assert clips.movedim(2, -1).is_contiguous()  # channels last, as the store's

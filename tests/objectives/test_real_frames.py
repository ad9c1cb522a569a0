"""Real clips of few frames, against a loop."""

import pytest
import torch

from vidcondense.base.compute import Compute
from vidcondense.condensed.interpolation import Interpolation
from vidcondense.data.batches import RealClips
from vidcondense.data.store import ClipStore
from vidcondense.objectives import Context, RealClipsSettings, real_frames

EXACT = Compute(torch.device("cpu"), torch.float32)


@pytest.mark.parametrize("real", [0, 4, 9])
def test_nothing_to_do_where_all_frames_are_kept(real: int) -> None:
    assert real_frames.weights(real, 4, "linear", 1) is None


@pytest.mark.parametrize(
    ("kept", "interpolation", "segments", "expected"),
    [
        (1, "linear", 1, [2, 2, 2, 2, 2, 2]),
        (2, "linear", 1, [0, 1, 2, 3, 4, 5]),
        (2, "nearest", 1, [0, 0, 0, 5, 5, 5]),
        (2, "linear", 2, [1, 1, 1, 4, 4, 4]),
        (4, "nearest", 2, [0, 0, 2, 3, 3, 5]),
        (3, "linear", 3, [0, 0, 2, 2, 4, 4]),
    ],
)
def test_reduced_in_time_by_hand(
    kept: int, interpolation: Interpolation, segments: int, expected: list[int]
) -> None:
    weights = real_frames.weights(kept, 6, interpolation, segments)
    assert weights is not None
    clips = torch.arange(6.0).view(1, 6, 1, 1, 1).expand(2, 6, 3, 2, 2)
    [(found, labels)] = real_frames.reduced([(clips, torch.tensor([0, 1]))], weights)
    torch.testing.assert_close(found, torch.tensor(expected).float().view(1, 6, 1, 1, 1).expand_as(found))
    assert labels.tolist() == [0, 1]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_real_clips_of_an_iteration(tiny_store: ClipStore, dtype: torch.dtype) -> None:
    context = Context(tiny_store, Compute(EXACT.device, dtype))

    def clips_of(kept: int) -> RealClips:
        return context.real_clips(RealClipsSettings(batch_real=2, real_frames=kept), 3, 4)

    whole = [torch.cat(part) for part in zip(*clips_of(0), strict=True)]
    found = [torch.cat(part) for part in zip(*clips_of(2), strict=True)]
    assert torch.equal(found[1], whole[1])  # the same clips
    assert found[0].dtype == dtype
    first, last = whole[0][:, 0], whole[0][:, 3]
    expected = torch.stack([first, (2 * first + last) / 3, (first + 2 * last) / 3, last], 1)
    tolerance = 1e-5 if dtype == torch.float32 else 2e-2
    torch.testing.assert_close(found[0].float(), expected.float(), atol=tolerance, rtol=tolerance)
    for clips, _ in clips_of(2):
        assert clips.movedim(2, -1).is_contiguous()  # channels last, as the store's

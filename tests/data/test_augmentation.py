"""Random changes of clips against transformations worked out pixel by pixel."""

import pytest
import torch

from vidcondense.base.compute import generator
from vidcondense.data.augmentation import Augmentation, Changes

NONE = Augmentation(zoom=0.0, shift=0.0, colour=0.0)


def _clips(count: int = 3) -> torch.Tensor:
    return torch.randn(count, 4, 3, 16, 16, generator=generator(0))


def test_changes_of_no_extent_leave_clips_as_they_are() -> None:
    clips = _clips()
    assert torch.allclose(NONE.draw(3, 0.0, generator(1)).of(clips), clips, atol=1e-5)


def test_a_share_of_clips_is_mirrored() -> None:
    clips = _clips(200)
    changed = NONE.draw(200, 0.25, generator(1)).of(clips)
    mirrored = [
        torch.allclose(one, clip.flip(-1), atol=1e-5) for one, clip in zip(changed, clips, strict=True)
    ]
    kept = [torch.allclose(one, clip, atol=1e-5) for one, clip in zip(changed, clips, strict=True)]
    assert sum(mirrored) + sum(kept) == 200
    assert 30 <= sum(mirrored) <= 70  # 50 expected, deviation 6


def test_shifts_move_whole_pixels_and_continue_the_edges() -> None:
    clips = _clips(1)
    warp = torch.tensor([[[1.0, 0, 2 * 3 / 16], [0, 1, 0]]])  # pixels are from three columns further right
    moved = Changes(warp, torch.eye(3)[None], torch.zeros(1, 3)).of(clips)
    assert torch.allclose(moved[..., :-3], clips[..., 3:], atol=1e-5)
    assert torch.allclose(moved[..., -3:], clips[..., -1:].expand(-1, -1, -1, -1, 3), atol=1e-5)


def test_zooms_and_shifts_stay_within_their_bounds() -> None:
    drawn = Augmentation(zoom=0.25, shift=0.125, colour=0.0).draw(2000, 0.5, generator(2))
    zoom = 1 / drawn.warp[:, 1, 1]
    assert 1 / 1.25 <= zoom.min() < 0.81
    assert 1.24 < zoom.max() <= 1.25
    assert 0.24 < drawn.warp[:, :, 2].abs().max() <= 0.25  # affine_grid's pictures are 2 wide
    assert torch.equal(drawn.warp[:, 0, 0].abs(), drawn.warp[:, 1, 1])  # proportions are kept


def test_colours_change_by_contrast_saturation_and_brightness() -> None:
    drawn = Augmentation(zoom=0.0, shift=0.0, colour=0.4).draw(500, 0.0, generator(3))
    grey = torch.full((500, 1, 3, 2, 2), 0.7)
    changed = drawn.of(grey)
    contrast = drawn.colours.sum(2)  # what a grey pixel is multiplied by: the same for each colour
    assert torch.allclose(contrast, contrast[:, :1].expand(-1, 3), atol=1e-5)
    assert 0.6 <= contrast.min() < 0.62
    assert 1.38 < contrast.max() <= 1.4
    assert torch.allclose(changed[:, 0, :, 0, 0], 0.7 * contrast + drawn.offset, atol=1e-5)
    tint = drawn.offset - drawn.offset.mean(1, keepdim=True)
    assert tint.abs().max() <= 0.4 / 3 * 4 / 3 + 1e-6
    assert drawn.offset.abs().max() > 0.4


def test_all_frames_of_a_clip_change_alike() -> None:
    still = torch.randn(5, 1, 3, 16, 16, generator=generator(0)).expand(-1, 6, -1, -1, -1)
    changed = Augmentation().draw(5, 0.5, generator(4)).of(still)
    assert torch.equal(changed, changed[:, :1].expand_as(changed))
    assert not torch.allclose(changed, still, atol=0.1)


def test_gradients_reach_the_pixels() -> None:
    clips = _clips().requires_grad_()
    Augmentation().draw(3, 0.5, generator(5)).of(clips).sum().backward()  # type: ignore[no-untyped-call]
    assert clips.grad is not None
    assert clips.grad.abs().sum() > 0


@pytest.mark.parametrize("seed", [0, 1])
def test_the_generator_decides(seed: int) -> None:
    one, other = (Augmentation().draw(4, 0.5, generator(seed)) for _ in range(2))
    assert torch.equal(one.warp, other.warp)
    assert torch.equal(one.colours, other.colours)
    assert not torch.equal(one.warp, Augmentation().draw(4, 0.5, generator(seed + 1)).warp)

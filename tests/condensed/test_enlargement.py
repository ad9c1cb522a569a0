"""Frames stored smaller than shown: against PyTorch's own interpolation and autograd, and in files."""

import dataclasses
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from vidcondense import CondensedVideos
from vidcondense.base.errors import VidcondenseError
from vidcondense.condensed import KeyFrameVideos
from vidcondense.condensed.enlargement import enlarged, reduced, transposed


def _noise(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("shown", [(16, 16), (11, 23), (8, 7)])
def test_it_is_bicubic(shown: tuple[int, int]) -> None:
    clips = _noise(2, 3, 3, 8, 7)
    expected = F.interpolate(clips.flatten(0, 1), shown, mode="bicubic", align_corners=False)
    torch.testing.assert_close(enlarged(clips, *shown).flatten(0, 1), expected)


def test_gradients_go_back_as_autograd_has_them() -> None:
    clips = _noise(2, 3, 3, 8, 7).requires_grad_()
    gradient = _noise(2, 3, 3, 16, 15)
    enlarged(clips, 16, 15).backward(gradient)
    assert clips.grad is not None
    torch.testing.assert_close(transposed(gradient, 8, 7), clips.grad)


def test_what_is_reduced_and_enlarged_is_nearly_itself() -> None:
    y, x = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    smooth = (torch.sin(x / 6) + torch.cos(y / 7)).expand(1, 2, 3, 32, 32)
    back = enlarged(reduced(smooth, 16, 16), 32, 32)
    assert (back - smooth)[..., 3:-3, 3:-3].abs().max() < 0.05
    assert reduced(smooth, 32, 32) is smooth and enlarged(smooth, 32, 32) is smooth


def _set(shown: tuple[int, int] | None) -> KeyFrameVideos:
    return KeyFrameVideos(
        key_frames=_noise(3, 3, 8, 8),
        positions=torch.tensor([0, 3, 1]),
        counts=torch.tensor([2, 1]),
        labels=torch.tensor([0, 1]),
        class_names=("a", "b"),
        frames=4,
        mean=(0.4, 0.4, 0.4),
        std=(0.2, 0.2, 0.2),
        shown=shown,
    )


def test_a_set_renders_as_large_as_it_says(tmp_path: Path) -> None:
    plain, made = _set(None), _set((16, 12))
    assert made.size == (16, 12) and made.stored_size == (8, 8)
    assert made.stored_values == plain.stored_values
    torch.testing.assert_close(made.render(), enlarged(plain.render(), 16, 12))
    made.save(tmp_path / "file")
    back = CondensedVideos.load(tmp_path / "file")
    assert back.size == (16, 12) and torch.equal(back.render(), made.render())
    assert back.select(["b"]).size == (16, 12)


@pytest.mark.parametrize("shown", [(3, 16), (16, 5000)])
def test_sizes_beyond_the_bounds_are_refused(shown: tuple[int, int]) -> None:
    with pytest.raises(VidcondenseError, match="shown must be"):
        dataclasses.replace(_set(None), shown=shown)

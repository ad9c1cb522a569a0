"""Bits of frames, against scipy's cosine transform block by block, and what their gradient does to a file."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.fft import dctn

from vidcondense.condensed import KeyFrameVideos
from vidcondense.data.batches import IMAGENET_MEAN, IMAGENET_STD
from vidcondense.synthetic import rate

FIRST = torch.tensor([True, False, True, False, False])


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def slow_bits(frames: np.ndarray, first: list[bool]) -> float:
    """The sum over planes, blocks and coefficients, one after another."""
    levels = frames * (255 * np.array(IMAGENET_STD))[:, None, None]
    red, green, blue = np.moveaxis(levels, 1, 0)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    halves = [
        (chroma[:, ::2, ::2] + chroma[:, 1::2, ::2] + chroma[:, ::2, 1::2] + chroma[:, 1::2, 1::2]) / 4
        for chroma in (0.564334 * (blue - luma), 0.713267 * (red - luma))
    ]
    total = 0.0
    for plane in (luma, *halves):
        for number, picture in enumerate(plane):
            for row in range(0, picture.shape[0], 8):
                for column in range(0, picture.shape[1], 8):
                    place = (slice(row, row + 8), slice(column, column + 8))
                    costs = [np.log2(1 + np.abs(dctn(picture[place], norm="ortho")) / 32).sum()]
                    if not first[number]:
                        difference = dctn(picture[place] - plane[number - 1][place], norm="ortho")
                        costs.append(np.log2(1 + np.abs(difference) / 32).sum())
                    total += min(costs)
    return total


def test_bits_are_those_of_a_loop_over_blocks() -> None:
    frames = noise(5, 3, 32, 48)
    frames[3] = frames[2] + 0.1 * frames[3]  # one that is cheaper as a difference, others as they are
    found = rate.bits(frames, FIRST)
    assert found.item() == pytest.approx(slow_bits(frames.double().numpy(), FIRST.tolist()), rel=1e-4)


def test_sides_that_blocks_do_not_fill_repeat_their_last_pixel() -> None:
    frames = noise(5, 3, 20, 13)
    whole = F.pad(frames, (0, 3, 0, 12), mode="replicate")
    torch.testing.assert_close(rate.bits(frames, FIRST), rate.bits(whole, FIRST))


def test_the_gradient_is_what_small_steps_find_of_each_video() -> None:
    values, is_key = noise(3, 4, 3, 16, 16).double(), torch.tensor([[1, 0, 1, 1], [0, 1, 0, 0], [1, 1, 1, 1]])
    is_key = is_key.bool()
    found = rate.gradient(values, is_key)
    assert not found[~is_key].any() and found[is_key].any((1, 2, 3)).all()
    direction = noise(*values.shape).double() * is_key[:, :, None, None, None]

    def cost(step: float) -> torch.Tensor:
        """Of each video alone."""
        moved = values + step * direction
        stored = [video[keys] for video, keys in zip(moved, is_key, strict=True)]
        return sum((rate.bits(one, torch.arange(len(one)) == 0) for one in stored), torch.tensor(0.0))

    slope = (cost(1e-6) - cost(-1e-6)) / 2e-6
    assert slope.item() == pytest.approx((found * direction).sum().item(), rel=1e-4)


def test_videos_in_pieces_have_the_same_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    values, is_key = noise(3, 2, 3, 16, 16), torch.ones(3, 2, dtype=torch.bool)
    whole = rate.gradient(values, is_key)
    monkeypatch.setattr(rate, "VIDEOS", 2)
    torch.testing.assert_close(rate.gradient(values, is_key), whole)


def test_frames_that_went_down_the_gradient_take_fewer_bytes() -> None:
    values, is_key = noise(6, 2, 3, 32, 32), torch.ones(6, 2, dtype=torch.bool)
    made = KeyFrameVideos(
        key_frames=values.flatten(0, 1),
        positions=torch.arange(2).repeat(6),
        counts=torch.full((6,), 2),
        labels=torch.arange(6),
        class_names=tuple("abcdef"),
        frames=2,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        storage="av1",
    )
    for _ in range(20):
        values = values - 0.02 * rate.gradient(values, is_key)
    cheaper = replace(made, key_frames=values.flatten(0, 1))
    assert len(cheaper.packed()) < 0.9 * len(made.packed())

"""Colours in whole numbers against the formulas of JPEG in floating point."""

import numpy as np
import pytest

from vidcondense.condensed.coding.colour import Bytes, Planes, to_pixels, to_planes


def _smooth(height: int, width: int) -> Bytes:
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / 9 + 1) + np.cos(y / 7), np.cos(x / 8), np.sin((x + y) / 11)]
    return np.stack([128 + 60 * wave for wave in waves], -1)[None].round().astype(np.uint8)


def test_planes_are_those_of_jpeg() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (2, 6, 8, 3)).astype(np.uint8)
    red, green, blue = pixels.astype(float).transpose(3, 0, 1, 2)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    chroma = [128 + (blue - luma) / 1.772, 128 + (red - luma) / 1.402]
    planes = to_planes(pixels)
    assert np.abs(planes.luma - luma).max() <= 0.51
    for plane, exact in zip(planes[1:], chroma, strict=True):
        assert np.abs(plane - exact.reshape(2, 3, 2, 4, 2).mean((2, 4))).max() <= 0.51


@pytest.mark.parametrize("shape", [(24, 32), (23, 31), (1, 1)])
def test_smooth_colours_come_back(shape: tuple[int, int]) -> None:
    pixels = _smooth(*shape)
    back = to_pixels(to_planes(pixels), *shape)
    assert back.shape == pixels.shape
    grey = np.repeat(pixels[..., :1], 3, -1)
    assert np.abs(to_pixels(to_planes(grey), *shape).astype(int) - grey).max() <= 1
    assert np.abs(back.astype(int) - pixels).mean() < 1.5


def test_chroma_between_its_centres_is_bilinear() -> None:
    ramp = np.array([[0, 64, 128, 192]], np.uint8).repeat(4, 0)[None]  # of red, by column
    flat = np.full((1, 8, 8), 100, np.uint8)
    back = to_pixels(Planes(flat, np.full((1, 4, 4), 128, np.uint8), ramp), 8, 8).astype(float)
    places = np.clip((np.arange(8) + 0.5) / 2 - 0.5, 0, 3)
    expected = 100 + 1.402 * (np.interp(places, range(4), ramp[0, 0]) - 128)
    assert np.abs(back[0, 3, :, 0] - expected.clip(0, 255)).max() <= 0.51


def test_one_channel_is_kept() -> None:
    values = np.random.default_rng(2).integers(0, 256, (3, 5, 7, 1)).astype(np.uint8)
    assert np.array_equal(to_pixels(to_planes(values), 5, 7, 1), values)

"""Clips whose motion is known."""

import numpy as np
import torch
from torch import Tensor

SIZE = 48


def moving(right: int, down: int, frames: int = 4) -> Tensor:
    """A clip (1, time, 3, height, width) uint8 of smooth texture that moves by whole pixels per frame."""
    rng = np.random.default_rng(0)
    noise = rng.random((3 * SIZE, 3 * SIZE))
    for axis in (0, 1):
        noise = sum(np.roll(noise, shift, axis) for shift in range(-3, 4)) / 7
    noise = (noise - noise.min()) / (noise.max() - noise.min())
    clip = [
        noise[SIZE - down * t : 2 * SIZE - down * t, SIZE - right * t : 2 * SIZE - right * t]
        for t in range(frames)
    ]
    pixels = torch.from_numpy(np.stack(clip) * 255).to(torch.uint8)
    return pixels[None, :, None].expand(1, frames, 3, SIZE, SIZE)

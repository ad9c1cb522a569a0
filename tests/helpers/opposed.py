"""Key frames and gradients made by hand, of which some frames oppose the ends."""

import torch

from vidcondense.synthetic import EveryFrame, KeyFrames

FRAMES = 5


def key_frames(videos: int = 1) -> KeyFrames:
    """Videos of five frames of one pixel; the ends are key frames."""
    values = torch.randn(videos, FRAMES, 3, 1, 1, generator=torch.Generator().manual_seed(0))
    return KeyFrames(values, torch.zeros(videos, dtype=torch.int64))


def every_frame(videos: int = 1) -> EveryFrame:
    """The same without a frame that could be inserted."""
    return EveryFrame(torch.zeros(videos, FRAMES, 3, 1, 1), torch.arange(videos))


def gradient(*frames: tuple[float, float, float]) -> torch.Tensor:
    """(1, time, 3, 1, 1), of one video."""
    return torch.tensor(frames).view(1, len(frames), 3, 1, 1)


X, Y, AGAINST = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (-1.0, -1.0, 0.0)
QUIET = gradient(X, X, X, X, X)
OPPOSED = gradient(X, AGAINST, X, (-3.0, -0.5, 0.0), Y)
"""Frames 1 and 3 oppose both ends, 1 the most."""

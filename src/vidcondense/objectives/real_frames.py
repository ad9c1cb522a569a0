"""N_real of Wang et al.: real clips keep a few frames, the others are interpolated as in synthetic ones."""

from collections.abc import Iterator

import torch
from torch import Tensor

from vidcondense.condensed.interpolation import (
    Interpolation,
    evenly_spread,
    interpolation_weights,
    segment_starts,
)
from vidcondense.data.batches import RealClips


def weights(kept: int, frames: int, interpolation: Interpolation, segments: int) -> Tensor | None:
    """(time, time) float32 that a clip is multiplied by in time; None where it keeps all its frames.

    Args:
        kept: frames that stay, evenly spread over each segment; 0: all.
        frames: T.
        interpolation: how the other frames are made.
        segments: K, which interpolation does not cross.
    """
    if kept == 0 or kept >= frames:
        return None
    starts = segment_starts(frames, segments)
    is_kept = torch.zeros(1, frames, dtype=torch.bool)
    is_kept[0, evenly_spread(frames, kept, starts)] = True
    return interpolation_weights(is_kept, interpolation, starts)[0]


def reduced(clips: RealClips, weights: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Real clips (video, time, 3, height, width), each multiplied by (time, time) weights in time."""
    for chunk, labels in clips:
        pixels = chunk.movedim(2, -1)  # channels last, as they lie in memory
        yield torch.matmul(weights.to(chunk), pixels.flatten(2)).view(pixels.shape).movedim(-1, 2), labels

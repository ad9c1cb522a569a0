"""Key frames with linear interpolation between them (PRISM section 3.1, DFS section 3.1)."""

import torch
from torch import Tensor

from vidcondense.synthetic.stored_frames import StoredFrames


class KeyFrames(StoredFrames):
    """A few frames per video are parameters; the others are interpolated.

    All T frames have a place in `values`, with a mask of the key frames, so that rendering and its transpose
    are one batched product and an optimiser's state keeps its shape when a frame is inserted. Only key frames
    get gradients, so the momentum of a frame is zero until it is inserted.

    Args:
        values: (video, time, 3, height, width) float32, the start.
        labels: (video,) int64, ascending.
        initial: key frames to start with, evenly spread, both ends included.
        through: whether interpolated frames pass their gradient to their key frames ("through") or are held
            fixed ("detached", PRISM section 3.4).
    """

    def __init__(self, values: Tensor, labels: Tensor, initial: int = 2, *, through: bool = False) -> None:
        frames = values.shape[1]
        positions = torch.linspace(0, frames - 1, min(initial, frames)).round().long()
        is_key = torch.zeros(values.shape[:2], dtype=torch.bool, device=values.device)
        is_key[:, positions] = True
        super().__init__(values, labels, is_key)
        self.through = through

    def render(self) -> Tensor:
        """Key frames in their places, interpolations between: (video, time, 3, height, width) float32."""
        stored = self.values.detach()
        weights = interpolation_weights(self.is_key)
        return torch.bmm(weights, stored.flatten(2)).view_as(stored)

    @torch.no_grad()
    def pull_back(self, gradient: Tensor) -> None:
        """Keep the key frames' own gradients; with "through", add what their interpolations pass on."""
        if self.through:
            weights = interpolation_weights(self.is_key)
            self.values.grad = torch.bmm(weights.mT, gradient.flatten(2)).view_as(gradient)
        else:
            self.values.grad = gradient * self.is_key[:, :, None, None, None]

    @torch.no_grad()
    def insert(self, chosen: Tensor) -> None:
        """Make frames key frames; each starts as its interpolation, so the rendered clips do not change.

        Args:
            chosen: (video, time) bool.
        """
        new = chosen & ~self.is_key
        self.values[new] = self.render()[new]
        self.is_key |= new


def adjacent_keys(is_key: Tensor) -> tuple[Tensor, Tensor]:
    """The nearest key positions at or before, and at or after, each frame: two (video, time) int64 tensors.

    Args:
        is_key: (video, time) bool, true at both ends of every video.
    """
    frames = is_key.shape[1]
    times = torch.arange(frames, device=is_key.device).expand_as(is_key)
    left = torch.where(is_key, times, 0).cummax(1).values
    right = torch.where(is_key, times, frames - 1).flip(1).cummin(1).values.flip(1)
    return left, right


def interpolation_weights(is_key: Tensor) -> Tensor:
    """(video, time, time) float32: rendered frame t is the sum over k of weights[:, t, k] x stored frame k.

    Rows sum to 1; columns of frames that are not key frames are 0 (PRISM eq. 3).
    """
    left, right = adjacent_keys(is_key)
    times = torch.arange(is_key.shape[1], device=is_key.device)
    alpha = torch.where(right > left, (right - times) / (right - left).clamp(min=1), 1.0)
    weights = torch.zeros(*is_key.shape, is_key.shape[1], device=is_key.device)
    weights.scatter_add_(2, left[:, :, None], alpha[:, :, None])
    return weights.scatter_add_(2, right[:, :, None], (1 - alpha)[:, :, None])

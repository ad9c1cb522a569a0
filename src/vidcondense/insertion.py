"""Gradient-guided insertion of key frames and its schedule (PRISM section 3.2 and 3.3)."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vidcondense.recipe import InsertionSettings
from vidcondense.synthetic.base import Synthetic
from vidcondense.synthetic.key_frames import KeyFrames, adjacent_keys


@dataclass(frozen=True)
class InsertionEvent:
    """One inserted key frame."""

    iteration: int
    video: int
    position: int
    cosine_left: float
    cosine_right: float

    def to_dict(self) -> dict[str, Any]:
        """As a line of metrics.jsonl."""
        return {"event": "insertion", **self.__dict__}


def cosines(gradient: Tensor, is_key: Tensor) -> tuple[Tensor, Tensor]:
    """Cosine similarity of every frame's gradient with those of its two adjacent key frames (PRISM eq. 4, 5).

    Args:
        gradient: (video, time, ...) float32, the loss's direct gradient with respect to each rendered frame.
        is_key: (video, time) bool.

    Returns:
        left and right, each (video, time) float32 in [-1, 1]; 0 where a gradient vanishes. At a key frame
        both compare it with itself.
    """
    flat = gradient.flatten(2).float()
    products = torch.bmm(flat, flat.mT)
    norms = products.diagonal(dim1=1, dim2=2).sqrt()
    similar = products / (norms[:, :, None] * norms[:, None, :]).clamp(min=torch.finfo(torch.float32).tiny)
    left, right = adjacent_keys(is_key)
    return similar.gather(2, left[:, :, None])[:, :, 0], similar.gather(2, right[:, :, None])[:, :, 0]


class Insertion:
    """Decides in every iteration which interpolated frames become key frames.

    Args:
        settings: a recipe's [insertion] table.
        iterations: N, the length of the whole run, of which warm-up and cool-down are shares.
    """

    def __init__(self, settings: InsertionSettings, iterations: int) -> None:
        self.settings = settings
        self.first = math.ceil(settings.warm_up * iterations)
        self.last = math.floor((1 - settings.cool_down) * iterations)
        self.mean: Tensor | None = None

    def is_due(self, iteration: int) -> bool:
        """Whether frames may be inserted in this iteration, counted from 0: warm-up <= i < N - cool-down."""
        if self.settings.kind == "none" or not self.first <= iteration < self.last:
            return False
        return (iteration - self.first) % self.settings.check_every == 0

    def step(self, iteration: int, synthetic: Synthetic, gradient: Tensor) -> list[InsertionEvent]:
        """Insert where the gradients disagree.

        Args:
            iteration: counted from 0.
            synthetic: the set; frames of it become key frames.
            gradient: (video, time, 3, height, width), of the loss with respect to the rendered clips.
        """
        if self.settings.kind == "none" or not isinstance(synthetic, KeyFrames):
            return []
        gradient = self._smoothed(gradient)
        if not self.is_due(iteration):
            return []
        left, right = cosines(gradient, synthetic.is_key)
        threshold = self.settings.threshold
        candidate = ~synthetic.is_key & (left < threshold) & (right < threshold)
        chosen = candidate if self.settings.select == "all" else _lowest(left + right, candidate)
        synthetic.insert(chosen)
        return [
            InsertionEvent(iteration, video, time, float(left[video, time]), float(right[video, time]))
            for video, time in chosen.nonzero().tolist()
        ]

    def _smoothed(self, gradient: Tensor) -> Tensor:
        decay = self.settings.smoothing
        if decay == 0:
            return gradient
        old = gradient if self.mean is None else self.mean.to(gradient.device)
        self.mean = decay * old + (1 - decay) * gradient
        return self.mean

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must hold: the running mean of the gradients, if there is one."""
        return {} if self.mean is None else {"mean": self.mean}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take over what `state` returned."""
        self.mean = state.get("mean")


def _lowest(score: Tensor, candidate: Tensor) -> Tensor:
    """Per video the one candidate with the lowest score, as a (video, time) mask."""
    best = torch.where(candidate, score, torch.inf).argmin(1, keepdim=True)
    return torch.zeros_like(candidate).scatter_(1, best, True) & candidate

"""Dropping of key frames that stop paying: what was inserted becomes interpolated again (ours)."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vidcondense.insertion.selection import lowest
from vidcondense.synthetic.key_frames import KeyFrames


@dataclass(frozen=True)
class DropEvent:
    """One dropped key frame, and the change of the loss that was expected of it, to first order."""

    iteration: int
    video: int
    position: int
    change: float

    def to_dict(self) -> dict[str, Any]:
        """As a line of metrics.jsonl."""
        return {"event": "drop", **self.__dict__}


def changes(synthetic: KeyFrames, gradient: Tensor) -> Tensor:
    """By how much the loss changes, to first order, if each key frame is interpolated from its neighbours.

    The frames around it that are interpolated from it change too, and count: with w_u the share that frame t
    has in frame u, frame u moves by w_u (i_t - s_t), where s_t is the key frame and i_t what takes its place.

    Args:
        synthetic: the set.
        gradient: (video, time, 3, height, width), of the loss with respect to the rendered clips.

    Returns:
        (video, time) float32, the sum over u of w_u <g_u, i_t - s_t>; 0 where no frame can be dropped.
    """
    moved = synthetic.bridged() - synthetic.values.detach()
    passed_on = synthetic.passed_on(gradient)
    change = (passed_on * moved).flatten(2).sum(2)
    return torch.where(synthetic.droppable(), change, 0.0)


class Dropping:
    """Drops the key frames of which the loss does not rise to first order, one per video and check.

    The first and the last key frame of a segment stay, and as many of a video as it had at the start.

    Args:
        after: iterations that a key frame stays at least; those of the start came in iteration 0.

    Attributes:
        since: (video, time) int64, the iteration in which each frame last became a key frame; None before
            the first check.
    """

    def __init__(self, after: int) -> None:
        self.after = after
        self.since: Tensor | None = None

    def step(self, iteration: int, synthetic: KeyFrames, gradient: Tensor) -> list[DropEvent]:
        """Drop what stopped paying; `gradient` is that of the rendered clips which the criterion reads."""
        change = changes(synthetic, gradient)
        dispensable = synthetic.droppable() & (change <= 0)
        dispensable &= iteration - self._since(synthetic) >= self.after
        dispensable &= synthetic.is_key.sum(1, keepdim=True) > synthetic.initial
        chosen = lowest(change, dispensable, 1)
        synthetic.drop(chosen)
        rows = zip(chosen.nonzero().tolist(), change[chosen].tolist(), strict=True)
        return [DropEvent(iteration, video, time, expected) for (video, time), expected in rows]

    def inserted(self, iteration: int, synthetic: KeyFrames, chosen: Tensor) -> None:
        """Take note of frames, (video, time) bool, that became key frames in an iteration."""
        self._since(synthetic)[chosen] = iteration

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must hold."""
        return {} if self.since is None else {"since": self.since}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take over what `state` returned."""
        self.since = state.get("since")

    def _since(self, synthetic: KeyFrames) -> Tensor:
        if self.since is None:
            self.since = torch.zeros_like(synthetic.is_key, dtype=torch.int64)
        self.since = self.since.to(synthetic.is_key.device)
        return self.since


def places(events: list[DropEvent], like: Tensor) -> Tensor:
    """(video, time) bool of a tensor's shape and device: where key frames were dropped."""
    dropped = torch.zeros_like(like, dtype=torch.bool)
    for event in events:
        dropped[event.video, event.position] = True
    return dropped

"""What every representation of the synthetic set offers."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor


class Synthetic(ABC):
    """A synthetic set that is being learned.

    Attributes:
        values: (video, time, 3, height, width) float32, normalised: the parameter that the optimiser updates.
            Its `grad` is set by `pull_back`; frames that are not stored have zero gradient.
        labels: (video,) int64, ascending.
        is_key: (video, time) bool, which frames are stored.
    """

    values: Tensor
    labels: Tensor
    is_key: Tensor

    @abstractmethod
    def render(self) -> Tensor:
        """The clips that networks see: (video, time, 3, height, width) float32, without a graph."""

    @abstractmethod
    def pull_back(self, gradient: Tensor) -> None:
        """Turn the loss's gradient with respect to the rendered clips (same shape) into `values.grad`."""

    def state(self) -> dict[str, Tensor]:
        """Everything that a checkpoint must hold to restore this set."""
        return {"values": self.values.detach(), "labels": self.labels, "is_key": self.is_key}

    @torch.no_grad()
    def restore(self, state: dict[str, Tensor]) -> None:
        """Take over what `state` returned."""
        self.values.copy_(state["values"])
        self.labels.copy_(state["labels"])
        self.is_key.copy_(state["is_key"])

"""What every network offers."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class VideoNetwork(nn.Module, ABC):
    """A classifier of clips (video, time, 3, height, width), normalised."""

    @abstractmethod
    def embed(self, clips: Tensor) -> Tensor:
        """Features (video, feature) before dropout and classifier: what distribution matching compares."""

    @abstractmethod
    def forward(self, clips: Tensor) -> Tensor:
        """Class scores (video, class), without softmax."""

"""What every network offers, and how clips are cut for those that take fewer pixels."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn

from vidcondense.base.compute import Compute
from vidcondense.base.errors import VidcondenseError


class VideoNetwork(nn.Module, ABC):
    """A classifier of clips (video, time, 3, height, width), normalised.

    No output may depend on the other clips of a batch: batches are worked through in pieces of
    `Compute.chunk` clips, so a layer that averages over clips, such as BatchNorm, would tie results to
    the hardware. Every operator must be differentiable twice: gradient and trajectory matching need it.
    """

    relative_step: ClassVar[float] = 1.0
    """Step size that it learns best with under `strong`, as a multiple of the protocol's."""

    widest_activation: int
    """Elements of the largest intermediate result per clip; `Compute.chunk` bounds memory by it."""

    logit: nn.Module
    """The classifier, from features to scores."""

    @property
    def weights(self) -> int:
        """Number of parameters; known before the weights exist (see `networks.outline`)."""
        return sum(parameter.numel() for parameter in self.parameters())

    def chunk(self, compute: Compute) -> int:
        """Clips per forward pass, so that memory does not depend on the size of a batch."""
        return compute.chunk(self.widest_activation, self.weights)

    @abstractmethod
    def embed(self, clips: Tensor) -> Tensor:
        """Features (video, feature) before dropout and classifier: what distribution matching compares."""

    def forward(self, clips: Tensor) -> Tensor:
        """Class scores (video, class), without softmax: `logit` of `embed`, unless a network has its own."""
        scores: Tensor = self.logit(self.embed(clips))
        return scores


def need_pixels(who: str, least: int, size: int) -> None:
    """Refuse clips of fewer pixels than a network needs; `who` begins the message."""
    if size < least:
        raise VidcondenseError(
            f"{who} at least {least} pixels, not {size}; prepare a store with larger frames"
        )


def centre_crop(clips: Tensor, size: int) -> Tensor:
    """The middle `size` x `size` pixels of (..., height, width); the odd pixel goes at bottom and right."""
    top, left = (clips.shape[-2] - size) // 2, (clips.shape[-1] - size) // 2
    return clips[..., top : top + size, left : left + size]

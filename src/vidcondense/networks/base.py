"""What every network offers, and how clips are cut for those that take fewer pixels."""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator
from typing import ClassVar

import torch
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

    def levels(self, clips: Tensor) -> list[Tensor]:
        """The embedding, then the mean over time and places of what each stage gives, early ones first.

        (video, feature) each, differentiable: what distribution matching compares with
        `objective.layers = "all"`. A stage whose mean is the embedding itself is left out. A network
        without such a method is refused there (`need_levels`).
        """
        raise NotImplementedError

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


def need_levels(network: VideoNetwork) -> None:
    """Refuse a network that has no `levels` of its own."""
    if type(network).levels is VideoNetwork.levels:
        raise VidcondenseError(
            f'objective.layers = "all" compares what the stages of a network give, which '
            f"{type(network).__name__} does not say; give it a method levels(clips) (docs/extend.md), "
            'or set objective.layers = "last"'
        )


def pooled(x: Tensor) -> Tensor:
    """The mean of (video, channel, ...) over all that follows the channel, float32 at least."""
    return x.mean(tuple(range(2, x.dim())), dtype=torch.promote_types(x.dtype, torch.float32))


def last(stages: Iterator[Tensor]) -> Tensor:
    """What the last stage gives; what earlier ones gave is let go on the way."""
    return deque(stages, maxlen=1).pop()


def centre_crop(clips: Tensor, size: int) -> Tensor:
    """The middle `size` x `size` pixels of (..., height, width); the odd pixel goes at bottom and right."""
    top, left = (clips.shape[-2] - size) // 2, (clips.shape[-1] - size) // 2
    return clips[..., top : top + size, left : left + size]

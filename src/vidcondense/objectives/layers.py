"""Which layers of a network are compared, and how they are weighed against each other."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from vidcondense.networks.base import VideoNetwork
from vidcondense.objectives.statistics import Map, Matched, features_themselves, mapped

Layers = Literal["last", "all"]
LEAST_SPREAD = 0.01
"""Of clips of a class, as a share of the size of their features: a single clip has none."""


class Compared(ABC):
    """What of a network has its mean matched: one level or several, (video, number) float32 each."""

    @abstractmethod
    def __call__(self, network: VideoNetwork, clips: Tensor) -> list[Tensor]:
        """The levels of clips (video, time, 3, height, width); the first is the embedding's."""


class Embedding(Compared):
    """The embedding alone."""

    def __init__(self, of: Map = features_themselves) -> None:
        self._of = of

    def __call__(self, network: VideoNetwork, clips: Tensor) -> list[Tensor]:
        return [self._of(network.embed(clips).float())]


class EveryLayer(Compared):
    """The embedding, and the mean over time and places of what each stage gives.

    Args:
        of: makes the map of a level from its number.
    """

    def __init__(self, of: Callable[[int], Map]) -> None:
        self._make = of
        self._maps: list[Map] = []

    def __call__(self, network: VideoNetwork, clips: Tensor) -> list[Tensor]:
        levels = network.levels(clips)
        if not self._maps:
            self._maps = [self._make(number) for number in range(len(levels))]
        return [of(level.float()) for of, level in zip(self._maps, levels, strict=True)]


def compared(layers: Layers, matched: Matched, seed: int, iteration: int) -> Compared:
    """What is compared in an iteration; see `mapped` for its arguments."""
    if layers == "last":
        return Embedding(mapped(matched, seed, iteration))
    return EveryLayer(lambda level: mapped(matched, seed, iteration, level))


def scales(means: Tensor, squares: Tensor, widths: list[int]) -> Tensor:
    """What the differences of each number are multiplied by, so that every level weighs the same.

    In units of a level's spread over the real clips of a class, times the embedding's, over the root of the
    number of levels: the loss stays as large as that of the embedding alone, and so do step sizes. Each class
    has its own, so that it does not matter which classes are condensed together.

    Args:
        means: of real clips, (class, number), the levels side by side.
        squares: mean over clips of the squared length of each level, (class, level).
        widths: of the levels.

    Returns:
        (class, number); 1 where there is one level, 0 for one that is 0 in all real clips.
    """
    if len(widths) == 1:
        return torch.ones_like(means)
    lengths = torch.stack([part.square().sum(1) for part in means.split(widths, 1)], 1)
    spread = torch.maximum(squares - lengths, LEAST_SPREAD**2 * squares)
    weights = torch.where(spread > 0, spread[:, :1] / (len(widths) * spread), 0.0)
    return weights.sqrt().repeat_interleave(torch.tensor(widths, device=means.device), 1)

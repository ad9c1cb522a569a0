"""What of the features of a class is matched: their mean, second moments beside it, or their distribution.

Each is the mean of a map of the features, so that classes are summed piece by piece whatever is matched.
"""

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from vidcondense.base.compute import generator

Map = Callable[[Tensor], Tensor]
"""Of features (video, feature) float32 to what has its mean matched (video, number)."""
Matched = Literal["mean", "moments", "distribution"]
FREQUENCIES = 512


def mapped(matched: Matched, seed: int, iteration: int, level: int = 0) -> Map:
    """The map of an iteration.

    Args:
        matched: mean (DM); moments: the mean square of each feature too; distribution: the characteristic
            function at random frequencies (after NCFM, Wang et al., CVPR 2025, which learns which).
        seed: of frequencies.
        iteration: counted from 0; each has its own.
        level: of the network, 0 the embedding; each has its own too.
    """
    if matched == "mean":
        return features_themselves
    if matched == "moments":
        return lambda features: torch.cat([features, features.square()], 1)
    stream = (iteration, level) if level else (iteration,)
    return CharacteristicFunction(generator(seed, "frequencies", *stream))


def features_themselves(features: Tensor) -> Tensor:
    """The map that changes nothing."""
    return features


class CharacteristicFunction:
    """Cosine and sine of features at random frequencies, in units of the spread of those seen first.

    The mean of what it returns is the empirical characteristic function, real part and imaginary part, over
    the root of the number of frequencies.
    """

    def __init__(self, rng: torch.Generator) -> None:
        self._rng = rng
        self._frequencies: Tensor | None = None

    def __call__(self, features: Tensor) -> Tensor:
        if self._frequencies is None:
            apart = features.detach() - features.detach().mean(0)
            spread = apart.square().sum(1).mean().sqrt().clamp_min(torch.finfo(apart.dtype).tiny)
            drawn = torch.randn(features.shape[1], FREQUENCIES, generator=self._rng)
            self._frequencies = drawn.to(features) / spread
        angles = features @ self._frequencies
        return torch.cat([angles.cos(), angles.sin()], 1) / math.sqrt(FREQUENCIES)

"""Coded video as good as a number of bytes allows."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import TypeVar

import torch
from torch import Tensor

from vidcondense.base.errors import VidcondenseError
from vidcondense.condensed.base import CondensedVideos
from vidcondense.condensed.header import BEST, LENGTHS, WORST

SLACK = 64
T = TypeVar("T", bound=CondensedVideos)


def filled(condensed: T, budget: int) -> T:
    """The set at the best quality at which its file has `budget` bytes at most.

    Where the next better quality would take too many, as many videos as fit have it.

    Raises:
        VidcondenseError: at the lowest quality it takes more.
    """

    made = cache(lambda quality: replace(condensed, quality=quality, finer=0))
    size = cache(lambda quality: len(made(quality).packed()))
    if size(WORST) > budget:
        raise VidcondenseError(
            f"the set takes {size(WORST):,} bytes at the lowest quality, more than the {budget:,} of the "
            "budget; give it fewer videos or key frames, or smaller frames (synthetic.size)"
        )
    quality = _first(BEST, WORST, lambda one: size(one) <= budget)
    if quality == BEST:
        return made(quality)
    more = (_lengths(made(quality - 1)) - _lengths(made(quality))).cumsum(0) + size(quality)
    # Numbers beside the streams may take a few bytes more.
    finer = int((more <= budget - SLACK).sum()) if bool((more.diff() >= 0).all()) else 0
    return replace(condensed, quality=quality, finer=finer)


def _lengths(condensed: CondensedVideos) -> Tensor:
    """(video,) int64, bytes of all streams of each video."""
    tensors = condensed.encoded()
    names = [name + LENGTHS for name in condensed.frame_tensors if name + LENGTHS in tensors]
    return torch.stack([tensors[name].long() for name in names]).sum(0)


def _first(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """The first whole number of a range for which something holds that holds for all after it."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low

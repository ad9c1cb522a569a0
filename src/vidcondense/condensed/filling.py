"""Coded video as good as a number of bytes allows."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import TypeVar

import torch
from safetensors.torch import load
from torch import Tensor

from vidcondense.base.errors import VidcondenseError
from vidcondense.condensed.base import CondensedVideos
from vidcondense.condensed.header import BEST, LENGTHS, WORST
from vidcondense.condensed.storage import Known, unpacked

SLACK = 64
"""Bytes that numbers beside the streams may take more where some videos are finer."""
T = TypeVar("T", bound=CondensedVideos)


def filled(condensed: T, budget: int) -> T:
    """The set at the best quality at which its file has `budget` bytes at most.

    Where the next better quality would take too many, as many videos as fit have it.

    Raises:
        VidcondenseError: at the lowest quality it takes more.
    """

    fresh = replace(condensed, known=Known(), finer=0)  # streams that were read have a quality already
    packed = cache(lambda quality: replace(fresh, quality=quality).packed())

    def size(quality: int) -> int:
        return len(packed(quality))

    if size(WORST) > budget:
        raise VidcondenseError(
            f"the set takes {size(WORST):,} bytes at the lowest quality, more than the {budget:,} of the "
            "budget; give it fewer videos or key frames, or smaller frames (synthetic.size)"
        )
    quality = _first(BEST, WORST, lambda one: size(one) <= budget)
    if quality == BEST:
        return replace(fresh, quality=quality)
    finer, coarser = (_lengths(packed(one), fresh.frame_tensors) for one in (quality - 1, quality))
    more = (finer - coarser).cumsum(0) + size(quality)
    count = int((more.cummax(0).values <= budget - SLACK).sum())
    return replace(fresh, quality=quality, finer=count)


def _lengths(packed: bytes, frame_tensors: Sequence[str]) -> Tensor:
    """(video,) int64, bytes of all streams of each video in a file."""
    tensors = unpacked(load(packed))
    names = [name + LENGTHS for name in frame_tensors if name + LENGTHS in tensors]
    return torch.stack([tensors[name].long() for name in names]).sum(0)


def _first(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """The first whole number of a range for which something holds that holds for all after it."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low

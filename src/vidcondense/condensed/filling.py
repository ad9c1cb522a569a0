"""Coded video as good as a number of bytes allows."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from math import log
from typing import TypeVar

from safetensors.torch import load
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from vidcondense.base.errors import VidcondenseError
from vidcondense.condensed.base import CondensedVideos
from vidcondense.condensed.header import BEST, LENGTHS, QUALITY_STEP, WORST
from vidcondense.condensed.storage import Known, unpacked

SLACK = 64
"""Bytes that numbers beside the streams may take more where some streams are finer."""
T = TypeVar("T", bound=CondensedVideos)


def filled(condensed: T, budget: int) -> T:
    """The set at the best quality at which its file has `budget` bytes at most.

    Where the next better quality would take too many, as many streams as fit have it.

    Raises:
        VidcondenseError: at the lowest quality it takes more.
    """

    fresh = replace(condensed, known=Known(), finer=0)  # streams that were read have a quality already
    packed = cache(lambda steps: replace(fresh, quality=BEST + steps * QUALITY_STEP).packed())

    def size(steps: int) -> int:
        return len(packed(steps))

    last = round((WORST - BEST) / QUALITY_STEP)
    if size(last) > budget:
        raise VidcondenseError(
            f"the set takes {size(last):,} bytes at the lowest quality, more than the {budget:,} of the "
            "budget; give it fewer videos or key frames, or smaller frames (synthetic.size)"
        )
    steps = _first_within(budget, size, last, start=round((condensed.quality - BEST) / QUALITY_STEP))
    quality = BEST + steps * QUALITY_STEP
    if not steps:
        return replace(fresh, quality=quality)
    finer, coarser = (_lengths(packed(one), fresh.frame_tensors) for one in (steps - 1, steps))
    more = (finer - coarser).cumsum(0) + size(steps)
    count = int((more.cummax(0).values <= budget - SLACK).sum())
    return replace(fresh, quality=quality, finer=count)


def _lengths(packed: bytes, frame_tensors: Sequence[str]) -> Tensor:
    """(stream,) int64, bytes of each stream in a file; of several tensors, of the first ones together."""
    tensors = unpacked(load(packed))
    found = [tensors[name + LENGTHS].long() for name in frame_tensors if name + LENGTHS in tensors]
    return pad_sequence(found, batch_first=True).sum(0)


def _first_within(budget: int, size: Callable[[int], int], last: int, start: int) -> int:
    """The first step of 0 to `last` with `budget` bytes at most, where `last` has and sizes fall.

    Sizes fall about exponentially: a line through the last two that were looked at, in logarithms, says where
    to look next; every third look is in the middle, for where they do not.
    """
    low, high = 0, last
    before, at, looks = last, min(start, last - 1), 0
    while low < high:
        low, high = (low, at) if size(at) <= budget else (at + 1, high)
        looks += 1
        slope = log(size(at) / size(before)) / (at - before)
        if looks % 3 == 0 or slope >= 0:
            target = (low + high) // 2
        else:
            target = round(at + log(budget / size(at)) / slope)
        before, at = at, min(max(target, low), max(high - 1, low))
    return low

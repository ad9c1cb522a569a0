"""Coded video as good as a number of bytes allows."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
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
    steps = _first(0, last, lambda one: size(one) <= budget)
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


def _first(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """The first whole number of a range for which something holds that holds for all after it."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low

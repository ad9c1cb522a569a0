"""What a piece of work costs here and now: operations, bytes read and seconds."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from vidcondense.data.store import ClipStore
from vidcondense.networks.base import VideoNetwork


@dataclass(frozen=True)
class Iteration:
    """One iteration, or another piece of work.

    Attributes:
        seconds: of the clock.
        flops: operations of convolutions and matrix products, two for a multiplication with its addition.
        read: bytes of real clips.
    """

    seconds: float
    flops: int
    read: int


class _Operations(TorchDispatchMode):
    """Counts by PyTorch's formulas. Its FlopCounterMode hooks modules too, and fails in autograd.grad."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count: int = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        formula = flop_registry.get(func._overloadpacket)
        if formula is not None:
            self.count += int(formula(*args, **(kwargs or {}), out_val=result))
        return result


def measure(run: Callable[[], object], store: ClipStore, least_seconds: float = 0.0) -> Iteration:
    """Run an iteration once to warm up, counting its work, then again to time it.

    Args:
        run: does an iteration, or the part of it that takes the time.
        store: what it reads from.
        least_seconds: go on so long, for the mean of short iterations.
    """
    before = store.bytes_read
    counter = _Operations()
    with counter:
        run()
    read, began, rounds = store.bytes_read - before, time.perf_counter(), 0
    while not rounds or time.perf_counter() - began < least_seconds:
        run()
        rounds += 1
    return Iteration((time.perf_counter() - began) / rounds, counter.count, read)


def flops_of_embedding(network: VideoNetwork, frames: int, size: int) -> int:
    """Operations of one clip's features, forward; a `networks.outline` will do.

    A real clip of distribution matching costs so much, a synthetic one twice: forward, and back to pixels.
    """
    counter = _Operations()
    with counter, torch.no_grad():
        network.embed(torch.empty(1, frames, 3, size, size, device="meta"))
    return counter.count

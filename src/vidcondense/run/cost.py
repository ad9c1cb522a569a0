"""What condensing costs: operations, bytes, seconds and memory, from an iteration run here and now."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from vidcondense.base.compute import Compute
from vidcondense.base.units import duration, mebibytes
from vidcondense.data.store import ClipStore
from vidcondense.networks.base import VideoNetwork


@dataclass(frozen=True)
class Iteration:
    """One iteration.

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


@dataclass(frozen=True)
class Cost:
    """The cost of a run.

    Attributes:
        iteration: one of them.
        iterations: how many are left.
        start: seconds before the first one.
        result: bytes of the result's float32 values now.
        most: bytes that they may grow to.
        memory: bytes that the process holds at most: on a GPU of its memory, else of the host's.
        store: bytes of the store's pixels.
        compute: where, and how precisely.
    """

    iteration: Iteration
    iterations: int
    start: float
    result: int
    most: int
    memory: int
    store: int
    compute: Compute

    @property
    def seconds(self) -> float:
        """Of the whole run."""
        return self.start + self.iterations * self.iteration.seconds

    def describe(self) -> str:
        """The cost in a few lines."""
        one, count = self.iteration, self.iterations
        where = f"{self.compute.device} in {self.compute.precision}"
        grows = f" (at most {mebibytes(self.most)} with all insertions)" if self.most > self.result else ""
        start = f" with {duration(self.start)} to start" if self.start else ""
        return (
            f"result {mebibytes(self.result)} as float32{grows}; store {mebibytes(self.store)}; "
            f"peak memory about {mebibytes(self.memory)}\n"
            f"per iteration {one.flops / 1e9:.1f} GFLOP, {mebibytes(one.read)} read, {one.seconds:.3f} s "
            f"({one.flops / one.seconds / 1e9:.0f} GFLOP/s on {where})\n"
            f"{count:,} iterations: {count * one.flops / 1e12:.1f} TFLOP, "
            f"{mebibytes(count * one.read)} read, about {duration(self.seconds)}{start}"
        )

"""Seconds of work on a processor or a GPU, in rounds that take turns, and the ceilings it is held against."""

import math
import statistics
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch

from vidcondense.base.compute import generator

Do = Callable[[], object]
SHORT = 0.02
"""Work that takes less is repeated within a round until it takes so long, MOST times at most."""
MOST = 100


class Spread(NamedTuple):
    """Median and range over rounds."""

    median: float
    least: float
    most: float

    @staticmethod
    def of(values: list[float]) -> "Spread":
        return Spread(statistics.median(values), min(values), max(values))


class Clock:
    """Times work on a device, whose queue is empty before and after: a GPU works on after a call returns."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def wait(self) -> None:
        """Until the device has done all that it was given."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def seconds(self, do: Do, times: int = 1) -> float:
        """Of the clock for one `do`, the mean of so many."""
        self.wait()
        began = time.perf_counter()
        for _ in range(times):
            do()
        self.wait()
        return (time.perf_counter() - began) / times

    def in_turn(self, sides: Mapping[str, Do], rounds: int) -> dict[str, list[float]]:
        """Seconds of every side in every round; all are warmed up first, and take turns."""
        times = {}
        for name, do in sides.items():
            do()
            times[name] = min(MOST, math.ceil(SHORT / max(self.seconds(do), 1e-9)))
        found: dict[str, list[float]] = {name: [] for name in sides}
        for _ in range(rounds):
            for name, do in sides.items():
                found[name].append(self.seconds(do, times[name]))
        return found

    def best(self, do: Do, rounds: int) -> float:
        """Seconds of the fastest of some rounds, after one to warm up."""
        do()
        return min(self.seconds(do) for _ in range(rounds))

    def product_rate(self, dtype: torch.dtype, side: int = 4096, rounds: int = 5) -> float:
        """GFLOP/s of a product of two large matrices, the best of the rounds."""
        a, b = (torch.randn(side, side, generator=generator(0)).to(self.device, dtype) for _ in range(2))
        return 2 * side**3 / self.best(lambda: torch.mm(a, b), rounds) / 1e9

    def copy_rate(self, megabytes: int = 256, rounds: int = 5) -> float:
        """GB/s, read and written, of a copy much larger than the caches."""
        a = torch.zeros(megabytes * 2**20, dtype=torch.uint8, device=self.device)
        b = torch.empty_like(a)
        return 2 * a.numel() / self.best(lambda: b.copy_(a), rounds) / 1e9


def ratio(slow: list[float], fast: list[float]) -> Spread:
    """How many times as long the first side takes, round by round."""
    return Spread.of([a / b for a, b in zip(slow, fast, strict=True)])

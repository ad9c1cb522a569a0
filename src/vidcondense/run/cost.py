"""What condensing costs: operations, bytes, seconds and memory, from an iteration run here and now."""

from dataclasses import dataclass

from vidcondense.base.compute import Compute
from vidcondense.base.units import duration, mebibytes
from vidcondense.networks.measure import Iteration


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

"""What the sections of gpu.py share: where they work, on which shapes, until when; and what they return."""

import gc
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from clock import Clock, Do, Spread, ratio
from speed import Shape
from vidcondense.base.compute import Compute
from vidcondense.data.prepare import prepare
from vidcondense.data.store import ClipStore

Row = dict[str, Any]
NEEDS_CUDA = "needs CUDA"


@dataclass
class Result:
    """What a section found.

    Attributes:
        tables: rows by the table's title; numbers are finite.
        notes: sentences below the tables.
        failing: what was found wrong, in words.
        unfinished: what is left, for a section that goes on when it is called again.
    """

    tables: dict[str, list[Row]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    failing: list[str] = field(default_factory=list)
    unfinished: str = ""


@dataclass(frozen=True)
class Job:
    """Where sections work.

    Attributes:
        compute: the device, and the precision that the product uses there.
        small: whether everything is as small as it can be.
        folder: for stores and runs; they stay, so that a later call goes on with them.
        data: real videos in a layout that `prepare` knows; None: generated ones.
        ends: when time is up, on `time.monotonic`.
    """

    compute: Compute
    small: bool
    folder: Path
    data: Path | None
    ends: float

    @property
    def on_gpu(self) -> bool:
        """Whether the device is one."""
        return self.compute.device.type == "cuda"

    @cached_property
    def clock(self) -> Clock:
        """For the device."""
        return Clock(self.compute.device)

    @property
    def rounds(self) -> int:
        """Of every measurement."""
        return 2 if self.small else 5

    @property
    def shapes(self) -> list[Shape]:
        """Of clips and batches: the usual small ones, and the papers'."""
        return [Shape(8, 64, 2, 2)] if self.small else [Shape(8, 64, 21, 16), Shape(16, 112, 21, 16)]

    def left(self) -> float:
        """Seconds until time is up."""
        return self.ends - time.monotonic()

    @cached_property
    def videos(self) -> Path:
        """A folder of videos: those that were given, or generated ones."""
        if self.data is not None:
            return self.data
        few = "--train-per-class 3 --test-per-class 2 --classes 2 --frames 8 --size 96"
        many = "--train-per-class 64 --test-per-class 20 --frames 32 --size 168"
        made = self.folder / "actions"
        # In a process of its own: it starts others by fork, which is no good beside a GPU's threads.
        command = [sys.executable, "-m", "vidcondense", "generate", "actions", str(made)]
        done = subprocess.run(
            [*command, *(few if self.small else many).split()], capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(f"generate failed: {done.stderr.strip()}")
        return made

    @cached_property
    def store(self) -> ClipStore:
        """The videos, prepared at the larger shape."""
        shape = self.shapes[-1]
        frames = {"frames": shape.frames, "size": shape.size}
        return prepare(self.videos, self.folder / "store", progress=not self.small, **frames)

    def compared(self, option: str, sides: Mapping[str, Do]) -> list[Row]:
        """A row for each of several ways, the first of which is what others are held against."""
        times = self.clock.in_turn(sides, self.rounds)
        first = next(iter(sides))
        return [
            {"option": option, "way": name, **milliseconds("", times[name])}
            | {"times as fast as the first": ratio(times[first], times[name]).median}
            for name in sides
        ]


def milliseconds(prefix: str, seconds: list[float]) -> Row:
    """Median and range as columns."""
    spread = Spread.of([1e3 * value for value in seconds])
    return {
        f"{prefix}ms": spread.median,
        f"{prefix}ms, least": spread.least,
        f"{prefix}ms, most": spread.most,
    }


def needs_cuda(option: str, why: str) -> Result:
    """Of a section that a processor cannot run."""
    return Result({"": [{"option": option, "way": f"{NEEDS_CUDA}: {why}"}]})


def free_memory() -> None:
    """Give cached memory of a GPU back, so that one section does not starve the next."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()

"""What `generate` can be told, in Python and on the command line."""

from dataclasses import dataclass
from typing import Annotated, TypedDict

from msgspec import Meta

from vidcondense.base.options import ALL, CountOption, N, WorkersOption
from vidcondense.base.settings import Settings

MOST_CLIPS = 100_000
"""Per class and split."""
MOST_BYTES = 2**28
"""Of the pixels of a clip, which are drawn in some 14 times as much memory."""


@dataclass(frozen=True, kw_only=True)
class ClipOptions(Settings):
    """How many clips are written, and of which size.

    Attributes:
        train_per_class: Training clips per class.
        test_per_class: Test clips per class.
        classes: Write only the first N classes.
        frames: Frames per video, of which 25 make a second.
        size: Width in pixels, a multiple of 8; the height is three quarters of it. Everything happens in the
            middle 0.7 of the width, which a store keeps, so that 96 suits stores of 64x64.
        seed: The same seed writes the same files.
        workers: Processes that write; 0 starts one per core.
    """

    train_per_class: Annotated[int, Meta(ge=1, le=MOST_CLIPS), N] = 40
    test_per_class: Annotated[int, Meta(ge=0, le=MOST_CLIPS), N] = 20
    classes: Annotated[Annotated[int, Meta(ge=1)] | None, ALL] = None
    frames: Annotated[int, Meta(ge=2, le=100_000), N] = 32
    size: Annotated[int, Meta(ge=32, le=4096), N] = 96
    seed: CountOption = 0
    workers: WorkersOption = 0

    def check(self) -> None:
        size, frame = self.size, self.size * (self.size * 3 // 4) * 3
        self.refuse(
            size % 8 != 0, f"size is {size}; the width must be a multiple of 8, such as {size - size % 8}"
        )
        self.refuse(
            self.frames * frame > MOST_BYTES,
            f"frames is {self.frames}, which at size {size} is more than a clip may hold; give at most "
            f"{MOST_BYTES // frame} frames, or a smaller size",
        )


class ClipFields(TypedDict, total=False):
    """The fields of ClipOptions as keyword arguments."""

    train_per_class: int
    test_per_class: int
    classes: int | None
    frames: int
    size: int
    seed: int
    workers: int

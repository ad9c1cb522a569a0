"""What `prepare` can be told, in Python and on the command line."""

from dataclasses import dataclass
from typing import Annotated, Literal, TypedDict

from msgspec import Meta
from tyro.conf import arg

from vidcondense.base.options import N, NameOption, ShareOption, WorkersOption
from vidcondense.base.settings import Settings
from vidcondense.data.limits import NO_LIMITS, Limits
from vidcondense.data.mirroring import Mirror

MOST_FRAMES = 1024
"""The largest T: bounds what a small file can make a reader render."""
MOST_STRIDE = 1_000_000
"""The largest stride and number of frames to keep: nine hours of video at 30 frames a second."""
MOST_SIZE = 4096
"""The largest height and width of frames in pixels."""

Framing = Literal["squeeze", "crop", "pad"]
"""How frames are made square."""


@dataclass(frozen=True, kw_only=True)
class PrepareOptions(Settings):
    """How a store is made.

    Attributes:
        frames: Frames per clip (T).
        stride: A clip takes every N-th frame of a video, and more of them if it is too short for that.
        keep: Store only N frames of each video, evenly spread. Clips then span the whole video, and
            the stride has no effect. 0 stores all frames, so that a clip can begin at any of them.
        size: Height and width of frames in pixels.
        framing: How frames are made square. squeeze: to 4:3 whatever their shape, then the square in the
            middle, as in the papers; crop: the largest square in the middle; pad: the whole picture, with
            black bars. crop and pad keep proportions.
        mirror: Whether clips may be mirrored when networks learn: yes, no, or auto, which says no where the
            name of a class tells a direction, such as left, right or clockwise.
        layout: How SOURCE is laid out. auto finds out by looking; the others are folders, split-folders,
            frame-folders, lists, webdataset, ucf101, miniucf, hmdb51, hmdb51-vdsd, kinetics400 and
            something-something-v2 (see docs/data.md).
        test_fraction: Share of each class held out for testing where the source has no split of its own.
        name: Name of the dataset in tables and reports.
        limits: Which classes to take, and how many videos of each.
        videos_per_shard: Videos in each file of the store. By default 16, fewer in small datasets, so that
            there is work for many processes, and more in large ones, so that there are at most 512 files.
        follow_links: Take videos also where a link leads out of the source folder, instead of skipping them.
        workers: Decoding processes; 0 starts one per core.
        strict: Stop at a broken or missing file instead of skipping and listing it.
    """

    frames: Annotated[int, Meta(ge=1, le=MOST_FRAMES), N] = 16
    stride: Annotated[int, Meta(ge=1, le=MOST_STRIDE), N] = 4
    keep: Annotated[int, Meta(ge=0, le=MOST_STRIDE), N] = 0
    size: Annotated[int, Meta(ge=1, le=MOST_SIZE), N] = 112
    framing: Framing = "squeeze"
    mirror: Mirror = "auto"
    layout: NameOption = "auto"
    test_fraction: ShareOption = 0.2
    name: Annotated[
        str | None, arg(metavar="NAME", help_behavior_hint="(default: the source folder's name)")
    ] = None
    limits: Annotated[Limits, arg(name="")] = NO_LIMITS
    videos_per_shard: Annotated[
        Annotated[int, Meta(ge=1, le=1_000_000)] | None,
        arg(metavar="N", help_behavior_hint="(default: by the number of videos)"),
    ] = None
    follow_links: bool = False
    workers: WorkersOption = 0
    strict: bool = False

    def check(self) -> None:
        self.refuse(
            0 < self.keep < self.frames,
            f"keep must be 0 (all frames of a video) or at least the {self.frames} frames of a clip, "
            f"not {self.keep}",
        )


class PrepareFields(TypedDict, total=False):
    """The fields of PrepareOptions as keyword arguments."""

    frames: int
    stride: int
    keep: int
    size: int
    framing: Framing
    mirror: Mirror
    layout: str
    test_fraction: float
    name: str | None
    limits: Limits
    videos_per_shard: int | None
    follow_links: bool
    workers: int
    strict: bool

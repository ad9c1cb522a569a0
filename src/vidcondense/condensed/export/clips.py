"""The clips of a set one after another, as formats need them, and what a format gives."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vidcondense.condensed import CondensedVideos
from vidcondense.condensed.export.names import safe_names
from vidcondense.condensed.pictures import mp4

Row = dict[str, object]
"""What an index says of a clip or a frame: class, label, video, time, kind, key_positions."""


@dataclass(frozen=True)
class Choices:
    """What may be chosen: see `export`."""

    fps: float = 8
    scale: int = 1
    rendered: bool = False


@dataclass(frozen=True)
class File:
    """A file of an export: its path in the folder, what it holds, and the clips in it.

    Attributes:
        path: relative, with "/".
        parts: its bytes, one after another.
        rows: what the index says of them.
    """

    path: str
    parts: Iterable[bytes | memoryview]
    rows: list[Row] = field(default_factory=list)


@dataclass(frozen=True)
class Clip:
    """A rendered clip.

    Attributes:
        number: of the clip in the set.
        name: its class, as it is called.
        label: of its class.
        stem: `<class>/<number in the class>`, safe on every file system.
        keys: the times of its key frames.
        pixels: (time, height, width, 3) uint8, enlarged.
    """

    number: int
    name: str
    label: int
    stem: str
    keys: list[int]
    pixels: NDArray[np.uint8]

    def row(self, kind: str, time: object = "") -> Row:
        """Its row of the index, or that of one of its frames."""
        keys = " ".join(map(str, self.keys))
        about: Row = {"class": self.name, "label": self.label, "video": self.number}
        return {**about, "time": time, "kind": kind, "key_positions": keys}


def clips_of(condensed: CondensedVideos, scale: int) -> Iterator[Clip]:
    """Every clip, rendered one at a time."""
    names, positions = safe_names(condensed.class_names), condensed.key_positions()
    digits = max(2, len(str(condensed.vpc * condensed.clips_per_video - 1)))
    seen: dict[int, int] = {}
    for number, label in enumerate(condensed.labels.tolist()):
        place = seen[label] = seen.get(label, -1) + 1
        pixels = condensed.pixels([number])[0].permute(0, 2, 3, 1).numpy()
        large = np.ascontiguousarray(pixels.repeat(scale, axis=1).repeat(scale, axis=2))
        stem = f"{names[label]}/{place:0{digits}d}"
        yield Clip(number, condensed.class_names[label], label, stem, positions[number], large)


def as_mp4(condensed: CondensedVideos, choices: Choices) -> Iterator[File]:
    """An H.264 clip of all T frames per clip: `<class>/<number>.mp4`."""
    for clip in clips_of(condensed, choices.scale):
        yield File(f"{clip.stem}.mp4", [mp4(clip.pixels, choices.fps)], [clip.row("clip")])

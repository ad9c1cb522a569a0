"""The animated clips of a page: what its cards show, and the data its script draws them from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from vidcondense.condensed import CondensedVideos
from vidcondense.report.animation import Sheets, blends, is_blended

Inserted = Mapping[tuple[int, int], int]
"""The iteration in which the key frame of (video, time) was inserted."""


@dataclass(frozen=True)
class Clip:
    """The card of one video.

    Attributes:
        video: its number in the condensed set.
        caption: what stands above it.
        called: its full name: class, and number within the class where that has several.
        kinds: of each frame: "start" for a key frame from the start, "added" for one inserted later, "tick".
        first: times of the key frames from the start.
        added: (time, iteration) of those that were inserted.
    """

    video: int
    caption: str
    called: str
    kinds: Sequence[str]
    first: Sequence[int]
    added: Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Group:
    """Clips under one heading, the name of their class; None where no class has several."""

    heading: str | None
    clips: Sequence[Clip]


@dataclass(frozen=True)
class Clips:
    """All clips of a run; `lossless` as in `Sheets`, `blended` as in `is_blended`."""

    groups: Sequence[Group]
    lossless: bool
    blended: bool


def clips_of(condensed: CondensedVideos, sheets: Sheets, inserted: Inserted) -> Clips:
    """All videos of a condensed set, class by class."""
    labels = condensed.labels.tolist()
    by_class = [
        (condensed.class_names[label], list(videos))
        for label, videos in groupby(sorted(range(len(labels)), key=labels.__getitem__), labels.__getitem__)
    ]
    positions = condensed.key_positions()

    def card(video: int, name: str, number: int) -> Clip:
        """`number` counts within the class from 1, 0 where a class has only this one."""
        added = [(time, inserted[video, time]) for time in positions[video] if (video, time) in inserted]
        first = [time for time in positions[video] if (video, time) not in inserted]
        kinds = ["tick"] * condensed.frames
        for times, kind in ((first, "start"), (dict(added), "added")):
            for time in times:
                kinds[time] = kind
        caption, called = (f"clip {number}", f"{name}, clip {number}") if number else (name, name)
        return Clip(video, caption, called, kinds, first, added)

    if all(len(videos) == 1 for _, videos in by_class):
        groups = [Group(None, [card(video, name, 0) for name, (video,) in by_class])]
    else:
        groups = [
            Group(name, [card(video, name, number) for number, video in enumerate(videos, start=1)])
            for name, videos in by_class
        ]
    return Clips(groups, sheets.lossless, is_blended(condensed))


def clip_data(condensed: CondensedVideos, sheets: Sheets, inserted: Inserted) -> dict[str, Any]:
    """What the script needs to draw a run's videos: size, T, and for each key positions, sheet and blends.

    `whole` is what it calls a frame where none is interpolated.
    """
    height, width = condensed.size
    videos = [
        {"keys": keys, "since": [inserted.get((video, time)) for time in keys], "sheet": sheet, "mix": mix}
        for video, (keys, sheet, mix) in enumerate(
            zip(condensed.key_positions(), sheets.uris, blends(condensed), strict=True)
        )
    ]
    whole = "rendered" if condensed.clips_per_video > 1 else "stored"
    return {"frames": condensed.frames, "width": width, "height": height, "whole": whole, "videos": videos}

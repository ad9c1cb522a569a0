"""The animated clips of a page: how they are grouped, and the data its script draws them from."""

from collections.abc import Mapping
from typing import Any

from vidcondense.condensed import CondensedVideos
from vidcondense.report.animation import Sheets, blends


def by_class(condensed: CondensedVideos) -> list[tuple[str | None, list[int]]]:
    """The name and the videos of each class that has any; None and all videos, if no class has several."""
    videos: dict[int, list[int]] = {}
    for video, label in enumerate(condensed.labels.tolist()):
        videos.setdefault(label, []).append(video)
    if len(videos) == len(condensed):
        return [(None, [videos[label][0] for label in sorted(videos)])]
    return [(condensed.class_names[label], videos[label]) for label in sorted(videos)]


def clip_data(
    condensed: CondensedVideos, sheets: Sheets, inserted: Mapping[int, Mapping[int, int]]
) -> dict[str, Any]:
    """What the script needs to draw a run's videos: size, T, and for each key positions, sheet and blends.

    `whole` is what it calls a frame where none is interpolated.
    """
    height, width = condensed.size
    shown = zip(condensed.key_positions(), sheets.uris, blends(condensed), strict=True)
    videos = []
    for video, (keys, sheet, mix) in enumerate(shown):
        since = [inserted.get(video, {}).get(time) for time in keys]
        videos.append({"keys": keys, "since": since, "sheet": sheet, "mix": mix})
    whole = "rendered" if condensed.clips_per_video > 1 else "stored"
    return {"frames": condensed.frames, "width": width, "height": height, "whole": whole, "videos": videos}

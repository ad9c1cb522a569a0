"""The animated clips of a page: a card for each video, and the data its script draws them from."""

from typing import Any

from vidcondense.condensed import CondensedVideos
from vidcondense.report.animation import Sheets, blends
from vidcondense.report.markup import Markup, plural, tag
from vidcondense.report.run import Run


def clip_data(
    condensed: CondensedVideos, sheets: Sheets, inserted: dict[tuple[int, int], int]
) -> dict[str, Any]:
    """What the script needs to draw a run's videos: size, T, and for each key positions, sheet and blends.

    `whole` is what it calls a frame where none is interpolated.
    """
    height, width = condensed.size
    whole = "rendered" if condensed.clips_per_video > 1 else "stored"
    videos = [
        {
            "keys": keys,
            "since": [inserted.get((video, time)) for time in keys],
            "sheet": sheets.uris[video],
            "mix": mix,
        }
        for video, (keys, mix) in enumerate(zip(condensed.key_positions(), blends(condensed), strict=True))
    ]
    return {
        "frames": condensed.frames,
        "width": width,
        "height": height,
        "whole": whole,
        "videos": videos,
    }


def clip_section(run: Run, condensed: CondensedVideos, index: int) -> Markup:
    """All videos of a run, class by class; `index` is the run's place in the page's data."""
    groups: dict[int, list[int]] = {}
    for video, label in enumerate(condensed.labels.tolist()):
        groups.setdefault(label, []).append(video)
    single = all(len(videos) == 1 for videos in groups.values())
    if single:
        cards = [_card(run, condensed, index, videos[0], 0) for _, videos in sorted(groups.items())]
        return tag("div", *cards, class_="clips")
    parts = []
    for label, videos in sorted(groups.items()):
        heading = tag("h4", condensed.class_names[label], tag("small", plural(len(videos), "clip")))
        cards = [_card(run, condensed, index, video, number) for number, video in enumerate(videos, start=1)]
        parts.append(tag("section", heading, tag("div", *cards, class_="clips"), class_="class"))
    return tag("div", *parts)


def _card(run: Run, condensed: CondensedVideos, index: int, video: int, number: int) -> Markup:
    """One video; `number` counts within the class from 1, 0 where a class has only this one."""
    name = condensed.class_names[int(condensed.labels[video])]
    called = f"{name}, clip {number}" if number else name
    height, width = condensed.size
    canvas = tag("canvas", width=width, height=height, aria_hidden="true")
    screen = tag(
        "button",
        canvas,
        type="button",
        class_="screen",
        aria_label=f"Play or pause {called}",
        aria_pressed="false",
    )
    caption = tag("figcaption", f"clip {number}" if number else name, title=called)
    keys = condensed.key_positions()[video]
    parts = (caption, screen, _timeline(keys, run.inserted, video, condensed.frames, called))
    status = tag("p", class_="status", aria_hidden="true")
    listed = _key_list(keys, run.inserted, video, condensed.frames)
    several = condensed.clips_per_video
    if several > 1:
        listed = tag("p", f"combination {video % several + 1} of {several}", class_="keys")
    style = f"--ratio:{width}/{height}"
    return tag("figure", *parts, status, listed, class_="clip", data_run=index, data_video=video, style=style)


def _timeline(
    keys: list[int], inserted: dict[tuple[int, int], int], video: int, frames: int, called: str
) -> Markup:
    """A slider over the frames with a mark for each: key frames large, interpolated ones a tick."""
    marks = []
    for time in range(frames):
        kind = "tick" if time not in keys else "added" if (video, time) in inserted else "start"
        place = 100 * time / max(frames - 1, 1)
        marks.append(tag("i", class_=kind, data_time=time, style=f"left:{place:.3f}%"))
    slider = tag(
        "input", type="range", min=0, max=frames - 1, step=1, value=0, aria_label=f"Frame of {called}"
    )
    return tag("div", tag("div", *marks, class_="marks", aria_hidden="true"), slider, class_="timeline")


def _key_list(keys: list[int], inserted: dict[tuple[int, int], int], video: int, frames: int) -> Markup:
    """In words when each key frame came: "0, 7 from the start", "3 iter. 120"."""
    added = [time for time in keys if (video, time) in inserted]
    if len(keys) == frames and not added:
        return tag("p", "every frame is stored", class_="keys")
    first = ", ".join(str(time) for time in keys if time not in added)
    items = [tag("li", tag("b", first), "from the start", class_="start")] if first else []
    for time in added:
        items.append(tag("li", tag("b", time), f"iter. {inserted[video, time]}", class_="added"))
    return tag("ul", *items, class_="keys", aria_label="Key frames")

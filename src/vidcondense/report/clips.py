"""The animated clips of a page: the frames that it embeds, and the data its script draws them from."""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeGuard

from vidcondense.condensed import CondensedVideos, KeyFrameVideos
from vidcondense.condensed.pictures import Pixels, jpeg, png

# Steps of JPEG quantisation (2 is near lossless), tried in turn until the page fits.
JPEG_STEPS = (2, 4, 8, 14, 24)
PNG, JPEG = "image/png", "image/jpeg"


@dataclass(frozen=True)
class Sheets:
    """The embedded frames of each video below one another in one picture, as data URIs.

    Attributes:
        uris: one per video.
        lossless: whether the pictures are PNG; otherwise JPEG, to keep the page small.
    """

    uris: list[str]
    lossless: bool


def blends(condensed: CondensedVideos) -> list[list[tuple[int, int, float]]]:
    """How a page draws every frame of each video: two frames of its sheet and the weight of the first.

    The sheet holds the key frames where a blend of two makes every other frame, and all frames where not: the
    smooth spline has negative weights, which a canvas cannot draw.
    """
    if not is_blended(condensed):
        return [[(time, time, 1.0) for time in range(condensed.frames)]] * len(condensed)
    index, weight = condensed.mixture(list(range(len(condensed))))
    drawn = zip(index[:, :, 0].tolist(), index[:, :, -1].tolist(), weight[:, :, 0].tolist(), strict=True)
    return [
        [(i, j, round(w, 6)) for i, j, w in zip(left, right, first, strict=True)]
        for left, right, first in drawn
    ]


def embedded_pixels(condensed: CondensedVideos) -> list[Pixels]:
    """The frames of each video's sheet as uint8, one array (frame, height, width, 3) per video."""
    times = condensed.key_positions() if is_blended(condensed) else [range(condensed.frames)] * len(condensed)
    return [
        condensed.pixels([video])[0, list(mine)].permute(0, 2, 3, 1).numpy()
        for video, mine in enumerate(times)
    ]


def is_blended(condensed: CondensedVideos) -> TypeGuard[KeyFrameVideos]:
    """Whether a page embeds key frames only, and blends of two of them make the others."""
    return isinstance(condensed, KeyFrameVideos) and condensed.interpolation != "smooth"


def sheets(condensed: CondensedVideos, budget: int) -> Sheets:
    """Encode the embedded frames of every video: PNG if all together fit `budget` bytes, else JPEG."""
    pictures = [frames.reshape(-1, *frames.shape[2:]) for frames in embedded_pixels(condensed)]
    encoded = _within(pictures, png, budget)
    if encoded is not None:
        return Sheets([data_uri(PNG, data) for data in encoded], lossless=True)
    for step in JPEG_STEPS:
        encoded = _within(pictures, partial(jpeg, step=step), budget)
        if encoded is not None:
            break
    else:
        # Even the coarsest step is too large: show the set anyway, rather than nothing.
        encoded = [jpeg(image, JPEG_STEPS[-1]) for image in pictures]
    return Sheets([data_uri(JPEG, data) for data in encoded], lossless=False)


def by_class(condensed: CondensedVideos) -> list[tuple[str | None, list[int]]]:
    """The name and the videos of each class that has any; None and all videos, if no class has several."""
    videos: dict[int, list[int]] = {}
    for video, label in enumerate(condensed.labels.tolist()):
        videos.setdefault(label, []).append(video)
    if len(videos) == len(condensed):
        return [(None, [videos[label][0] for label in sorted(videos)])]
    return [(condensed.class_names[label], videos[label]) for label in sorted(videos)]


def clip_data(condensed: CondensedVideos, inserted: Mapping[int, Mapping[int, int]]) -> dict[str, Any]:
    """What the script needs to draw a run's videos from their sheets: size, T, key positions and blends.

    `whole` is what it calls a frame where none is interpolated.
    """
    height, width = condensed.size
    videos = []
    for video, (keys, mix) in enumerate(zip(condensed.key_positions(), blends(condensed), strict=True)):
        since = [inserted.get(video, {}).get(time) for time in keys]
        videos.append({"keys": keys, "since": since, "mix": mix})
    whole = "rendered" if condensed.clips_per_video > 1 else "stored"
    return {"frames": condensed.frames, "width": width, "height": height, "whole": whole, "videos": videos}


def _within(pictures: Sequence[Pixels], encode: Callable[[Pixels], bytes], budget: int) -> list[bytes] | None:
    """All pictures encoded, or None as soon as they exceed the budget."""
    done: list[bytes] = []
    for picture in pictures:
        done.append(encode(picture))
        budget -= len(done[-1])
        if budget < 0:
            return None
    return done


def data_uri(kind: str, data: bytes) -> str:
    """Data of a kind (`PNG` or `JPEG`) as the address of a picture."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"

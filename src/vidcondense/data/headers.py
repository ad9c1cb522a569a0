"""What the header of a video file says, as far as it can be believed."""

import re
from fractions import Fraction
from typing import Any, NamedTuple

import av
import av.logging
from av.stream import Disposition

from vidcondense.data.contents import DecodeError

MOST_RATE = 1000
"""Frames per second that a header may speak of; more are units of time taken for frames."""
MOST_FRAMES = 24 * 60 * 60 * 60
"""Frames that a header may promise: a day at 60 a second."""
LONGEST_PIXEL = 16
"""How many times as wide as high a header may call pixels, or as high as wide."""

# FFmpeg's command prefers the default track by so many pixels.
DEFAULT_COUNTS = 5_000_000


class Borders(NamedTuple):
    """Pixels that are to be cut off a frame as it is stored, before it is turned."""

    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0


def video_stream(container: Any) -> tuple[Any, str]:
    """The track that FFmpeg's command takes, and a note if there are others.

    That is the one with the most pixels, where a default one has an advantage, and the first of equal ones.
    Cover pictures are none.

    Raises:
        DecodeError: there is none.
    """
    videos = [one for one in container.streams.video if not one.disposition & Disposition.attached_pic]
    tracks = [one for one in videos if one.codec_context is not None]
    if not tracks and videos:
        raise DecodeError("FFmpeg does not know the coding of its video")
    if not tracks:
        raise DecodeError("audio only" if container.streams.audio else "no video stream")
    best = max(tracks, key=_score)
    if len(tracks) == 1:
        return best, ""
    number, size = tracks.index(best) + 1, f"{best.width}x{best.height}"
    return best, f"{len(tracks)} video tracks, of which number {number} is taken ({size})"


def _score(stream: Any) -> int:
    default = bool(stream.disposition & Disposition.default)
    return int(stream.width * stream.height) + DEFAULT_COUNTS * default


def borders_of(container: Any, stream: Any) -> Borders:
    """The clean aperture of MP4 and MOV, or the cropping of Matroska; PyAV tells them only as a text.

    FFmpeg's command cuts them off by default since version 7.1, and older libraries do not tell them.
    """
    level, skip = av.logging.get_level(), av.logging.get_skip_repeated()
    try:
        av.logging.set_level(av.logging.INFO)
        av.logging.set_skip_repeated(False)
        text = container.dumps_format()
    finally:
        av.logging.set_level(level)
        av.logging.set_skip_repeated(skip)
    # A title cannot look like these lines: it comes after spaces and a colon.
    parts = re.split(r"^ +Stream #0:(\d+)", text, flags=re.MULTILINE)
    own = dict(zip(parts[1::2], parts[2::2], strict=True)).get(str(stream.index), "")
    found = re.search(r"^ +frame cropping: (\d+)/(\d+)/(\d+)/(\d+)", own, re.MULTILINE | re.IGNORECASE)
    left, right, top, bottom = map(int, found.groups() if found else "0000")
    return Borders(top, bottom, left, right)


def pixel_shape(source: Any) -> Fraction:
    """Width by height of a pixel of a stream or a codec's context, 1 where that is not said in earnest."""
    shape = Fraction(source.sample_aspect_ratio or 1)
    return shape if Fraction(1, LONGEST_PIXEL) <= shape <= LONGEST_PIXEL else Fraction(1)


def frame_rate(stream: Any) -> float:
    """Frames per second, 0 if the header does not say or not in earnest."""
    rates = (stream.average_rate, stream.guessed_rate)
    return next((float(rate) for rate in rates if rate and rate <= MOST_RATE), 0.0)


def promised_frames(container: Any, stream: Any) -> int:
    """The number of frames that the header declares or implies, 0 if it does not say or not in earnest."""
    frames = int(stream.frames)
    if not frames and container.duration:
        frames = int(container.duration / av.time_base * frame_rate(stream))
    return frames if 0 < frames <= MOST_FRAMES else 0


def promised_end(container: Any, stream: Any) -> float:
    """The seconds at which the header says that the pictures end, 0 if it does not say."""
    if container.format.name == "avi" and stream.frames and stream.average_rate:
        # FFmpeg shortens the duration of an AVI to what is there; the header's own number of frames stands.
        return float(stream.frames / stream.average_rate)
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    # Beside sound the duration may be the sound's.
    return container.duration / av.time_base if container.duration and len(container.streams) == 1 else 0.0

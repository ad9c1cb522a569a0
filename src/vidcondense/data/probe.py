"""What to expect of a video before it is decoded: how many frames, and of which shape."""

from pathlib import Path
from typing import Any, TypedDict

from vidcondense.base.errors import VidcondenseError
from vidcondense.data.contents import DecodeError
from vidcondense.data.decode import open_video, picture_frames
from vidcondense.data.framing import Decoded
from vidcondense.data.headers import borders_of, pixel_shape, promised_frames, video_stream
from vidcondense.data.pictures import pictures_in

PACKETS = 32
"""Frames at the beginning of a file whose bytes are counted."""
FEWER_BYTES = 16
"""The frames that follow may have so many times fewer bytes, as in a film that stands still."""


class Probe(TypedDict):
    """What is expected of a video.

    Attributes:
        frames: about how many, 0 if that is not known.
        aspect: width by height of the first frame as it is shown, 0 if that is not known.
    """

    frames: int
    aspect: float


def probe(path: Path) -> Probe:
    """Look at the header and the beginning of a video; for estimates only, it is not checked for damage."""
    found = Probe(frames=0, aspect=0.0)
    try:
        if path.is_dir():
            found["aspect"] = float(next(picture_frames(path)).shape()[2])
            found["frames"] = len(pictures_in(path))
        else:
            with open_video(path) as container:
                _look(container, found)
    except DecodeError:
        return found
    except VidcondenseError:
        raise
    except Exception:  # whatever comes to PyAV with a strange file; decoding it will tell
        found["frames"] = 0
    return found


def _look(container: Any, found: Probe) -> None:
    stream, _ = video_stream(container)
    stream.thread_count = 1
    stream.thread_type = "NONE"
    pixel, borders = pixel_shape(stream), borders_of(container, stream)
    packets, size = 0, 0
    for packet in container.demux(stream):
        if packet.size:
            packets, size = packets + 1, size + packet.size
        if not found["aspect"]:
            for frame in packet.decode()[:1]:
                found["aspect"] = float(Decoded(frame, pixel, borders).shape()[2])
        if packets == PACKETS:
            break
    else:  # that was all
        found["frames"] = packets
        return
    promised = promised_frames(container, stream)
    most = container.size / size * PACKETS * FEWER_BYTES
    found["frames"] = promised if promised <= most else 0

"""AV1 streams: SVT-AV1 writes them, dav1d reads them, both through PyAV. Decoding is exact by the format."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction

import av
import numpy as np
from av.error import FFmpegError

from vidcondense.base.errors import VidcondenseError
from vidcondense.condensed.coding.colour import Bytes, Planes

# One thread, no intra frame but the first, and none of the filter that mixes frames before they are coded:
# learned key frames are not noisy versions of one another.
_OPTIONS = "lp=1:keyint=-1:enable-tf=0"
_STILL = "avif=1"
"""Where there is one frame only."""
_PRESET = "2"


SEQUENCE_HEADER, TEMPORAL_DELIMITER = 1, 2
"""Types of the units (OBUs) that a stream is made of, AV1 section 6.2.2."""
HAS_SIZE = 2
LONGEST_SIZE = 8


def encode(planes: Planes, quality: float) -> bytes:
    """One stream of all frames, which begins with an intra frame; the same frames give the same bytes.

    Args:
        planes: frames in order.
        quality: the encoder's constant rate factor, 1 (best) to 70 (smallest), in quarters.

    Raises:
        VidcondenseError: this PyAV has no AV1 encoder.
    """
    os.environ.setdefault("SVT_LOG", "1")  # else it tells of every stream on the terminal
    try:
        context = av.CodecContext.create("libsvtav1", "w")
    except av.codec.codec.UnknownCodecError as error:
        raise VidcondenseError(
            "this PyAV has no AV1 encoder (libsvtav1); install PyAV's own wheel, or choose another storage"
        ) from error
    assert isinstance(context, av.VideoCodecContext)
    context.height, context.width = planes.luma.shape[1:]
    context.pix_fmt, context.time_base, context.framerate = "yuv420p", Fraction(1, 25), Fraction(25)
    options = [_OPTIONS, f"crf={quality:g}", *([_STILL] if len(planes.luma) == 1 else [])]
    context.options = {"preset": _PRESET, "svtav1-params": ":".join(options)}
    packets = []
    with _same_scheduling():
        for number, frame in enumerate(_frames(planes)):
            frame.pts = number
            packets += context.encode(frame)
        packets += context.encode(None)
    return b"".join(map(bytes, packets))


def decode(stream: bytes, frames: int, height: int, width: int) -> Planes:
    """The frames of a stream that `encode` made.

    Args:
        stream: bytes, perhaps a stranger's: nothing is allocated beyond what the other arguments say.
        frames: how many.
        height: of the picture, even.
        width: the same.

    Raises:
        VidcondenseError: it is no such stream, or has another number or size of frames.
    """
    if not stream:  # which would say that there is nothing to come
        raise VidcondenseError(f"a stream has 0 frames in place of {frames}")
    context = av.CodecContext.create("libdav1d", "r")
    assert isinstance(context, av.VideoCodecContext)
    # dav1d refuses larger pictures before it takes memory for one. It has no thread of its own that could log
    # an error while this one, with Python's lock, waits for it to end.
    context.options = {"max_pixels": str(height * width)}
    context.thread_count = 1
    found: list[av.VideoFrame] = []
    try:
        for packet in (av.Packet(stream), None):
            for frame in context.decode(packet):
                _check(frame, height, width)
                found.append(frame)
                if len(found) > frames:
                    raise VidcondenseError(f"a stream has more than its {frames} frames")
    except FFmpegError as error:
        raise VidcondenseError(f"a stream is no AV1 of {height}x{width} ({error.strerror})") from error
    if len(found) != frames:
        raise VidcondenseError(f"a stream has {len(found)} frames in place of {frames}")
    return Planes(*(np.stack([_plane(frame, index) for frame in found]) for index in range(3)))


def parts(stream: bytes) -> tuple[bytes, bytes]:
    """The sequence header of a stream, empty where it has none, and what is left without delimiters.

    All streams of one size and encoder have the same header, and nothing in them needs temporal delimiters:
    together these are 28 bytes of the 300 of a small video.

    Raises:
        VidcondenseError: it is no AV1 stream.
    """
    header, rest, at = b"", [], 0
    while at < len(stream):
        kind, size, start = stream[at] >> 3 & 15, 0, at + 1 + (stream[at] >> 2 & 1)
        for place, byte in enumerate(stream[start : start + LONGEST_SIZE]):  # LEB128, AV1 section 4.10.5
            size |= (byte & 127) << (7 * place)
            if byte < 128:
                break
        else:
            raise VidcondenseError("a stream is no AV1 (it is cut short)")
        end = start + place + 1 + size
        if end > len(stream) or not stream[at] & HAS_SIZE:
            raise VidcondenseError("a stream is no AV1 (it is cut short)")
        if kind == SEQUENCE_HEADER:
            header = stream[at:end]
        elif kind != TEMPORAL_DELIMITER:
            rest.append(stream[at:end])
        at = end
    return header, b"".join(rest)


@contextmanager
def _same_scheduling() -> Iterator[None]:
    """SVT-AV1 leaves root's thread with real-time priority, and so all that the thread starts later."""
    if not hasattr(os, "sched_setscheduler"):
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, parameters)


def _frames(planes: Planes) -> Iterator[av.VideoFrame]:
    height, width = planes.luma.shape[1:]
    for parts in zip(*planes, strict=True):
        frame = av.VideoFrame(width, height, "yuv420p")
        for plane, values in zip(frame.planes, parts, strict=True):
            padded = np.zeros((plane.height, plane.line_size), np.uint8)
            padded[:, : plane.width] = values
            plane.update(padded.tobytes())
        yield frame


def _check(frame: av.VideoFrame, height: int, width: int) -> None:
    if (frame.height, frame.width, frame.format.name) != (height, width, "yuv420p"):
        raise VidcondenseError(
            f"a stream has frames of {frame.height}x{frame.width} in {frame.format.name}, "
            f"not of {height}x{width} in yuv420p"
        )


def _plane(frame: av.VideoFrame, index: int) -> Bytes:
    plane = frame.planes[index]
    values: Bytes = np.frombuffer(memoryview(plane), np.uint8)
    return values.reshape(-1, plane.line_size)[: plane.height, : plane.width].copy()

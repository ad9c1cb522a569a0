"""Video file, folder of pictures or tar member to small RGB frames, one after another, with PyAV (FFmpeg).

Resizing follows Wang et al. (2024), whose rule PRISM and DFS use: every frame is scaled to 160x120 whatever
its shape, then the centre 112x112 is cut out. For another size S the two steps keep these proportions: scale
to round(S * 160 / 112) x round(S * 120 / 112), cut out the centre S x S. Scaling is FFmpeg's bilinear
(libswscale), which widens its triangle when it shrinks, so that small frames do not alias.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.stream import Disposition
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from vidcondense.data import tars
from vidcondense.data.pictures import pictures_in, unlike_names

Frame = NDArray[np.uint8]

# Newer PyAV scales with one thread per core unless told otherwise, which halves the speed of frames this
# small; older PyAV has no such argument.
SCALE_OPTIONS = {"threads": 1} if "threads" in (VideoReformatter.reformat.__doc__ or "") else {}

# A file cut short often ends without an error: only its header tells how much is missing. Headers may be off
# by a few frames (dropped or edited ones), so that a tenth may be missing before the file counts as broken.
READABLE_SHARE = 0.9

# By their first bytes, which tell more than a name.
PICTURE_CODECS = {b"\xff\xd8": "mjpeg", b"\x89PNG": "png"}


class DecodeError(Exception):
    """Why a file gives no usable video, as a short phrase for the list of skipped files."""


def resized(size: int) -> tuple[int, int]:
    """(width, height) in pixels that a frame is scaled to before the centre `size` x `size` is cut out."""
    return round(size * 160 / 112), round(size * 120 / 112)


def decode_frames(path: Path, size: int) -> Iterator[Frame]:
    """Decode a video frame by frame, in one thread and in memory that does not grow with its length.

    Args:
        path: a video file, anything that FFmpeg reads; or a folder of pictures, its frames in natural order;
            or a path that leads through a tar file to a video in it.
        size: S, height and width of the frames in pixels.

    Yields:
        (size, size, 3) uint8 RGB frames in 0..255, contiguous, upright (rotation in the header is applied).

    Raises:
        DecodeError: empty, not a video, only audio, without frames, or broken on the way; frames yielded
            before must then be thrown away.
    """
    count, small = 0, _Resizer(size)
    try:
        for frame in _pictures(path) if path.is_dir() else _frames(path):
            yield small(frame)
            count += 1
    except (av.FFmpegError, OSError, ValueError, EOFError) as error:
        raise DecodeError(f"broken after {count} readable frames ({_short(error)})") from error
    if count == 0:
        raise DecodeError("no frames")


def probe_frames(path: Path) -> int:
    """The number of frames a video's header declares or implies, 0 if it does not say; for estimates only.

    Raises:
        DecodeError: the file cannot be opened as a video.
    """
    if path.is_dir():
        return len(pictures_in(path))
    with open_video(path) as container:
        stream = video_stream(container)
        if stream.frames:
            return int(stream.frames)
        if container.duration and stream.average_rate:
            return int(container.duration / av.time_base * stream.average_rate)
    return 0


@contextmanager
def open_video(path: Path) -> Iterator[Any]:
    """Open a video file, or a video in a tar file, as a PyAV input container.

    Raises:
        DecodeError: it is missing, unreadable, empty, or nothing that FFmpeg knows.
    """
    with ExitStack() as stack:
        try:
            container = stack.enter_context(_container(path, stack))
        except (av.FFmpegError, OSError, ValueError, EOFError) as error:
            if isinstance(error, (FileNotFoundError, NotADirectoryError)):
                raise DecodeError("no such file") from error
            if isinstance(error, PermissionError):
                raise DecodeError("no permission to read it") from error
            raise DecodeError(f"not a video that FFmpeg can read ({_short(error)})") from error
        yield container


def _container(path: Path, stack: ExitStack) -> Any:
    inside = tars.split(path)
    member = tars.find(*inside) if inside else None
    if (member.size if member else path.stat().st_size) == 0:
        raise DecodeError("empty file")
    if inside and member:
        return av.open(stack.enter_context(tars.Slice(inside[0], member)))
    return av.open(str(path))


def _frames(path: Path) -> Iterator[Any]:
    """The frames of a video file; says at the end if some are missing."""
    count, first, last = 0, None, None
    with open_video(path) as container:
        stream = video_stream(container)
        stream.thread_count = 1
        stream.thread_type = "NONE"
        for frame in container.decode(stream):
            first, last = frame.time if count == 0 else first, frame.time
            yield frame
            count += 1
        expected = _expected_frames(container, stream, count, first, last)
    if 0 < count < READABLE_SHARE * expected:
        raise DecodeError(f"cut short: {count} of {expected} frames readable")


def _pictures(folder: Path) -> Iterator[Any]:
    """The frames of a folder of pictures; one that is cut short is an error, not a grey area."""
    pictures = pictures_in(folder)
    if unlike := unlike_names(pictures):
        raise DecodeError(f"pictures of several kinds in one folder ({unlike[0]}, {unlike[1]})")
    for picture in pictures:
        data = picture.read_bytes()
        codec = next((name for start, name in PICTURE_CODECS.items() if data.startswith(start)), None)
        if codec is None:
            raise DecodeError(f"{picture.name} is neither JPEG nor PNG")
        context: Any = av.CodecContext.create(codec, "r")
        context.thread_count = 1
        context.options = {"err_detect": "explode"}
        try:
            frames = [*context.decode(av.Packet(data)), *context.decode(None)]
        except av.FFmpegError as error:
            raise DecodeError(f"{picture.name} is broken ({_short(error)})") from error
        if not frames:
            raise DecodeError(f"{picture.name} holds no picture")
        yield frames[0]


def video_stream(container: Any) -> Any:
    """The first video stream that is not a cover picture.

    Raises:
        DecodeError: there is none.
    """
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            return stream
    raise DecodeError("audio only" if container.streams.audio else "no video stream")


def _expected_frames(container: Any, stream: Any, count: int, first: float | None, last: float | None) -> int:
    """The frames a header promises: by their number, else by the duration at the rate of those that came."""
    if stream.frames:
        return int(stream.frames)
    # Beside sound the duration may be the sound's.
    if not container.duration or len(container.streams) > 1 or first is None or last is None or last <= first:
        return 0
    return int(container.duration / av.time_base * (count - 1) / (last - first) + 0.5)


class _Resizer:
    """Scales, turns and crops the frames of one video."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._width, self._height = resized(size)
        self._reformatter = VideoReformatter()
        self._turns: int | None = None

    def __call__(self, frame: Any) -> Frame:
        if self._turns is None:
            self._turns = round(frame.rotation / 90) % 4
        lying = self._turns % 2
        width, height = (self._height, self._width) if lying else (self._width, self._height)
        scaled = self._reformatter.reformat(
            frame, width, height, "rgb24", interpolation=Interpolation.BILINEAR, **SCALE_OPTIONS
        )
        plane = scaled.planes[0]
        rows: Frame = np.frombuffer(memoryview(plane), np.uint8).reshape(height, plane.line_size)
        # Only the square in the middle is copied; which one it is does not depend on the turn.
        top, left = (height - self._size) // 2, (width - self._size) // 2
        square = rows[top : top + self._size, 3 * left : 3 * (left + self._size)]
        pixels = square.reshape(self._size, self._size, 3)
        return np.ascontiguousarray(np.rot90(pixels, self._turns) if self._turns else pixels)


def _short(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).splitlines()[0]

"""Video file, folder of pictures or tar member to small RGB frames, one after another, with PyAV (FFmpeg).

Resizing follows Wang et al. (2024), whose rule PRISM and DFS use: every frame is scaled to 160x120 whatever
its shape, then the centre 112x112 is cut out. For another size S the two steps keep these proportions: scale
to round(S * 160 / 112) x round(S * 120 / 112), cut out the centre S x S. Scaling is FFmpeg's bilinear
(libswscale), which widens its triangle when it shrinks, so that small frames do not alias.
"""

import errno
import stat
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.filter
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

# What files with a video's ending are in truth. FFmpeg knows many more by their content, among them scripts
# and playlists, which would have it read other files and the network in the name of a video.
DEMUXERS = (
    "apng,asf,avi,dv,flv,gif,h264,hevc,ivf,m4v,matroska,mjpeg,mov,mpeg,mpegts,mpegvideo,mxf,nut,obu,ogg,rm,"
    "yuv4mpegpipe"
)

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


def decode_frames(path: Path, size: int, framing: str = "squeeze") -> Iterator[Frame]:
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
    except DecodeError:
        raise
    except Exception as error:  # whatever comes to PyAV with a strange file
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


def try_frames(path: Path, size: int, seconds: float) -> tuple[int, float]:
    """Decode the beginning of a video for some seconds: how many frames came, and how long that took."""
    count, begin = 0, time.perf_counter()
    try:
        for _ in decode_frames(path, size):
            count += 1
            if time.perf_counter() > begin + seconds:
                break
    except DecodeError:
        pass
    return count, time.perf_counter() - begin


@contextmanager
def open_video(path: Path) -> Iterator[Any]:
    """Open a video file, or a video in a tar file, as a PyAV input container.

    Raises:
        DecodeError: it is missing, unreadable, empty, or nothing that FFmpeg knows.
    """
    with ExitStack() as stack:
        try:
            container = stack.enter_context(_container(path, stack))
        except DecodeError:
            raise
        except Exception as error:  # whatever comes to PyAV with a strange file
            if isinstance(error, (FileNotFoundError, NotADirectoryError)):
                raise DecodeError("no such file") from error
            if isinstance(error, PermissionError):
                raise DecodeError("no permission to read it") from error
            raise DecodeError(f"not a video that FFmpeg can read ({_short(error)})") from error
        yield container


def check_regular(path: Path) -> int:
    """The bytes of a regular file. Opening anything else might block for ever, or never end.

    Raises:
        DecodeError: a pipe, a socket or a device.
        OSError: it is not there, or out of reach.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise DecodeError("a pipe, a socket or a device, not a file")
    return status.st_size


def _container(path: Path, stack: ExitStack) -> Any:
    inside = tars.split(path)
    member = tars.find(*inside) if inside else None
    if (member.size if member else check_regular(path)) == 0:
        raise DecodeError("empty file")
    # By name FFmpeg would take "http:x.mp4" for an address; a title in another encoding is no reason to fail.
    source = stack.enter_context(tars.open_member(inside[0], member)) if inside and member else f"file:{path}"
    return av.open(source, container_options={"format_whitelist": DEMUXERS}, metadata_errors="replace")


def _frames(path: Path) -> Iterator[Any]:
    """The frames of a video file; says at the end if some are missing."""
    seen = _Seen()
    with open_video(path) as container:
        stream = video_stream(container)
        stream.thread_count = 1
        stream.thread_type = "NONE"
        for frame in container.decode(stream):
            seen.add(frame, stream.time_base)
            yield frame
        end = _promised_end(container, stream)
        # Nothing is missing where the last frame ends when the header says. The header's number of frames may
        # then be higher: it counts what an edit list cuts off, and in an AVI what was dropped.
        whole = end > 0 and seen.end is not None and seen.end >= READABLE_SHARE * end
        promised = int(stream.frames) or int(end * seen.rate(float(stream.average_rate or 0)) + 0.5)
    if not whole and 0 < seen.count < READABLE_SHARE * promised:
        raise DecodeError(f"cut short: {seen.count} of {promised} frames readable")


@dataclass
class _Seen:
    """The frames that came: how many, when the last one ends, and how long after the first it is shown.

    In seconds; `end` is None where frames do not say when they are shown.
    """

    count: int = 0
    end: float | None = None
    apart: float = 0.0
    first: float | None = None

    def add(self, frame: Any, time_base: Fraction) -> None:
        """Take note of the next frame."""
        time = frame.time
        if self.count == 0:
            self.first = time
        self.count += 1
        lasts = getattr(frame, "duration", None) or 0  # older PyAV has no such attribute
        self.end = None if time is None else time + float(lasts * time_base)
        self.apart = 0.0 if time is None or self.first is None else time - self.first

    def rate(self, usual: float) -> float:
        """Frames per second, `usual` for one frame, 0 where frames do not say when they are shown."""
        if self.end is None:
            return 0.0
        return (self.count - 1) / self.apart if self.apart > 0 else usual


def _pictures(folder: Path) -> Iterator[Any]:
    """The frames of a folder of pictures; one that is cut short is an error, not a grey area."""
    pictures = pictures_in(folder)
    if unlike := unlike_names(pictures):
        raise DecodeError(f"pictures of several kinds in one folder ({unlike[0]}, {unlike[1]})")
    for picture in pictures:
        check_regular(picture)
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


def _promised_end(container: Any, stream: Any) -> float:
    """The seconds at which a header says that the pictures end, 0 if it does not say."""
    if container.format.name == "avi" and stream.frames and stream.average_rate:
        # FFmpeg shortens the duration of an AVI to what is there; the header's own number of frames stands.
        return float(stream.frames / stream.average_rate)
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    # Beside sound the duration may be the sound's.
    return container.duration / av.time_base if container.duration and len(container.streams) == 1 else 0.0


class _Resizer:
    """Scales, turns and crops the frames of one video."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._width, self._height = resized(size)
        self._reformatter = VideoReformatter()
        self._turn: tuple[bool, bool, bool] | None = None
        self._weaver = _Weaver()

    def __call__(self, frame: Any) -> Frame:
        if self._turn is None:
            self._turn = _turn(frame)
        if frame.interlaced_frame:
            frame = self._weaver(frame)
        lying, mirrored, upside_down = self._turn
        width, height = (self._height, self._width) if lying else (self._width, self._height)
        scaled = self._reformatter.reformat(
            frame, width, height, "rgb24", interpolation=Interpolation.BILINEAR, **SCALE_OPTIONS
        )
        plane = scaled.planes[0]
        rows: Frame = np.frombuffer(memoryview(plane), np.uint8).reshape(height, plane.line_size)
        pixels = rows[:, : 3 * width].reshape(height, width, 3)
        if lying:
            pixels = pixels.transpose(1, 0, 2)
        pixels = pixels[:: -1 if upside_down else 1, :: -1 if mirrored else 1]
        # Only the square in the middle is copied.
        top, left = (self._height - self._size) // 2, (self._width - self._size) // 2
        return np.ascontiguousarray(pixels[top : top + self._size, left : left + self._size])


class _Weaver:
    """Takes the mark off interlaced frames: they are scaled as a whole, as by FFmpeg's command line.

    With it libswscale 9 scales each field by itself, and its lines come to lie between those of the other.
    """

    def __init__(self) -> None:
        self._shape: tuple[Any, ...] = ()
        self._graph: Any = None

    def __call__(self, frame: Any) -> Any:
        shape = (frame.width, frame.height, frame.format.name)
        if shape != self._shape:
            self._shape, self._graph = shape, av.filter.Graph()
            width, height, pixels = shape
            begin = self._graph.add_buffer(
                width=width, height=height, format=pixels, time_base=Fraction(1, 1000)
            )
            mark, end = self._graph.add("setfield", "prog"), self._graph.add("buffersink")
            begin.link_to(mark)
            mark.link_to(end)
            self._graph.configure()
        self._graph.push(frame)
        return self._graph.pull()


def _turn(frame: Any) -> tuple[bool, bool, bool]:
    """What makes a frame upright: swapping rows and columns, then reversing the columns, then the rows.

    The nearest multiple of a quarter turn, with or without a mirror, to the frame's display matrix (ISO/IEC
    14496-12, 6.2.2, in native byte order).
    """
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return False, False, False
    across, down_by_x, _, across_by_y, down, *_ = struct.unpack("=9i", bytes(matrix)[:36])
    if abs(down_by_x) > abs(across):
        return True, across_by_y < 0, down_by_x < 0
    return False, across < 0, down < 0


def _short(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "too little memory for it"
    if getattr(error, "errno", None) == errno.EINVAL:  # also what is none of `DEMUXERS`
        return "a script, a playlist, or in another way no usual video"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).splitlines()[0]

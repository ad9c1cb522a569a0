"""Video file, folder of pictures or tar member to small RGB frames, one after another, with PyAV (FFmpeg)."""

import errno
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

import av

from vidcondense.base.errors import VidcondenseError
from vidcondense.data import standins, tars
from vidcondense.data.contents import HEAD, DecodeError, what_it_is
from vidcondense.data.framing import Decoded, Frame, Framer
from vidcondense.data.headers import (
    MOST_FRAMES,
    MOST_RATE,
    borders_of,
    frame_rate,
    pixel_shape,
    promised_end,
    video_stream,
)
from vidcondense.data.pictures import pictures_in, unlike_names

# What files with a video's ending are in truth. FFmpeg knows many more by their content, among them scripts
# and playlists, which would have it read other files and the network in the name of a video.
DEMUXERS = (
    "apng,asf,avi,dv,flv,gif,h264,hevc,ivf,jpeg_pipe,m4v,matroska,mjpeg,mov,mpeg,mpegts,mpegvideo,mxf,nut,obu,"
    "ogg,rm,yuv4mpegpipe"
)

# A title in another encoding is no reason to fail; from PyAV 19 on it is none by itself.
ANY_TITLE: dict[str, Any] = (
    {} if int(av.__version__.partition(".")[0]) >= 19 else {"metadata_errors": "replace"}
)

# A file cut short often ends without an error: only its header tells how much is missing. Headers may be off
# by a few frames (dropped or edited ones), so that a tenth may be missing before the file counts as broken.
READABLE_SHARE = 0.9

# By their first bytes, which tell more than a name.
PICTURE_CODECS = {b"\xff\xd8": "mjpeg", b"\x89PNG": "png"}


def decode_frames(
    path: Path, size: int, framing: str = "squeeze", say: Callable[[str], object] = lambda note: None
) -> Iterator[Frame]:
    """Decode a video frame by frame, in one thread and in memory that does not grow with its length.

    Args:
        path: a video file, anything that FFmpeg reads; or a folder of pictures, its frames in natural order;
            or a path that leads through a tar file to a video in it.
        size: height and width of the frames in pixels.
        framing: how they are made square, a value of `options.Framing`.
        say: is told what is otherwise than one might think.

    Yields:
        (size, size, 3) uint8 RGB frames in 0..255, contiguous, upright and without the borders that the file
        cuts off, as by FFmpeg's command.

    Raises:
        DecodeError: empty, not a video, only audio, without frames, or broken on the way; frames yielded
            before must then be thrown away.
        VidcondenseError: it is at an address, and cannot be fetched.
    """
    count, framed = 0, Framer(size, framing)
    try:
        for decoded in picture_frames(path) if path.is_dir() else _video_frames(path, say):
            yield framed(decoded)
            count += 1
    except (DecodeError, VidcondenseError):
        raise
    except Exception as error:  # whatever comes to PyAV with a strange file
        raise DecodeError(f"broken after {count} readable frames ({_short(error)})") from error
    if count == 0:
        raise DecodeError(_in_truth(path) or "no frames")


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
        VidcondenseError: it is at an address, and cannot be fetched.
    """
    with ExitStack() as stack:
        try:
            container = stack.enter_context(_container(path, stack))
        except (DecodeError, VidcondenseError):
            raise
        except Exception as error:  # whatever comes to PyAV with a strange file
            if isinstance(error, (FileNotFoundError, NotADirectoryError)):
                raise DecodeError("no such file") from error
            if isinstance(error, PermissionError):
                raise DecodeError("no permission to read it") from error
            # Also what is none of `DEMUXERS`.
            odd = getattr(error, "errno", None) == errno.EINVAL
            why = "a script, a playlist, or in another way no usual video" if odd else _short(error)
            reason = _in_truth(path) or f"not a video that FFmpeg can read ({why})"
            raise DecodeError(reason) from error
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
    away = standins.fetched(path)
    # By name FFmpeg would take "http:x.mp4" for an address.
    source: IO[bytes] | str = f"file:{path}"
    if away:
        source = stack.enter_context(away)
    elif inside and member:
        source = stack.enter_context(tars.open_member(inside[0], member))
    return av.open(source, container_options={"format_whitelist": DEMUXERS}, **ANY_TITLE)


def _in_truth(path: Path) -> str:
    """What a file is that is no video, "" if that is not known."""
    try:
        inside = tars.split(path)
        check_regular(inside[0] if inside else path)
        away = standins.fetched(path)
        here = tars.open_member(inside[0], tars.find(*inside)) if inside else path.open("rb")
        with here if away is None else away as file:
            what = what_it_is(file.read(HEAD))
    except Exception:  # what is wrong with it is told anyway
        return ""
    return what and f"not a video but {what}"


def _video_frames(path: Path, say: Callable[[str], object]) -> Iterator[Decoded]:
    """The frames of a video file; says at the end if some are missing."""
    seen = _Seen()
    with open_video(path) as container:
        stream, note = video_stream(container)
        if note:
            say(note)
        stream.thread_count = 1
        stream.thread_type = "NONE"
        pixel, borders = pixel_shape(stream), borders_of(container, stream)
        for frame in container.decode(stream):
            seen.add(frame)
            yield Decoded(frame, pixel, borders)
        if seen.count == 1 and container.format.name == "jpeg_pipe":
            raise DecodeError("not a video but a JPEG picture")
        end = promised_end(container, stream)
        # Nothing is missing where the last frame ends when the header says. The header's number of frames may
        # then be higher: it counts what an edit list cuts off, and in an AVI what was dropped.
        whole = end > 0 and seen.end is not None and seen.end >= READABLE_SHARE * end
        promised = int(stream.frames) or int(end * seen.rate(frame_rate(stream)) + 0.5)
    if not whole and 0 < seen.count < READABLE_SHARE * promised and promised <= MOST_FRAMES:
        raise DecodeError(f"cut short: {seen.count} of {promised} frames readable")


@dataclass
class _Seen:
    """The frames that came: how many, when the first and the last are shown, and how long the last one lasts.

    In units of `unit` seconds; None where frames do not say.
    """

    count: int = 0
    unit: Fraction | None = None
    first: int | None = None
    last: int | None = None
    lasts: int = 0

    def add(self, frame: Any) -> None:
        """Take note of the next frame."""
        if self.count == 0:
            self.unit, self.first = frame.time_base, frame.pts
        self.count += 1
        self.last = frame.pts
        self.lasts = getattr(frame, "duration", None) or 0  # older PyAV has no such attribute

    @property
    def end(self) -> float | None:
        """The second at which the last frame ends, None where frames do not say when they are shown."""
        return None if self.last is None or not self.unit else float((self.last + self.lasts) * self.unit)

    def rate(self, usual: float) -> float:
        """Frames per second, `usual` for one frame, 0 where frames do not say when, or not in earnest."""
        if self.end is None or self.unit is None or self.last is None:
            return 0.0
        apart = 0.0 if self.first is None else float((self.last - self.first) * self.unit)
        rate = (self.count - 1) / apart if apart > 0 else usual
        return rate if rate <= MOST_RATE else 0.0


def picture_frames(folder: Path) -> Iterator[Decoded]:
    """The frames of a folder of pictures; one that is cut short is an error, not a grey area."""
    pictures = pictures_in(folder)
    if unlike := unlike_names(pictures):
        raise DecodeError(f"pictures of several kinds in one folder ({unlike[0]}, {unlike[1]})")
    for picture in pictures:
        check_regular(picture)
        data = _read(picture)
        codec = next((name for start, name in PICTURE_CODECS.items() if data.startswith(start)), None)
        if codec is None:
            what = "a GIF picture" if data.startswith(b"GIF8") else what_it_is(data[:HEAD])
            raise DecodeError(f"{picture.name} is neither JPEG nor PNG" + (what and f" but {what}"))
        context: Any = av.CodecContext.create(codec, "r")
        context.thread_count = 1
        context.options = {"err_detect": "explode"}
        try:
            frames = [*context.decode(av.Packet(data)), *context.decode(None)]
        except av.FFmpegError as error:
            raise DecodeError(f"{picture.name} is broken ({_short(error)})") from error
        if not frames:
            raise DecodeError(f"{picture.name} holds no picture")
        yield Decoded(frames[0], pixel_shape(context))


def _read(file: Path) -> bytes:
    away = standins.fetched(file)
    if away is None:
        return file.read_bytes()
    with away as opened:
        return opened.read()


def _short(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "too little memory for it"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).splitlines()[0]

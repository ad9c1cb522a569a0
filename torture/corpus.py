"""Videos as strangers make them, written with PyAV on the spot; a few kilobytes each, but for the 8K one."""

import struct
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

FRAMES = 6
TURNS = {  # a display matrix's a, b, c, d for the turns, mirrored and not, of a picture
    "0": (1, 0, 0, 1),
    "90": (0, 1, -1, 0),
    "180": (-1, 0, 0, -1),
    "270": (0, -1, 1, 0),
    "mirrored": (-1, 0, 0, 1),
    "upside-down": (1, 0, 0, -1),
    "transposed": (0, 1, 1, 0),
    "transverse": (0, -1, -1, 0),
}


def planes(pixels: str, width: int, height: int, time: int) -> av.VideoFrame:
    """A frame in which every channel is a slow wave of its own; no two are alike, nor near black or white."""
    frame = av.VideoFrame(width, height, pixels)
    for channel, (plane, part) in enumerate(zip(frame.planes, frame.format.components, strict=False)):
        across, down = np.linspace(0, 1, plane.width), np.linspace(0, 1, plane.height)[:, None]
        values = 0.5 + 0.3 * np.sin(3 * across + (2 + channel) * down + channel + 0.4 * time)
        samples = plane.line_size // (2 if part.bits > 8 else 1)
        each = max(1, samples // plane.width)  # packed pixels, such as RGB, have several samples
        rows = np.zeros((plane.height, samples), np.uint16 if part.bits > 8 else np.uint8)
        wave = np.repeat(values * (2**part.bits - 1), each, axis=1)[:, :samples]
        rows[:, : wave.shape[1]] = wave
        plane.update(rows.tobytes())
    return frame


def encode(
    path: Path,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    size: tuple[int, int] = (96, 72),
    frames: int = FRAMES,
    *,
    times: Sequence[int] | None = None,
    base: int = 10,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    title: str = "",
    **tags: int,
) -> Path:
    """Write a video; `times` are the frames' in units of 1/`base` s, `tags` attributes of the encoder."""
    with av.open(str(path), "w", container_options=container_options or {}) as container:
        if title:
            container.metadata["title"] = title
        stream = container.add_stream(codec, rate=base, options={"threads": "1"} | (options or {}))
        stream.width, stream.height, stream.pix_fmt = *size, pixels
        stream.time_base = stream.codec_context.time_base = Fraction(1, base)
        for name, value in tags.items():
            setattr(stream.codec_context, name, value)
        container.start_encoding()
        for time in range(frames):
            frame = planes(pixels, *size, time)
            frame.pts, frame.time_base = times[time] if times else time, Fraction(1, base)
            for name, value in tags.items():
                setattr(frame, name, value)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def with_sound(path: Path, video_frames: int, sound_frames: int) -> Path:
    """A video of ten frames a second beside sound of 1024 samples a frame; 0 frames leave out the stream."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=10, options={"threads": "1"}) if video_frames else None
        sound = container.add_stream("aac", rate=8000)
        if video:
            video.width, video.height, video.pix_fmt = 96, 72, "yuv420p"
            for time in range(video_frames):
                frame = planes("yuv420p", 96, 72, time)
                frame.pts, frame.time_base = time, Fraction(1, 10)
                container.mux(video.encode(frame))
            container.mux(video.encode())
        for index in range(sound_frames):
            samples = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            samples.sample_rate, samples.time_base, samples.pts = 8000, Fraction(1, 8000), 1024 * index
            container.mux(sound.encode(samples))
        container.mux(sound.encode())
    return path


def turned(path: Path, turn: str) -> Path:
    """A video whose header has a display matrix."""
    encode(path, size=(120, 72))
    a, b, c, d = (value * 65536 for value in TURNS[turn])
    data = path.read_bytes()
    begin = data.index(b"tkhd") + 4 + 40
    path.write_bytes(data[:begin] + struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30) + data[begin + 36 :])
    return path


def replaced(path: Path, old: bytes, new: bytes) -> Path:
    """The file with some bytes, which are in it, replaced."""
    data = path.read_bytes()
    assert old in data, (path.name, old)
    path.write_bytes(data.replace(old, new))
    return path


def joined(path: Path, codec: str, pixels: str, sizes: Sequence[tuple[int, int]]) -> Path:
    """Raw streams of several sizes, one after another, as one file."""
    parts = []
    for number, size in enumerate(sizes):
        part = path.with_name(f"{number}{path.suffix}")
        parts.append(encode(part, codec, pixels, size, 3).read_bytes())
        part.unlink()
    path.write_bytes(b"".join(parts))
    return path


# Container and codec of the files that are mutated, and checked against FFmpeg's command line.
KINDS: dict[str, tuple[str, str]] = {
    "h264.mp4": ("libx264", "yuv420p"),
    "hevc.mp4": ("libx265", "yuv420p"),
    "mpeg4.avi": ("mpeg4", "yuv420p"),
    "mjpeg.avi": ("mjpeg", "yuvj420p"),
    "huffyuv.avi": ("huffyuv", "yuv422p"),
    "ffv1.mkv": ("ffv1", "yuv420p"),
    "h264.mkv": ("libx264", "yuv420p"),
    "vp8.webm": ("libvpx", "yuv420p"),
    "vp9.webm": ("libvpx-vp9", "yuv420p"),
    "av1.mkv": ("libsvtav1", "yuv420p"),
    "gif.gif": ("gif", "rgb8"),
    "apng.apng": ("apng", "rgb24"),
    "flv1.flv": ("flv", "yuv420p"),
    "wmv2.wmv": ("wmv2", "yuv420p"),
    "mpeg1.mpg": ("mpeg1video", "yuv420p"),
    "mpeg2.ts": ("mpeg2video", "yuv420p"),
    "h264.ts": ("libx264", "yuv420p"),
    "prores.mov": ("prores_ks", "yuv422p10le"),
    "qtrle.mov": ("qtrle", "rgb24"),
    "png.mov": ("png", "rgba"),
    "raw.y4m": ("wrapped_avframe", "yuv420p"),
    "mpeg2.mxf": ("mpeg2video", "yuv420p"),
    "ffv1.nut": ("ffv1", "yuv420p"),
    "vp8.ivf": ("libvpx", "yuv420p"),
    "raw.h264": ("libx264", "yuv420p"),
    "raw.hevc": ("libx265", "yuv420p"),
    "raw.mjpeg": ("mjpeg", "yuvj420p"),
    "vp8.ogv": ("libvpx", "yuv420p"),
}


def kind(folder: Path, name: str, size: tuple[int, int] = (32, 24)) -> Path:
    """One of `KINDS` as a file of `FRAMES` frames."""
    codec, pixels = KINDS[name]
    sizes = {"av1.mkv": (64, 64), "mpeg2.mxf": (720, 576)}
    rates = {"mpeg1.mpg": 25, "mpeg2.ts": 25, "mpeg2.mxf": 25}
    options = {"libx265": {"x265-params": "log-level=none"}, "libsvtav1": {"svtav1-params": "lp=1"}}
    return encode(
        folder / name,
        codec,
        pixels,
        sizes.get(name, size),
        base=rates.get(name, 10),
        options=options.get(codec),
    )


def _tagged(matrix: int, full: bool) -> Callable[[Path], Path]:
    return lambda path: encode(path, colorspace=matrix, color_range=2 if full else 1)


def _lying_number(path: Path) -> Path:
    """The header of an AVI says that it has a thousand million frames."""
    data = bytearray(encode(path, "mpeg4").read_bytes())
    for mark, field in ((b"avih", 24), (b"strh", 40)):
        begin = data.index(mark) + field
        data[begin : begin + 4] = (10**9).to_bytes(4, "little")
    path.write_bytes(data)
    return path


BT709, BT601, BT2020 = 1, 6, 9

# Sound videos that are unusual: what makes each, and how many frames it has.
UNUSUAL: dict[str, tuple[Callable[[Path], Path], int]] = {
    "601.mp4": (_tagged(BT601, False), FRAMES),
    "601-full.mp4": (_tagged(BT601, True), FRAMES),
    "709.mp4": (_tagged(BT709, False), FRAMES),
    "709-full.mp4": (_tagged(BT709, True), FRAMES),
    "709.webm": (
        lambda path: encode(path, "libvpx-vp9", colorspace=BT709, color_range=1),
        FRAMES,
    ),
    "444.mp4": (lambda path: encode(path, pixels="yuv444p"), FRAMES),
    "422.mkv": (lambda path: encode(path, "ffv1", "yuv422p"), FRAMES),
    "10-bit.mp4": (lambda path: encode(path, pixels="yuv420p10le"), FRAMES),
    "hdr.mp4": (
        lambda path: encode(
            path,
            "libx265",
            "yuv420p10le",
            (96, 72),
            options={"x265-params": "log-level=none"},
            colorspace=BT2020,
            color_primaries=9,
            color_trc=16,
            color_range=1,
        ),
        FRAMES,
    ),
    "16-bit.mkv": (lambda path: encode(path, "ffv1", "yuv444p16le"), FRAMES),
    "alpha.webm": (lambda path: encode(path, "libvpx-vp9", "yuva420p"), FRAMES),
    "alpha.mov": (lambda path: encode(path, "qtrle", "argb"), FRAMES),
    "interlaced.mp4": (
        lambda path: encode(path, options={"x264-params": "tff=1"}),
        FRAMES,
    ),
    "odd.mkv": (lambda path: encode(path, "ffv1", "yuv420p", (33, 21)), FRAMES),
    "odd.mp4": (lambda path: encode(path, pixels="yuv444p", size=(33, 21)), FRAMES),
    "1x1.mkv": (lambda path: encode(path, "ffv1", "yuv444p", (1, 1)), FRAMES),
    "1x1.gif": (lambda path: encode(path, "gif", "rgb8", (1, 1)), FRAMES),
    "thin.mkv": (lambda path: encode(path, "ffv1", "yuv444p", (16, 500)), FRAMES),
    "8k.mp4": (lambda path: encode(path, "mpeg4", size=(7680, 4320), frames=2), 2),
    "one.mp4": (lambda path: encode(path, frames=1), 1),
    "uneven.mkv": (lambda path: encode(path, times=[0, 1, 2, 30, 31, 90]), FRAMES),
    "uneven.mp4": (lambda path: encode(path, times=[0, 1, 2, 30, 31, 90]), FRAMES),
    "uneven.gif": (
        lambda path: encode(path, "gif", "rgb8", times=[0, 10, 15, 300, 310, 900], base=100),
        FRAMES,
    ),
    "late.mkv": (lambda path: encode(path, times=range(300, 306)), FRAMES),
    "late.mp4": (lambda path: encode(path, times=range(300, 306)), FRAMES),
    "late.avi": (lambda path: encode(path, "mpeg4", times=range(300, 306)), FRAMES),
    "late.ts": (lambda path: encode(path, times=range(300, 306)), FRAMES),
    "trimmed.mp4": (lambda path: encode(path, times=range(-3, 3)), 3),
    "years.avi": (_lying_number, FRAMES),
    "no-times.h264": (encode, FRAMES),
    "sizes.h264": (lambda path: joined(path, "libx264", "yuv420p", [(96, 72), (160, 128), (64, 96)]), 9),
    "sizes.mjpeg": (lambda path: joined(path, "mjpeg", "yuvj420p", [(96, 72), (160, 128), (64, 96)]), 9),
    "long-sound.mp4": (lambda path: with_sound(path, 6, 100), FRAMES),
    "title.mp4": (lambda path: replaced(encode(path, title="cafXX"), b"cafXX", b"caf\xe9\xff"), FRAMES),
    "title.mkv": (lambda path: replaced(encode(path, title="cafXX"), b"cafXX", b"caf\xe9\xff"), FRAMES),
    "title.avi": (
        lambda path: replaced(encode(path, "mpeg4", title="cafXX"), b"cafXX", b"caf\xe9\xff"),
        FRAMES,
    ),
    **{f"turn-{turn}.mp4": ((lambda path, turn=turn: turned(path, turn)), FRAMES) for turn in TURNS},
}


def _lying_duration(path: Path) -> Path:
    """The header of a Matroska file says that it lasts ten hours."""
    data = encode(path).read_bytes()
    begin = data.index(b"\x44\x89\x88") + 3
    path.write_bytes(data[:begin] + struct.pack(">d", 36e6) + data[begin + 8 :])
    return path


def _no_frames(path: Path) -> Path:
    return encode(path, frames=0)


def _written(text: str) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        path.write_text(text)
        return path

    return write


# Files that give no video: what makes each, and the reason for which it is skipped.
UNUSABLE: dict[str, tuple[Callable[[Path], Path], str]] = {
    "empty.mp4": (_written(""), "empty file"),
    "text.mp4": (_written("no video\n" * 99), "not a video but a text"),
    "sound.mp4": (lambda path: with_sound(path, 0, 10), "audio only"),
    "no-frames.mp4": (_no_frames, "no frames|no video|not a video"),
    "no-frames.avi": (_no_frames, "no frames|no video|not a video"),
    "hours.mkv": (_lying_duration, "cut short: 6 of "),
    "playlist.mp4": (_written("#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"), "not a video"),
    "script.mp4": (_written("ffconcat version 1.0\nfile h264.mp4\n"), "not a video but a script for FFmpeg"),
    "session.mp4": (
        _written("v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nt=0 0\nm=video 5004 RTP/AVP 96\n"),
        "not a",
    ),
}

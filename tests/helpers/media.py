"""Small media files for the tests of reading, written with PyAV on the spot."""

import io
import tarfile
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition
from PIL import Image

CODECS = {
    ".mp4": ("libx264", "yuv420p"),
    ".mov": ("libx264", "yuv420p"),
    ".m4v": ("mpeg4", "yuv420p"),
    ".avi": ("mpeg4", "yuv420p"),
    ".webm": ("libvpx", "yuv420p"),
    ".mkv": ("ffv1", "bgr0"),  # lossless, so that tests may ask for exact pixels
    ".gif": ("gif", "rgb8"),
}


def clip(frames: int, seed: int = 0, height: int = 36, width: int = 48) -> np.ndarray:
    """(frames, height, width, 3) uint8: a bright square that moves over a seeded ground."""
    rng = np.random.default_rng(seed)
    pixels = np.broadcast_to(rng.integers(0, 120, 3, dtype=np.uint8), (frames, height, width, 3)).copy()
    top, left = rng.integers(0, height // 2), rng.integers(0, width // 2)
    for time, frame in enumerate(pixels):
        x = int(left + 2 * time) % (width - 8)
        frame[top : top + 8, x : x + 8] = 255
    return pixels


def write_video(path: Path, pixels: np.ndarray | None = None, **options: str) -> Path:
    """Encode (frames, height, width, 3) uint8; the file's ending picks container and codec."""
    pixels = clip(12) if pixels is None else pixels
    path.parent.mkdir(parents=True, exist_ok=True)
    codec, pix_fmt = CODECS[path.suffix]
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = pixels.shape[2], pixels.shape[1], pix_fmt
        stream.thread_count = 1
        for frame in pixels:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path


def tracks(path: Path, sizes: list[tuple[int, int]], covers: Sequence[int] = ()) -> Path:
    """A file with a track of each (width, height), each brighter than the last; `covers` have one frame."""
    with av.open(str(path), "w") as container:
        streams = []
        for number, (width, height) in enumerate(sizes):
            stream = container.add_stream("mjpeg" if number in covers else "mpeg4", rate=10)
            stream.width, stream.height = width, height
            stream.pix_fmt = "yuvj420p" if number in covers else "yuv420p"
            if number in covers:
                stream.disposition = Disposition.attached_pic
            streams.append(stream)
        for time in range(8):
            for number, stream in enumerate(streams):
                if number in covers and time:
                    continue
                pixels = np.full((stream.height, stream.width, 3), 60 * number + 20, np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        for stream in streams:
            container.mux(stream.encode())
    return path


def promise(path: Path, frames: int) -> Path:
    """Have the header of an AVI promise so many frames."""
    data = bytearray(path.read_bytes())
    for mark, field in ((b"avih", 24), (b"strh", 40)):
        begin = data.index(mark) + field
        data[begin : begin + 4] = frames.to_bytes(4, "little")
    path.write_bytes(data)
    return path


def write_audio(path: Path) -> Path:
    """A second of silence and no picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.time_base = 8000, Fraction(1, 8000)
        for index in range(8):
            frame.pts = index * 1024
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_pictures(folder: Path, pixels: np.ndarray | None = None, name: str = "frame{}.png") -> Path:
    """(frames, height, width, 3) uint8 as a picture each, the last first; `name` takes the number from 1."""
    pixels = clip(12) if pixels is None else pixels
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(len(pixels), 0, -1):
        Image.fromarray(pixels[number - 1]).save(folder / name.format(number))
    return folder


def write_tar(path: Path, members: dict[str, bytes], mode: str = "w") -> Path:
    """A tar file of (name, content), in order."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def cut(path: Path, share: float) -> Path:
    """Keep only the first part of a file."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def write_dataset(root: Path, classes: int = 2, per_class: int = 4, suffix: str = ".mkv") -> Path:
    """root/<class>/<video>: clips of different lengths, no two alike."""
    for label in range(classes):
        for number in range(per_class):
            seed = label * 100 + number
            write_video(root / f"class{label}" / f"v{number:02d}{suffix}", clip(5 + 3 * number, seed))
    return root


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder and its bytes."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }

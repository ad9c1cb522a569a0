"""Media files whose metadata say how they are to be shown, and what FFmpeg's command makes of them."""

import io
import re
import shutil
import struct
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

# EXIF's orientations, and what makes a stored picture (..., height, width, 3) upright.
ORIENTATIONS = {
    0: lambda stored: stored,  # EXIF that says nothing of it
    1: lambda stored: stored,
    2: lambda stored: stored[..., :, ::-1, :],
    3: lambda stored: stored[..., ::-1, ::-1, :],
    4: lambda stored: stored[..., ::-1, :, :],
    5: lambda stored: stored.swapaxes(-2, -3),
    6: lambda stored: np.rot90(stored, -1, (-3, -2)),
    7: lambda stored: stored.swapaxes(-2, -3)[..., ::-1, ::-1, :],
    8: lambda stored: np.rot90(stored, 1, (-3, -2)),
}


def blocks(frames: int, height: int = 96, width: int = 128, seed: int = 0) -> np.ndarray:
    """(frames, height, width, 3) uint8: coloured blocks, no two edges of a frame alike."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (frames, height // 8, width // 8, 3), dtype=np.uint8)
    return np.kron(coarse, np.ones((1, 8, 8, 1), np.uint8))


def picture(pixels: np.ndarray, orientation: int, kind: str = "JPEG") -> bytes:
    """A picture file with EXIF, with or without an orientation; JPEG without loss of places of colour."""
    exif, file = Image.Exif(), io.BytesIO()
    exif[0x10F] = "a camera"
    if orientation:
        exif[0x112] = orientation
    options = {"quality": 98, "subsampling": 0} if kind == "JPEG" else {}
    Image.fromarray(pixels).save(file, kind, exif=exif, **options)
    return file.getvalue()


def write_motion_jpeg(path: Path, jpegs: list[bytes], size: tuple[int, int] = (128, 96)) -> Path:
    """A video whose frames are these files, byte for byte."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=10)
        (stream.width, stream.height), stream.pix_fmt = size, "yuvj444p"
        for number, data in enumerate(jpegs):
            packet = av.Packet(data)
            packet.stream, packet.time_base = stream, Fraction(1, 10)
            packet.pts = packet.dts = number
            packet.duration, packet.is_keyframe = 1, True
            container.mux(packet)
    return path


def write_lossless(path: Path, pixels: np.ndarray, rate: int = 10) -> Path:
    """(frames, height, width, 3) uint8 as H.264 in RGB, whose pixels come back as they were."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264rgb", rate=rate, options={"qp": "0"})
        (stream.height, stream.width), stream.pix_fmt = pixels.shape[1:3], "rgb24"
        for frame in pixels:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path


def add_box(path: Path, box: bytes) -> Path:
    """Put a box into the sample entry of an MP4's only track, which lies at the file's end."""
    data, begins = bytearray(path.read_bytes()), []
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"):
        begins.append(data.index(name, begins[-1] + 4 if begins else 0) - 4)
    sizes = [int.from_bytes(data[begin : begin + 4], "big") for begin in begins]
    end = begins[-1] + sizes[-1]
    data[end:end] = box
    for begin, size in zip(begins, sizes, strict=True):
        data[begin : begin + 4] = (size + len(box)).to_bytes(4, "big")
    path.write_bytes(data)
    return path


def clean_aperture(width: int, height: int, right: int, down: int) -> bytes:
    """A box that shows so much of the picture, its middle so far from the picture's middle."""
    return struct.pack(">I4s8i", 40, b"clap", width, 1, height, 1, right, 1, down, 1)


def pixel_aspect(width: int, height: int) -> bytes:
    """A box that says which shape a pixel has."""
    return struct.pack(">I4sII", 16, b"pasp", width, height)


def turn_track(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """Write a display matrix into an MP4 or MOV."""
    data, (a, b, c, d) = path.read_bytes(), (value << 16 for value in matrix)
    begin = data.index(b"tkhd") + 4 + 40
    path.write_bytes(data[:begin] + struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30) + data[begin + 36 :])
    return path


def remux(path: Path, target: Path) -> Path:
    """The same video in another container, with what the header says of it."""
    with av.open(str(path)) as source, av.open(str(target), "w") as container:
        stream = container.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                container.mux(packet)
    return target


def commanded(path: Path, size: int, framing: str, since: tuple[int, int] = (5, 0)) -> np.ndarray:
    """(frame, size, size, 3) int: what FFmpeg's command makes of a file, with its own sums for each framing.

    Skips the test without the command, or where it is older than `since`, when it began to do as here.
    """
    if not shutil.which("ffmpeg"):
        pytest.skip("the command ffmpeg is not here")
    text = subprocess.run(["ffmpeg", "-version"], capture_output=True, text=True, check=True).stdout
    version = re.match(r"ffmpeg version n?(\d+)\.(\d+)", text)
    if not version or (int(version[1]), int(version[2])) < since:
        pytest.skip(f"the command ffmpeg is older than {since[0]}.{since[1]}, which is the first to do this")
    wide, tall = f"trunc({size}*dar+0.5)", f"trunc({size}/dar+0.5)"
    scale, square = {
        "squeeze": (f"trunc({size}*160/112+0.5):trunc({size}*120/112+0.5)", "crop"),
        "crop": (f"'if(gte(dar,1),{wide},{size})':'if(gte(dar,1),{size},{tall})'", "crop"),
        "pad": (f"'if(gte(dar,1),{size},{wide})':'if(gte(dar,1),{tall},{size})'", "pad"),
    }[framing]
    place = "(ow-iw)/2:(oh-ih)/2" if square == "pad" else "trunc((iw-ow)/2):trunc((ih-oh)/2)"
    filters = f"scale={scale}:flags=bilinear,format=rgb24,{square}={size}:{size}:{place}"
    command = ["ffmpeg", "-v", "error", "-threads", "1", "-i", f"file:{path}", "-vf", filters]
    command += ["-vsync", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    output = subprocess.run(command, capture_output=True, check=True).stdout
    return np.frombuffer(output, np.uint8).reshape(-1, size, size, 3).astype(int)

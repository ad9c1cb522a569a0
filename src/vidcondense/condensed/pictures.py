"""Encoding pixels: PNG, JPEG and H.264, through PyAV."""

import io
from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray

from vidcondense.base.errors import VidcondenseError

Pixels = NDArray[np.uint8]


def png(image: Pixels) -> bytes:
    """Encode an image (height, width, 3) as PNG, without loss."""
    # "mixed" picks the best filter per row: about half the bytes of no filter.
    return _still(image, "png", "rgb24", {"pred": "mixed", "compression_level": "6"})


def jpeg(image: Pixels, step: int = 2) -> bytes:
    """Encode an image (height, width, 3) as JPEG with full colour resolution; `step` 2 is best, 31 worst."""
    return _still(image, "mjpeg", "yuvj444p", {"qmin": str(step), "qmax": str(step)})


def mp4(frames: Pixels, fps: float) -> bytes:
    """Encode frames (time, height, width, 3) as an H.264 mp4; odd sizes repeat their last row or column."""
    height, width = frames.shape[1:3]
    even = np.pad(frames, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    target = io.BytesIO()
    try:
        with av.open(target, "w", format="mp4") as container:
            # crf 10 is visually lossless. The same clip gives the same bytes with one thread and without
            # macroblock trees, which for small pictures depend on what was in memory before.
            options = {"crf": "10", "threads": "1", "mbtree": "0"}
            stream = container.add_stream("libx264", Fraction(fps).limit_denominator(1001), options)
            stream.height, stream.width, stream.pix_fmt = even.shape[1], even.shape[2], "yuv420p"
            for image in even:
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    except av.codec.codec.UnknownCodecError as error:
        raise VidcondenseError("this PyAV has no H.264 encoder; export --format frames works") from error
    return target.getvalue()


def _still(image: Pixels, codec: str, pixel_format: str, options: dict[str, str]) -> bytes:
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
    context = av.CodecContext.create(codec, "w")
    assert isinstance(context, av.VideoCodecContext)
    context.height, context.width = image.shape[:2]
    context.pix_fmt, context.time_base = pixel_format, Fraction(1)
    context.options = options
    packets = [*context.encode(frame), *context.encode(None)]
    return b"".join(bytes(packet) for packet in packets)

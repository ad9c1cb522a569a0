"""Clips as moving pictures: one of several clips, as GIF, and in a page for notebooks, text escaped."""

import base64
import io
from collections.abc import Iterable
from fractions import Fraction
from html import escape

import av
import numpy as np
from numpy.typing import NDArray

FPS = 8
MOST_CLIPS = 12
MOST_FRAMES = 64
SIDE = 96
"""The longer side of a moving picture in pixels; larger clips are made smaller."""
RGB = av.VideoFormat("rgb24")
COLUMNS, GAP = 6, 4
"""Of clips side by side; the gap is in pixels."""
ENCODERS = (
    ("libwebp_anim", "webp", "yuv420p", {"quality": "75", "loop": "0"}),
    ("apng", "apng", "rgb24", {"plays": "0"}),  # where FFmpeg was built without WebP
)


def moving(frames: NDArray[np.uint8], fps: float = FPS, side: int = SIDE) -> tuple[bytes, str]:
    """Encode a clip (time, height, width, 3) in 0..255 as an animated picture that repeats.

    Args:
        frames: the clip.
        fps: its frames per second.
        side: the longer side in pixels; a larger clip is made smaller.

    Returns:
        The file and its type, such as "webp". Odd sizes lose their last row or column.
    """
    for codec, kind, pixel_format, options in ENCODERS:
        if codec in av.codecs_available:
            return _encoded(frames, fps, side, codec, kind, pixel_format, options), kind
    raise RuntimeError("this PyAV writes no animated pictures")


def _encoded(
    frames: NDArray[np.uint8],
    fps: float,
    side: int,
    codec: str,
    kind: str,
    pixel_format: str,
    options: dict[str, str],
) -> bytes:
    target = io.BytesIO()
    stream_options = {name: value for name, value in options.items() if name == "quality"}
    repeats = {name: value for name, value in options.items() if name != "quality"}
    scale = min(1.0, side / max(frames.shape[1:3]))
    height, width = (max(2, round(length * scale) // 2 * 2) for length in frames.shape[1:3])
    with av.open(target, "w", format=kind, options=repeats) as container:
        stream = container.add_stream(codec, Fraction(fps).limit_denominator(1001), stream_options)
        assert isinstance(stream, av.VideoStream)
        stream.height, stream.width, stream.pix_fmt = height, width, pixel_format
        for image in frames:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            container.mux(stream.encode(frame.reformat(width, height, interpolation="AREA")))
        container.mux(stream.encode(None))
    return target.getvalue()


def gif(frames: NDArray[np.uint8], fps: float = FPS) -> bytes:
    """Encode a clip (time, height, width, 3) in 0..255 as a GIF that repeats, of 256 colours that suit it."""
    rate, (height, width) = Fraction(fps).limit_denominator(100), frames.shape[1:3]
    graph = av.filter.Graph()
    source = graph.add_buffer(width=width, height=height, format=RGB, time_base=1 / rate)
    split, colours, use, sink = map(graph.add, ("split", "palettegen", "paletteuse", "buffersink"))
    source.link_to(split)
    split.link_to(colours, 0, 0)
    split.link_to(use, 1, 0)
    colours.link_to(use, 0, 1)
    use.link_to(sink)
    graph.configure()
    for number, image in enumerate(frames):
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        frame.pts, frame.time_base = number, 1 / rate
        graph.push(frame)
    graph.push(None)
    target = io.BytesIO()
    with av.open(target, "w", format="gif", options={"loop": "0"}) as container:
        stream = container.add_stream("gif", rate)
        stream.height, stream.width, stream.pix_fmt = height, width, "pal8"
        for _ in frames:
            container.mux(stream.encode(graph.vpull()))
        container.mux(stream.encode(None))
    return target.getvalue()


def grid(clips: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Clips (clip, time, height, width, 3) as one, row by row, on white: (time, height, width, 3)."""
    count, time, height, width, _ = clips.shape
    columns = min(COLUMNS, count)
    rows = -(-count // columns)
    whole = np.full((time, rows * (height + GAP), columns * (width + GAP), 3), 255, np.uint8)
    for number, clip in enumerate(clips):
        top, left = number // columns * (height + GAP), number % columns * (width + GAP)
        whole[:, top : top + height, left : left + width] = clip
    return whole


def page(title: str, clips: Iterable[tuple[NDArray[np.uint8], str]], more: int = 0) -> str:
    """HTML of a title and moving clips with a caption each.

    Args:
        title: what is shown; a text, as captions are.
        clips: (time, height, width, 3) in 0..255, and the caption.
        more: how many clips there are that are not shown.
    """
    figures = []
    for frames, caption in clips:
        data, kind = moving(frames[:MOST_FRAMES])
        source = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
        text = escape(caption)
        figures.append(
            '<figure style="display:inline-block;margin:0 8px 8px 0;text-align:center">'
            f'<img src="{source}" alt="{text}" width="{SIDE}" style="image-rendering:pixelated">'
            f'<figcaption style="font-size:smaller;max-width:{SIDE}px;overflow-wrap:anywhere">{text}'
            "</figcaption></figure>"
        )
    rest = f"<div>and {more:,} more</div>" if more else ""
    return f"<div><div><code>{escape(title)}</code></div>{''.join(figures)}{rest}</div>"

"""Frames of any shape to upright squares.

`squeeze` follows Wang et al. (2024), whose rule PRISM and DFS use: every frame is scaled to 160x120 whatever
its shape, then the centre 112x112 is cut out. For another size S the two steps keep these proportions: scale
to round(S * 160 / 112) x round(S * 120 / 112), cut out the centre S x S. `crop` scales the shorter side to S
and cuts out the centre; `pad` scales the longer side to S and puts black bars beside it; both keep the
proportions that the picture is shown in. Scaling is FFmpeg's bilinear (libswscale), which widens its triangle
when it shrinks, so that small frames do not alias.
"""

import struct
from fractions import Fraction
from typing import Any, NamedTuple

import av.filter
import numpy as np
from av.sidedata.sidedata import SideDataContainer, Type
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from vidcondense.data.headers import Borders

Frame = NDArray[np.uint8]

# Newer PyAV scales with one thread per core unless told otherwise, which halves the speed of frames this
# small; older PyAV has no such argument.
SCALE_OPTIONS = {"threads": 1} if "threads" in (VideoReformatter.reformat.__doc__ or "") else {}


def _unnamed(kind: Any, value: object) -> Any:
    member = object.__new__(kind)
    member._name_, member._value_ = f"UNNAMED_{value}", value
    return member


# Without it PyAV gives none of a frame's side data where it has no name for some, such as EXIF.
if "_missing_" not in vars(Type):
    Type._missing_ = classmethod(_unnamed)  # type: ignore[method-assign,assignment]


def scaled_shape(size: int, framing: str, aspect: Fraction) -> tuple[int, int]:
    """(width, height) in pixels that a frame is scaled to before it is cut or gets bars.

    Args:
        size: height and width of the square.
        framing: a value of `options.Framing`.
        aspect: width by height of the upright picture as it is shown.
    """
    if framing == "squeeze":
        return round(size * 160 / 112), round(size * 120 / 112)
    longer = max(aspect, 1 / aspect)
    other = max(1, int(size * (longer if framing == "crop" else 1 / longer) + Fraction(1, 2)))
    return (other, size) if (aspect >= 1) == (framing == "crop") else (size, other)


class Decoded(NamedTuple):
    """A frame as PyAV gives it, with what else decides how it is shown.

    Attributes:
        frame: a PyAV frame.
        pixel: width by height of a pixel.
        borders: what the file's header cuts off.
    """

    frame: Any
    pixel: Fraction = Fraction(1)
    borders: Borders = Borders()

    def shape(self) -> tuple[int, int, Fraction]:
        """Width and height in pixels without the borders, and width by height as it is shown, all upright."""
        width = self.frame.width - self.borders.left - self.borders.right
        height = self.frame.height - self.borders.top - self.borders.bottom
        aspect = Fraction(width, height) * self.pixel
        return (height, width, 1 / aspect) if turn_of(self.frame)[0] else (width, height, aspect)


class Framer:
    """Scales, turns, and cuts or pads the frames of one video.

    Args:
        size: height and width of what comes out.
        framing: a value of `options.Framing`.
    """

    def __init__(self, size: int, framing: str) -> None:
        self._size, self._framing = size, framing
        self._filters = _Filters()
        self._reformatter = VideoReformatter()
        self._shape, self._made_for = (0, 0), (0, 0, Fraction(1), False)

    def __call__(self, decoded: Decoded) -> Frame:
        """A frame as (size, size, 3) uint8 RGB in 0..255, contiguous."""
        frame, (lying, mirrored, upside_down) = decoded.frame, turn_of(decoded.frame)
        wanted = (frame.width, frame.height, decoded.pixel, lying)
        if wanted != self._made_for:  # exact fractions are slow, and frames of a video alike
            self._made_for = wanted
            self._shape = scaled_shape(self._size, self._framing, decoded.shape()[2])
        if any(decoded.borders) or frame.interlaced_frame:
            frame = self._filters(frame, decoded.borders)
        width, height = self._shape[::-1] if lying else self._shape
        scaled = self._reformatter.reformat(
            frame, width, height, "rgb24", interpolation=Interpolation.BILINEAR, **SCALE_OPTIONS
        )
        plane = scaled.planes[0]
        rows: Frame = np.frombuffer(memoryview(plane), np.uint8).reshape(height, plane.line_size)
        pixels = rows[:, : 3 * width].reshape(height, width, 3)
        if lying:
            pixels = pixels.transpose(1, 0, 2)
        return self._square(pixels[:: -1 if upside_down else 1, :: -1 if mirrored else 1])

    def _square(self, pixels: Frame) -> Frame:
        """The middle of what is larger than the square, black beside what is smaller."""
        size, (height, width) = self._size, pixels.shape[:2]
        top, left = abs(height - size) // 2, abs(width - size) // 2
        if self._framing != "pad":
            # Only the square in the middle is copied.
            return np.ascontiguousarray(pixels[top : top + size, left : left + size])
        square = np.zeros((size, size, 3), np.uint8)
        square[top : top + height, left : left + width] = pixels
        return square


class _Filters:
    """Cuts borders off, and takes the mark off interlaced frames.

    These are scaled as a whole, as by FFmpeg's command line: with the mark libswscale 9 scales each field by
    itself, and its lines come to lie between those of the other.
    """

    def __init__(self) -> None:
        self._made_for: tuple[Any, ...] = ()
        self._graph: Any = None

    def __call__(self, frame: Any, borders: Borders) -> Any:
        wanted = (frame.width, frame.height, frame.format.name, borders)
        if wanted != self._made_for:
            self._made_for, self._graph = wanted, self._make(*wanted)
        self._graph.push(frame)
        return self._graph.pull()

    @staticmethod
    def _make(width: int, height: int, pixels: Any, borders: Borders) -> Any:
        graph = av.filter.Graph()
        top, bottom, left, right = borders
        nodes = [graph.add_buffer(width=width, height=height, format=pixels, time_base=Fraction(1, 1000))]
        if any(borders):
            # As FFmpeg's command writes it; the filter rounds to whole samples of colour.
            nodes.append(graph.add("crop", f"w=iw-{left}-{right}:h=ih-{top}-{bottom}:x={left}:y={top}"))
        graph.link_nodes(*nodes, graph.add("setfield", "prog"), graph.add("buffersink"))
        graph.configure()
        return graph


def turn_of(frame: Any) -> tuple[bool, bool, bool]:
    """What makes a frame upright: swapping rows and columns, then reversing the columns, then the rows.

    The nearest multiple of a quarter turn, with or without a mirror, to the frame's display matrix (ISO/IEC
    14496-12, 6.2.2, in native byte order). FFmpeg makes one of the container's, of EXIF's and of the codec's
    orientation, and so does its command.
    """
    # Not `frame.side_data`, which the frame keeps and which keeps the frame: hundreds would stay in memory
    # until Python looks for such circles, and new ones take memory that is not in the cache.
    found = SideDataContainer(frame)  # type: ignore[call-arg]  # its stub lacks it
    matrix = found.get(Type.DISPLAYMATRIX)
    if matrix is None:
        return False, False, False
    across, down_by_x, _, across_by_y, down, *_ = struct.unpack("=9i", bytes(matrix)[:36])
    if abs(down_by_x) > abs(across):
        return True, across_by_y < 0, down_by_x < 0
    return False, across < 0, down < 0

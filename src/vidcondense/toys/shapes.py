"""Drawing for the generated clips: anti-aliased shapes, textures and backgrounds, vectorised over time.

Scene units: the square that the reader's centre crop keeps has side 1 and its middle at (0, 0); x runs to the
right, y downwards. A video of width W and height 3/4 W shows 10/7 x 15/14 units, so one unit is 0.7 W pixels.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Shape = Callable[[Array, Array], Array]

VISIBLE = 0.7  # the reader keeps 112 of 160 columns (and 112 of 120 rows)


@dataclass(frozen=True)
class Grid:
    """Pixel centres of one video, in scene units."""

    x: Array
    """(1, 1, W) float32."""
    y: Array
    """(1, H, 1) float32."""
    scale: float
    """Pixels per scene unit."""
    frames: int
    """Number of frames T."""

    @classmethod
    def of(cls, frames: int, width: int) -> "Grid":
        """The grid of a 4:3 video of `frames` frames, `width` pixels wide."""
        height = width * 3 // 4
        scale = VISIBLE * width
        x = (np.arange(width, dtype=np.float32) + 0.5 - width / 2) / scale
        y = (np.arange(height, dtype=np.float32) + 0.5 - height / 2) / scale
        return cls(x[None, None, :].astype(np.float32), y[None, :, None].astype(np.float32), scale, frames)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(T, H, W)."""
        return self.frames, self.y.shape[1], self.x.shape[2]

    def coverage(self, distance: Array) -> Array:
        """Opacity in [0, 1] of a shape from its signed distance in scene units (negative inside)."""
        return clip(np.float32(0.5) - distance * np.float32(self.scale))


def over_time(values: object) -> Array:
    """A scalar or (T,) array as float32 that broadcasts against a (T, H, W) array."""
    return np.asarray(values, dtype=np.float32).reshape(-1, 1, 1)


def clip(values: Array) -> Array:
    """`values` limited to [0, 1]."""
    limited: Array = np.clip(values, np.float32(0), np.float32(1))
    return limited


def wrap(values: Array, period: float) -> Array:
    """`values` moved by whole periods into [-period / 2, period / 2]."""
    turns: Array = np.round(values / np.float32(period))
    return values - np.float32(period) * turns


def local(
    grid: Grid,
    x: object,
    y: object,
    *,
    angle: object = 0.0,
    radius: object = 1.0,
    period: float | None = None,
) -> tuple[Array, Array]:
    """Coordinates of every pixel as an object at (x, y) sees it, turned by `angle` and scaled by `radius`.

    Each is a scalar or (T,), in scene units or radians (clockwise on screen). With `period` the scene is a
    torus of that side.
    """
    dx, dy = grid.x - over_time(x), grid.y - over_time(y)
    if period is not None:
        dx, dy = wrap(dx, period), wrap(dy, period)
    size = over_time(radius)
    cosine, sine = over_time(np.cos(angle)) / size, over_time(np.sin(angle)) / size  # type: ignore[call-overload]
    return dx * cosine + dy * sine, dy * cosine - dx * sine


def larger(first: Array, second: Array) -> Array:
    """The intersection of two shapes, from their distances."""
    result: Array = np.maximum(first, second)
    return result


def disc(x: Array, y: Array) -> Array:
    """Signed distance to the unit disc."""
    return disc_of(x, y, 1.0)


def disc_of(x: Array, y: Array, radius: float) -> Array:
    """Signed distance to a disc around the origin."""
    distance: Array = np.sqrt(x * x + y * y)
    return distance - np.float32(radius)


def box(x: Array, y: Array, half_width: float, half_height: float) -> Array:
    """Signed distance (largest of the two axes) to a box around the origin."""
    return larger(np.abs(x) - np.float32(half_width), np.abs(y) - np.float32(half_height))


def ellipse(x: Array, y: Array) -> Array:
    """Approximate signed distance to an ellipse with half axes 1 and 0.5."""
    return (np.sqrt(x * x + np.float32(4.0) * y * y) - np.float32(1)) * np.float32(0.65)


def bar(x: Array, y: Array) -> Array:
    """Signed distance to a box of half axes 0.95 and 0.4."""
    return box(x, y, 0.95, 0.4)


def triangle(x: Array, y: Array) -> Array:
    """Signed distance to an isosceles triangle that points to -y."""
    sides: Array = np.abs(x) * np.float32(0.89) - y * np.float32(0.45) - np.float32(0.45)
    return larger(y - np.float32(0.6), sides)


def half_disc(x: Array, y: Array) -> Array:
    """Signed distance to the lower half of a disc, moved so that its middle is near the origin."""
    below = y + np.float32(0.42)
    return larger(disc(x, below), -below)


def ell(x: Array, y: Array) -> Array:
    """Signed distance to an L of two bars."""
    upright = box(x + np.float32(0.4), y, 0.3, 0.85)
    foot = box(x - np.float32(0.1), y - np.float32(0.55), 0.75, 0.3)
    return union((upright, foot))


def capsule(
    x: Array, y: Array, start: tuple[object, object], end: tuple[object, object], radius: float
) -> Array:
    """Signed distance to a segment with round ends; each coordinate a scalar or (T,)."""
    start_x, start_y = over_time(start[0]), over_time(start[1])
    along_x, along_y = over_time(end[0]) - start_x, over_time(end[1]) - start_y
    dx, dy = x - start_x, y - start_y
    per_length = np.float32(1) / (along_x * along_x + along_y * along_y + np.float32(1e-8))
    part = clip(dx * (along_x * per_length) + dy * (along_y * per_length))
    return disc_of(dx - part * along_x, dy - part * along_y, radius)


def union(distances: Sequence[Array]) -> Array:
    """Signed distance to several shapes at once; their shapes broadcast."""
    return reduce(np.minimum, distances)


def stripes(x: Array, y: Array) -> Array:
    """Bands across x."""
    return soft(np.sin(np.float32(7.0) * x + np.float32(0.6)))


def checks(x: Array, y: Array) -> Array:
    """A checkerboard."""
    return soft(
        np.sin(np.float32(4.5) * x + np.float32(0.5)) * np.sin(np.float32(4.5) * y + np.float32(0.4)) * 2
    )


def halves(x: Array, y: Array) -> Array:
    """One side against the other."""
    return soft(x * np.float32(4) + y)


def spot(x: Array, y: Array) -> Array:
    """One round spot off the middle."""
    dx, dy = x - np.float32(0.3), y - np.float32(0.2)
    return soft((np.float32(0.12) - dx * dx - dy * dy) * np.float32(14))


def soft(values: Array) -> Array:
    """A smooth step to [0, 1], so that textures do not flicker at low resolution."""
    return clip(values * np.float32(0.9) + np.float32(0.5))


TEXTURES: tuple[Shape, ...] = (stripes, checks, halves, spot)


def blank(grid: Grid, background: Array) -> Array:
    """A (3, T, H, W) canvas that shows `background` ((3, H, W) or (3, T, H, W), values in [0, 1])."""
    still = background[:, None] if background.ndim == 3 else background
    return np.array(np.broadcast_to(still, (3, *grid.shape)), dtype=np.float32)


def paint(canvas: Array, opacity: Array, first: Array, second: Array, pattern: Array) -> None:
    """Lay colour first + (second - first) * pattern over the canvas, in place.

    `opacity` and `pattern` are (T, H, W) in [0, 1]; the colours are (3,) in [0, 1].
    """
    if opacity.shape[0] != canvas.shape[1]:  # a shape that does not move
        opacity = np.broadcast_to(opacity, canvas.shape[1:])
    rows, columns = occupied(opacity)
    opacity = opacity[:, rows, columns]
    pattern = np.broadcast_to(pattern, canvas.shape[1:])[:, rows, columns]
    for channel in range(3):
        plane = canvas[channel, :, rows, columns]
        colour = pattern * np.float32(second[channel] - first[channel])
        colour += np.float32(first[channel])
        colour -= plane
        colour *= opacity
        plane += colour


def occupied(opacity: Array) -> tuple[slice, slice]:
    """The rows and columns outside which `opacity` is zero in every frame."""
    ever = opacity.max(axis=0) > 0
    return span(ever.any(axis=1)), span(ever.any(axis=0))


def span(used: NDArray[np.bool_]) -> slice:
    """The smallest slice that holds every true element."""
    where = np.flatnonzero(used)
    return slice(int(where[0]), int(where[-1]) + 1) if where.size else slice(0, 0)


def to_uint8(canvas: Array) -> NDArray[np.uint8]:
    """A (3, T, H, W) canvas with values in [0, 1] as (T, H, W, 3) uint8."""
    scaled = np.clip(canvas * np.float32(255) + np.float32(0.5), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(scaled.transpose(1, 2, 3, 0))


def smooth_field(rng: np.random.Generator, cells: int, height: int, width: int) -> Array:
    """Smooth noise in [0, 1], (height, width): a `cells` x `cells` grid of random values, interpolated.

    The values drawn do not depend on the size, so that a clip is the same scene at every size.
    """
    values = rng.random((cells, cells), dtype=np.float32)
    return np.asarray(blend(cells, height) @ values @ blend(cells, width).T, dtype=np.float32)


def blend(cells: int, length: int) -> Array:
    """(length, cells) weights of smooth interpolation from `cells` values to `length` pixels."""
    position = (np.arange(length, dtype=np.float32) + np.float32(0.5)) / length * (cells - 1)
    lower = np.minimum(position.astype(np.int64), cells - 2)
    part = position - lower
    part = part * part * (3 - 2 * part)
    weights = np.zeros((length, cells), dtype=np.float32)
    rows = np.arange(length)
    weights[rows, lower], weights[rows, lower + 1] = 1 - part, part
    return weights


def from_hsv(hue: float, saturation: float, value: float) -> Array:
    """(3,) red, green, blue in [0, 1]; `hue` in turns (any real), the others in [0, 1]."""
    steps = (np.array([0.0, 4.0, 2.0]) + hue * 6) % 6
    ramp = np.clip(np.abs(steps - 3) - 1, 0, 1)
    return np.asarray(value * (1 - saturation + saturation * ramp), dtype=np.float32)

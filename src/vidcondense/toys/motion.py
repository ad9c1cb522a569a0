"""`motion` and `motion-hard`: classes that differ only in how one shape moves.

Every class draws place, angle and size phase uniformly from a circle (a torus for the place) and adds a
displacement that does not depend on them. A uniform value on a circle stays uniform whatever is added, so
each frame has the same distribution in every class, at every time: no single frame tells the class. Left,
clockwise or grow run backwards is right, anticlockwise or shrink in distribution; the others are their own
reverse.

Size also runs round a circle: a shape grows by the factor GROWTH per turn and fades out at its largest, while
its successor fades in small in the same place, so that nothing ever jumps (as in a Shepard tone).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vidcondense.toys import shapes
from vidcondense.toys.shapes import Array, Grid, Shape

LINEAR_MOTIONS = ("left", "right", "up", "down", "clockwise", "anticlockwise", "grow", "shrink")
"""Constant change of one quantity: interpolating two frames' parameters gives the frames between."""
NON_LINEAR_MOTIONS = ("there-and-back", "circle", "zigzag", "pulse")
"""Motions that turn round within a clip."""
MOTIONS = LINEAR_MOTIONS + NON_LINEAR_MOTIONS

PERIOD = 1.0  # side of the torus in scene units: the visible square, so that a shape is always seen whole
SMALLEST = 0.13  # radius at size phase 0, scene units
GROWTH = 2.3  # factor of the radius over one turn of the size phase
FADE = 0.3  # part of a turn during which a shape and its successor are both seen

SHAPES: tuple[Shape, ...] = (
    shapes.ellipse,
    shapes.bar,
    shapes.triangle,
    shapes.half_disc,
    shapes.ell,
)
HEADINGS = {"right": 0.0, "down": 0.25, "left": 0.5, "up": 0.75}  # turns, clockwise on screen from +x


@dataclass(frozen=True)
class Path:
    """Where the shape is: each (T,) float64."""

    x: NDArray[np.float64]
    """Scene units."""
    y: NDArray[np.float64]
    """Scene units."""
    angle: NDArray[np.float64]
    """Radians, clockwise on screen."""
    phase: NDArray[np.float64]
    """Size phase in turns, in [0, 1)."""


@dataclass(frozen=True)
class Look:
    """What the shape and its background look like; drawn alike for every class."""

    shape: Shape
    texture: Shape
    first: Array
    second: Array
    background: Array
    """(3, H, W)."""


def render(kind: str, name: str, rng: np.random.Generator, grid: Grid) -> NDArray[np.uint8]:
    """One clip of class `name` as (T, H, W, 3) uint8; `kind` is "motion" or "motion-hard"."""
    look = draw_look(rng, grid, hard=kind == "motion-hard")
    path = draw_path(name, rng, grid.frames)
    canvas = shapes.blank(grid, look.background)
    fading = path.phase < FADE
    if fading.any():  # the predecessor, one turn larger, below its successor
        draw(canvas, grid, look, path, fading, turns=1)
    draw(canvas, grid, look, path, np.ones(grid.frames, dtype=bool), turns=0)
    return shapes.to_uint8(canvas)


def draw(canvas: Array, grid: Grid, look: Look, path: Path, when: NDArray[np.bool_], turns: int) -> None:
    """Paint the shape `turns` turns of the size phase on, in the frames where `when` is true."""
    phase = path.phase[when]
    radius = SMALLEST * GROWTH ** (phase + turns)
    rising = np.clip(phase / FADE, 0, 1)
    opacity = 1 - rising if turns else rising
    x, y = shapes.local(
        grid, path.x[when], path.y[when], angle=path.angle[when], radius=radius, period=PERIOD
    )
    coverage = grid.coverage(look.shape(x, y) * shapes.over_time(radius)) * shapes.over_time(opacity)
    some = canvas if when.all() else canvas[:, when]
    shapes.paint(some, coverage, look.first, look.second, look.texture(x, y))
    if some is not canvas:
        canvas[:, when] = some


def draw_path(name: str, rng: np.random.Generator, frames: int) -> Path:
    """Uniform place, angle and size phase plus the displacement of class `name`."""
    start = rng.random(4)
    x, y, angle, phase = displacement(name, rng, np.arange(frames, dtype=np.float64))
    return Path(
        x=start[0] * PERIOD + x,
        y=start[1] * PERIOD + y,
        angle=start[2] * 2 * np.pi + angle,
        phase=(start[3] + phase) % 1.0,
    )


def displacement(
    name: str, rng: np.random.Generator, time: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Change of x, y, angle and size phase at `time` (frames), each (T,).

    Speeds: over the 28 frames of a window of 8 frames with stride 4 every motion covers a good part of the
    visible square (or of a turn), and between two of its frames less than half a period, so that direction is
    never ambiguous.
    """
    still = np.zeros_like(time)
    offset = rng.random()
    if name in HEADINGS:
        heading = 2 * np.pi * HEADINGS[name] + rng.uniform(-0.15, 0.15)
        way = rng.uniform(0.021, 0.032) * time
        return way * np.cos(heading), way * np.sin(heading), still, still
    if name in ("clockwise", "anticlockwise"):
        turn = np.deg2rad(rng.uniform(6.0, 9.5)) * time
        return still, still, turn if name == "clockwise" else -turn, still
    if name in ("grow", "shrink"):
        change = rng.uniform(0.03, 0.042) * time
        return still, still, still, change if name == "grow" else -change
    if name == "pulse":
        return (
            still,
            still,
            still,
            rng.uniform(0.5, 0.7) * there_and_back(time / rng.uniform(16, 22) + offset),
        )
    heading = 2 * np.pi * rng.random()
    if name == "there-and-back":
        along, across = rng.uniform(0.4, 0.55) * there_and_back(time / rng.uniform(24, 30) + offset), still
    elif name == "circle":
        turn = 2 * np.pi * rng.choice([-1, 1]) * time / rng.uniform(22, 30)
        radius = rng.uniform(0.17, 0.25)
        along, across = radius * np.cos(turn), radius * np.sin(turn)
    elif name == "zigzag":
        along = rng.uniform(0.016, 0.023) * time
        across = rng.uniform(0.24, 0.34) * there_and_back(time / rng.uniform(15, 19) + offset)
    else:
        raise ValueError(f"no motion is called {name!r}")
    cosine, sine = np.cos(heading), np.sin(heading)
    return along * cosine - across * sine, along * sine + across * cosine, still, still


def there_and_back(turns: NDArray[np.float64]) -> NDArray[np.float64]:
    """A triangle wave from 0 at whole turns to 1 at half turns."""
    return 1 - np.abs(1 - 2 * (turns % 1.0))


def draw_look(rng: np.random.Generator, grid: Grid, *, hard: bool) -> Look:
    """Shape, texture, colours and background of one clip; bright on dark unless `hard`."""
    shape = SHAPES[rng.integers(len(SHAPES))]
    texture = shapes.TEXTURES[rng.integers(len(shapes.TEXTURES))]
    _, height, width = grid.shape
    field = shapes.smooth_field(rng, 6, height, width)
    if hard:
        low, high, first, second = hard_colours(rng)
    else:
        first = shapes.from_hsv(rng.random(), rng.uniform(0, 0.6), rng.uniform(0.8, 1.0))
        second = first * np.float32(rng.uniform(0.35, 0.55))
        low = shapes.from_hsv(rng.random(), rng.uniform(0, 0.6), rng.uniform(0.0, 0.06))
        high = shapes.from_hsv(rng.random(), rng.uniform(0, 0.6), rng.uniform(0.06, 0.16))
    background = low[:, None, None] + (high - low)[:, None, None] * field
    return Look(shape, texture, first, second, background)


def hard_colours(rng: np.random.Generator) -> tuple[Array, Array, Array, Array]:
    """Two background and two shape colours: any, if only the shape can be told from its background."""
    while True:
        low, high, first, second = rng.random((4, 3), dtype=np.float32)
        high = low + (high - low) * np.float32(0.5)
        apart = np.abs((first + second) / 2 - (low + high) / 2).max()
        if apart > 0.25:
            return low, high, first, second

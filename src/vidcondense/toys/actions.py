"""`actions`: ten small scenes in which, as in real actions, appearance and motion both carry the class.

Three classes show a person, three a ball and two a windmill, and differ in motion only; cars go by like
rolling balls, and people hop like bouncing ones.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vidcondense.toys import shapes
from vidcondense.toys.shapes import Array, Grid

Series = NDArray[np.float64]

TRAVEL_PERIOD = 1.2  # scene units after which something that crosses the picture comes back on the other side


@dataclass(frozen=True)
class Palette:
    """Usual colours of an action: hues in turns, values as (lowest, highest) in [0, 1]."""

    thing: float
    thing_value: tuple[float, float]
    air: float
    air_value: tuple[float, float]
    ground: float


INDOORS = Palette(thing=0.02, thing_value=(0.6, 1.0), air=0.1, air_value=(0.3, 0.65), ground=0.07)
FIELD = Palette(thing=0.15, thing_value=(0.7, 1.0), air=0.33, air_value=(0.2, 0.55), ground=0.28)
HILL = Palette(thing=0.9, thing_value=(0.7, 1.0), air=0.58, air_value=(0.35, 0.7), ground=0.3)
ROAD = Palette(thing=0.6, thing_value=(0.5, 0.9), air=0.8, air_value=(0.4, 0.8), ground=0.75)
SKY = Palette(thing=0.7, thing_value=(0.05, 0.35), air=0.5, air_value=(0.55, 0.95), ground=0.55)
PALETTES = (INDOORS, FIELD, HILL, ROAD, SKY)
HUE_SPREAD = 0.06  # standard deviation of a hue, turns
LEAST_CONTRAST = 0.35  # largest difference of a colour channel between a thing and its background
STRAY = 0.1  # chance that a thing, or its background, wears another action's colours


@dataclass(frozen=True)
class Scene:
    """What every class's drawing function gets: where to draw, when, and from which random numbers."""

    rng: np.random.Generator
    grid: Grid
    canvas: Array
    """(3, T, H, W), painted in place."""
    time: Series
    """(T,) frame numbers."""
    first: Array
    """(3,) main colour."""
    second: Array
    """(3,) the texture's other colour."""

    def cycle(self, shortest: float, longest: float) -> Series:
        """(T,) angle in radians that runs at a random phase with a period of so many frames."""
        return 2 * np.pi * (self.time / self.rng.uniform(shortest, longest) + self.rng.random())

    def paint(self, distance: Array, pattern: Array) -> None:
        """Paint a shape given by its signed distance in scene units."""
        shapes.paint(self.canvas, self.grid.coverage(distance), self.first, self.second, pattern)


def render(name: str, rng: np.random.Generator, grid: Grid) -> NDArray[np.uint8]:
    """One clip of class `name` as (T, H, W, 3) uint8."""
    draw, palette = SCENES[name]
    canvas = shapes.blank(grid, draw_background(rng, grid, loosened(palette, rng)))
    first, second = draw_colours(rng, canvas, loosened(palette, rng))
    scene = Scene(rng, grid, canvas, np.arange(grid.frames, dtype=np.float64), first, second)
    for _ in range(rng.integers(0, 2)):
        draw_passer_by(scene)
    draw(scene)
    return shapes.to_uint8(canvas)


# Motions shared by classes: each returns (T,) values in scene units or radians.


def travel(scene: Scene, slowest: float = 0.018, fastest: float = 0.03) -> tuple[Series, float]:
    """Horizontal places of something that crosses the picture, and its direction (-1 or 1)."""
    direction = float(scene.rng.choice([-1.0, 1.0]))
    way = scene.rng.random() * TRAVEL_PERIOD + direction * scene.rng.uniform(slowest, fastest) * scene.time
    return (way + TRAVEL_PERIOD / 2) % TRAVEL_PERIOD - TRAVEL_PERIOD / 2, direction


def hop(scene: Scene, lowest: float, highest: float) -> Series:
    """Heights (upwards) of something that bounces on the ground, up to a peak in the given range."""
    return scene.rng.uniform(lowest, highest) * np.abs(np.sin(scene.cycle(32, 44)))


# The person.


def person(
    scene: Scene,
    x: object,
    feet: object,
    size: float,
    arms: tuple[Series, Series],
    legs: tuple[Series, Series],
) -> None:
    """A stick figure of height `size` with its feet at (x, feet); angles from straight down, in radians."""
    thickness = scene.rng.uniform(0.05, 0.09)
    px, py = shapes.local(scene.grid, x, feet, radius=size)
    reach, stride = 0.36, 0.45
    hip, shoulder, head = -0.43, -0.75, -0.9
    parts = [
        np.sqrt(px * px + (py - np.float32(head)) ** 2) - np.float32(0.105),
        shapes.capsule(px, py, (0, hip), (0, shoulder), thickness * 1.5),
    ]
    for angle in arms:
        hand = (reach * np.sin(angle), shoulder + reach * np.cos(angle))
        parts.append(shapes.capsule(px, py, (0, shoulder), hand, thickness))
    for angle in legs:
        foot = (stride * np.sin(angle), hip + stride * np.cos(angle))
        parts.append(shapes.capsule(px, py, (0, hip), foot, thickness))
    trousers = shapes.soft((py - np.float32(hip)) * np.float32(20))
    scene.paint(shapes.union(parts) * np.float32(size), trousers)


def person_place(scene: Scene) -> tuple[float, float, float]:
    """x, feet and size of a person."""
    size = scene.rng.uniform(0.55, 0.75)
    return scene.rng.uniform(-0.18, 0.18), scene.rng.uniform(0.33, 0.45), size


def person_wave(scene: Scene) -> None:
    """Stands and waves one arm or both."""
    x, feet, size = person_place(scene)
    swing = scene.rng.uniform(0.5, 0.8) * np.sin(scene.cycle(12, 20))
    waving = np.pi * scene.rng.uniform(0.7, 0.85) + swing
    other = np.full_like(scene.time, scene.rng.uniform(0.1, 0.4))
    side = scene.rng.choice([-1.0, 1.0])
    arms = (side * waving, -side * (waving if scene.rng.random() < 0.4 else other))
    apart = np.full_like(scene.time, scene.rng.uniform(0.1, 0.3))
    person(scene, x, feet, size, arms, (apart, -apart))


def person_jump(scene: Scene) -> None:
    """Jumps up and down with the arms thrown up."""
    x, feet, size = person_place(scene)
    height = hop(scene, 0.16, 0.28)
    lift = height / height.max() * scene.rng.uniform(1.0, 2.2) + 0.3
    apart = 0.1 + 0.4 * height / height.max()
    person(scene, x, feet - height, size, (lift, -lift), (apart, -apart))


def person_walk(scene: Scene) -> None:
    """Walks across the picture."""
    _, feet, size = person_place(scene)
    x, _ = travel(scene)
    step = np.sin(scene.cycle(13, 20))
    legs = scene.rng.uniform(0.4, 0.6) * step
    arms = scene.rng.uniform(0.3, 0.6) * step
    person(scene, x, feet, size, (-arms, arms), (legs, -legs))


# The ball.


def ball(scene: Scene, x: object, y: object, angle: object, radius: float) -> None:
    """A patterned disc."""
    texture = shapes.TEXTURES[scene.rng.integers(len(shapes.TEXTURES))]
    px, py = shapes.local(scene.grid, x, y, angle=angle, radius=radius)
    scene.paint(shapes.disc(px, py) * np.float32(radius), texture(px, py))


def ball_bounce(scene: Scene) -> None:
    """Bounces on one spot, drifting a little."""
    radius = scene.rng.uniform(0.11, 0.17)
    x = scene.rng.uniform(-0.22, 0.22) + scene.rng.uniform(-0.004, 0.004) * scene.time
    ground = scene.rng.uniform(0.2, 0.38)
    spin = scene.rng.uniform(-0.08, 0.08) * scene.time
    ball(scene, x, ground - hop(scene, 0.22, 0.4), spin, radius)


def ball_roll(scene: Scene) -> None:
    """Rolls over the ground."""
    radius = scene.rng.uniform(0.11, 0.17)
    x, direction = travel(scene)
    ground = scene.rng.uniform(0.1, 0.38)
    turn = scene.rng.uniform(0.1, 0.18) * direction * scene.time
    ball(scene, x, np.full_like(x, ground), turn, radius)


def ball_throw(scene: Scene) -> None:
    """Flies to and fro in high arcs."""
    radius = scene.rng.uniform(0.11, 0.17)
    flight = scene.cycle(52, 68) / np.pi  # flights since some throw
    part, way = flight % 1.0, np.floor(flight) % 2
    width = scene.rng.uniform(0.5, 0.8)
    x = scene.rng.uniform(-0.1, 0.1) + width * (np.where(way > 0, 1 - part, part) - 0.5)
    height = scene.rng.uniform(0.35, 0.65) * 4 * part * (1 - part)
    spin = scene.rng.uniform(-0.15, 0.15) * scene.time
    ball(scene, x, scene.rng.uniform(0.15, 0.4) - height, spin, radius)


# The windmill.


def windmill(scene: Scene, turn: Series, lean: Series) -> None:
    """Blades turned by `turn` round the hub of a mast that leans by `lean`, (T,) radians each."""
    rng, radius = scene.rng, scene.rng.uniform(0.24, 0.36)
    foot = (rng.uniform(-0.12, 0.12), rng.uniform(0.36, 0.48))
    height = rng.uniform(0.38, 0.52)
    x, y = foot[0] + height * np.sin(lean), foot[1] - height * np.cos(lean)
    mast_x, mast_y = shapes.local(scene.grid, 0, 0)
    mast = shapes.capsule(mast_x, mast_y, foot, (x, y), rng.uniform(0.01, 0.02))
    scene.paint(mast, np.ones_like(mast))
    thickness = rng.uniform(0.09, 0.17)
    blade_x, blade_y = shapes.local(scene.grid, x, y, angle=turn + lean, radius=radius)
    blades = int(rng.integers(3, 5))
    parts = []
    for blade in range(blades):
        way = 2 * np.pi * blade / blades
        parts.append(shapes.capsule(blade_x, blade_y, (0, 0), (np.sin(way), -np.cos(way)), thickness))
    tips = shapes.soft((blade_x * blade_x + blade_y * blade_y - np.float32(0.4)) * 6)
    scene.paint(shapes.union(parts) * np.float32(radius), tips)


def windmill_turn(scene: Scene) -> None:
    """Its blades turn steadily, either way."""
    speed = scene.rng.choice([-1.0, 1.0]) * np.deg2rad(scene.rng.uniform(5.0, 7.5))
    lean = np.full_like(scene.time, np.deg2rad(scene.rng.uniform(-8, 8)))
    windmill(scene, 2 * np.pi * scene.rng.random() + speed * scene.time, lean)


def windmill_sway(scene: Scene) -> None:
    """Leans to and fro about its foot, as in a storm, with its blades stuck."""
    lean = np.deg2rad(scene.rng.uniform(16, 30)) * np.sin(scene.cycle(18, 28))
    windmill(scene, np.full_like(scene.time, 2 * np.pi * scene.rng.random()), lean)


# The two that stand alone.


def car_drive(scene: Scene) -> None:
    """A car crosses the picture."""
    rng, size = scene.rng, scene.rng.uniform(0.17, 0.25)
    x, direction = travel(scene)
    px, py = shapes.local(scene.grid, x, np.full_like(x, rng.uniform(0.05, 0.34)), radius=size)
    px = px * np.float32(direction)
    cabin = shapes.box(
        px + np.float32(rng.uniform(0.0, 0.25)), py + np.float32(0.45), rng.uniform(0.4, 0.6), 0.3
    )
    body = np.minimum(shapes.box(px, py, 1.0, 0.28), cabin)
    scene.paint(body * np.float32(size), shapes.soft(-(py + np.float32(0.25)) * 12))
    wheel = np.float32(rng.uniform(0.18, 0.28))
    wheels = np.sqrt((np.abs(px) - np.float32(0.6)) ** 2 + (py - np.float32(0.3)) ** 2) - wheel
    dark = np.full(3, rng.uniform(0.0, 0.15), dtype=np.float32)
    shapes.paint(scene.canvas, scene.grid.coverage(wheels * np.float32(size)), dark, dark, wheels)


def bird_fly(scene: Scene) -> None:
    """A bird flaps across the upper part."""
    rng, size = scene.rng, scene.rng.uniform(0.18, 0.27)
    x, _ = travel(scene, 0.012, 0.026)
    flap = scene.cycle(13, 20)
    y = rng.uniform(-0.32, 0.0) + 0.02 * np.cos(flap)
    px, py = shapes.local(scene.grid, x, y, radius=size)
    lift = rng.uniform(0.5, 0.9) * np.sin(flap)
    thickness = rng.uniform(0.11, 0.18)
    tips = (np.cos(lift), -np.sin(lift))
    parts = [shapes.capsule(px, py, (0, 0), (side * tips[0], tips[1]), thickness) for side in (-1.0, 1.0)]
    parts.append(shapes.ellipse(px * np.float32(2.2), py * np.float32(2.2)) / np.float32(2.2))
    scene.paint(shapes.union(parts) * np.float32(size), shapes.soft((px * px - np.float32(0.3)) * 8))


SCENES: dict[str, tuple[Callable[[Scene], None], Palette]] = {
    "ball_bounce": (ball_bounce, FIELD),
    "person_walk": (person_walk, INDOORS),
    "windmill_turn": (windmill_turn, HILL),
    "ball_roll": (ball_roll, FIELD),
    "person_wave": (person_wave, INDOORS),
    "car_drive": (car_drive, ROAD),
    "windmill_sway": (windmill_sway, HILL),
    "person_jump": (person_jump, INDOORS),
    "bird_fly": (bird_fly, SKY),
    "ball_throw": (ball_throw, FIELD),
}
ACTIONS = tuple(SCENES)


# Colours, and what surrounds the action.


def loosened(palette: Palette, rng: np.random.Generator) -> Palette:
    """The palette, now and then another action's."""
    other = PALETTES[rng.integers(len(PALETTES))]
    return other if rng.random() < STRAY else palette


def colour(rng: np.random.Generator, hue: float, value: tuple[float, float]) -> Array:
    """A colour about a hue and within a range of values."""
    return shapes.from_hsv(rng.normal(hue, HUE_SPREAD), rng.uniform(0.2, 0.8), rng.uniform(*value))


def draw_background(rng: np.random.Generator, grid: Grid, palette: Palette) -> Array:
    """(3, T, H, W): two-coloured smooth noise, often with ground below a horizon, under a slow pan."""
    frames, height, width = grid.shape
    margin = max(2, height // 12)
    tall, wide = height + 2 * margin, width + 2 * margin
    low = colour(rng, palette.air, palette.air_value)
    high = colour(rng, palette.air, palette.air_value)
    field = shapes.smooth_field(rng, int(rng.integers(3, 9)), tall, wide)
    image = low[:, None, None] + np.float32(0.6) * (high - low)[:, None, None] * field
    if rng.random() < 0.6:
        horizon = rng.uniform(0.35, 0.8) * tall
        ground = colour(rng, palette.ground, (0.2, 0.7))
        below = np.clip(np.arange(tall, dtype=np.float32) - np.float32(horizon), 0, 1)[None, :, None]
        image += below * np.float32(0.7) * (ground[:, None, None] - image)
    return pan(image.astype(np.float32), rng, frames, margin)


def pan(image: Array, rng: np.random.Generator, frames: int, margin: int) -> Array:
    """(3, T, H, W) views of an image with a margin, drifting to and fro by at most that margin."""
    time = np.arange(frames) / rng.uniform(40, 90)
    reach = margin * rng.uniform(0, 0.6)
    heading = 2 * np.pi * rng.random()
    offset = reach * np.sin(2 * np.pi * (time + rng.random()))
    downs, rights = margin + offset * np.sin(heading), margin + offset * np.cos(heading)
    height, width = image.shape[1] - 2 * margin, image.shape[2] - 2 * margin
    views = np.empty((3, frames, height, width), dtype=np.float32)
    for frame, (down, right) in enumerate(zip(downs, rights, strict=True)):
        row, column = int(down), int(right)
        part_down, part_right = np.float32(down - row), np.float32(right - column)
        block = image[:, row : row + height + 1, column : column + width + 1]
        block = block[:, :-1] + part_down * (block[:, 1:] - block[:, :-1])
        views[:, frame] = block[:, :, :-1] + part_right * (block[:, :, 1:] - block[:, :, :-1])
    return views


def draw_colours(rng: np.random.Generator, canvas: Array, palette: Palette) -> tuple[Array, Array]:
    """Two colours of the acting thing that stand out from the background's mean."""
    mean = canvas[:, 0].mean(axis=(1, 2))
    spread = 0.0
    while True:
        hue = palette.thing + rng.uniform(-spread, spread)
        first = colour(rng, hue, palette.thing_value)
        second = colour(rng, hue + rng.uniform(-0.2, 0.2), (0.1, 1.0))
        if np.abs((first + second) / 2 - mean).max() > LEAST_CONTRAST:
            return first, second
        spread += 0.02  # a palette too near this background gives way


def draw_passer_by(scene: Scene) -> None:
    """A faint small blob that drifts slowly and says nothing of the class."""
    rng = scene.rng
    size = rng.uniform(0.04, 0.1)
    speed = rng.uniform(-0.008, 0.008, size=2)
    x = rng.uniform(-0.6, 0.6) + speed[0] * scene.time
    y = rng.uniform(-0.5, 0.5) + speed[1] * scene.time
    px, py = shapes.local(scene.grid, x, y, angle=rng.random() * 6, radius=size)
    shape = (shapes.disc, shapes.bar, shapes.triangle)[rng.integers(3)]
    opacity = scene.grid.coverage(shape(px, py) * np.float32(size)) * np.float32(rng.uniform(0.4, 0.8))
    shade = shapes.from_hsv(rng.random(), rng.uniform(0, 0.8), rng.uniform(0.1, 1.0))
    shapes.paint(scene.canvas, opacity, shade, shade, opacity)

"""Pictures of what `flow` and `frames` find."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vidcondense.benchmark.flow import Flow, coloured, wheel
from vidcondense.benchmark.plots import figure

MOST_CLASSES = 20
GREY = 200
BORDERS = {"early": "#e02020", "late": "#2050e0"}
"""Rectangles around frames inserted too early or too late, in the papers' colours (PRISM Figures 6 and 7)."""


@dataclass(frozen=True)
class Kept:
    """What a cell keeps, over all its condensed sets.

    Attributes:
        shares: (class, time) share of a class's videos in which the frame is kept, 0..1.
        insertions: (iteration, time) of every insertion.
        iterations: of condensing.
        pictures: (class, time, height, width, 3) uint8, the first video of each class; grey where not kept.
        ill_timed: a key of `BORDERS` for (class, time) of frames of `pictures` that were inserted in the
            first or last fifth of the iterations, which are warm-up and cool-down unless these were left out.
    """

    shares: NDArray[np.float64]
    insertions: Sequence[tuple[int, int]]
    iterations: int
    pictures: NDArray[np.uint8]
    ill_timed: Mapping[tuple[int, int], str] = field(default_factory=dict)


def flow_figure(
    path: Path, classes: Sequence[str], real: Sequence[Flow], condensed: Mapping[str, Sequence[Flow]]
) -> list[str]:
    """Real flow above that of each method, a column per class; the classes with the most real motion.

    Every picture is as bright as its own longest flow, which is written below it: one scale for all would
    leave the mean of many real clips dark beside that of one. A colour wheel is the legend.

    Returns:
        The classes that are shown.
    """
    motion = [float(np.linalg.norm(flow, axis=-1).mean()) for flow in real]
    order = sorted(np.argsort(motion)[::-1][:MOST_CLASSES].tolist())
    rows = {"real": real, **condensed}
    size = (1.6 + 1.1 * (len(order) + 1), 0.6 + 1.15 * len(rows))
    with figure(path, len(rows), len(order) + 1, size) as axes:
        for row, (name, flows) in enumerate(rows.items()):
            for column, index in enumerate(order):
                longest = float(np.linalg.norm(flows[index], axis=-1).max())
                _bare(axes[row][column], coloured(flows[index], longest))
                axes[row][column].set_xlabel(f"{longest:.2g} px", fontsize=6, labelpad=1)
                if not row:
                    axes[row][column].set_title(classes[index], fontsize=7)
            axes[row][0].set_ylabel(name)
            _bare(axes[row][-1], wheel(65) if not row else None)
    return [classes[index] for index in order]


def frames_figure(path: Path, classes: Sequence[str], kept: Mapping[str, Kept]) -> None:
    """Per cell: the share of videos that keep each frame, by class; and when which frame was inserted."""
    height = max(2.4, 0.9 + 0.16 * len(classes))
    with figure(path, len(kept), 2, (9, height * len(kept))) as axes:
        for (left, right), (name, cell) in zip(axes, kept.items(), strict=True):
            left.imshow(cell.shares, aspect="auto", cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
            left.set_title(f"{name}: share of videos that keep a frame")
            left.set_xlabel("frame")
            if len(classes) <= 60:
                left.set_yticks(range(len(classes)), classes, fontsize=6)
            counts = Counter(cell.insertions)
            if counts:
                x, y = zip(*counts, strict=True)
                right.scatter(x, y, s=[12 * count for count in counts.values()], alpha=0.6, color="#1f5fa8")
            right.set_xlim(0, max(1, cell.iterations))
            right.set_ylim(cell.shares.shape[1] - 0.5, -0.5)
            right.set_title(f"{len(cell.insertions)} insertions")
            right.set_xlabel("iteration")
            right.set_ylabel("frame")


def pictures_figure(path: Path, classes: Sequence[str], kept: Mapping[str, Kept]) -> None:
    """The first video of each of the first classes under each cell; frames that are not stored are grey.

    Frames that were inserted early have a red border, late ones a blue one.
    """
    shown = list(classes[:MOST_CLASSES])
    frames = next(iter(kept.values())).pictures.shape[1]
    size = (1.2 + 0.55 * frames * len(kept), 0.6 + 0.55 * len(shown))
    with figure(path, len(shown), len(kept), size) as axes:
        for column, (name, cell) in enumerate(kept.items()):
            for row, label in enumerate(shown):
                _bare(axes[row][column], _strip(_bordered(cell, row)))
                if not column:
                    axes[row][column].set_ylabel(label, rotation=0, ha="right", va="center", fontsize=7)
            axes[0][column].set_title(name)


def _bordered(cell: Kept, row: int) -> NDArray[np.uint8]:
    """A class's frames, with rectangles around those that were inserted too early or too late."""
    from matplotlib.colors import to_rgb

    frames: NDArray[np.uint8] = cell.pictures[row].copy()
    width = max(1, frames.shape[2] // 16)
    inner = (slice(width, -width), slice(width, -width))
    for (index, time), kind in cell.ill_timed.items():
        if index == row:
            picture = frames[time].copy()
            frames[time] = np.rint(255 * np.array(to_rgb(BORDERS[kind])))
            frames[time][inner] = picture[inner]
    return frames


def _strip(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(time, height, width, 3) side by side with a white gap."""
    gap = max(1, frames.shape[2] // 16)
    apart = np.pad(frames, ((0, 0), (0, 0), (0, gap), (0, 0)), constant_values=255)
    return np.concatenate(list(apart), 1)


def _bare(axis: Any, picture: NDArray[np.uint8] | None) -> None:
    axis.set_xticks([])
    axis.set_yticks([])
    for side in axis.spines.values():
        side.set_visible(False)
    if picture is not None:
        axis.imshow(picture, interpolation="nearest")

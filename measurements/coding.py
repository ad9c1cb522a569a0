"""Bytes of coded videos at equal error: by videos side by side, stored size, options, and without a codec.

    python measurements/coding.py STORE [STORE ...]

Of each store 48 random training clips, as random selection keeps them (seed 0). Bytes are those at the error
that clips in streams of their own have at some qualities; a way that never has such an error shows a dash.
Without a codec: cosine transforms of blocks of 8 pixels and up to 8 frames, in levels of 2, 4 or any bits, by
Python's lzma, or by their entropy at each frequency, which no coder of single levels can go below.
"""

import argparse
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.fft import dctn, idctn
from torch import Tensor

from vidcondense import load_recipe
from vidcondense.base.compute import choose
from vidcondense.condensed.coding import av1, colour
from vidcondense.condensed.coding.streams import decode, encode
from vidcondense.condensed.enlargement import enlarged
from vidcondense.condensed.storage import Coding
from vidcondense.data.batches import IMAGENET_MEAN, IMAGENET_STD
from vidcondense.data.store import ClipStore
from vidcondense.run.loop import artifact
from vidcondense.run.state import State

CLIPS = 48
ASKED = (50, 57, 63)
QUALITIES = (40, 45, 50, 55, 60, 62, 63, 65, 70)
OURS = "lp=1:keyint=-1:enable-tf=0"


class Way(NamedTuple):
    """How clips are coded: videos in a stream, the share of a side that is stored, preset and options.

    With `stills`, every frame as a picture of its own.
    """

    tiles: int = 16
    side: float = 1.0
    preset: str = "2"
    options: str = OURS
    stills: bool = False


WAYS = {
    "a stream each": Way(tiles=1),
    "4 side by side": Way(tiles=4),
    "16 side by side (ours)": Way(),
    "16, three quarters of the side": Way(side=0.75),
    "16, half of the side": Way(side=0.5),
    "16, without two of the encoder's filters": Way(options=f"{OURS}:enable-cdef=0:enable-restoration=0"),
    "16, preset 4": Way(preset="4"),
    "16, preset 0": Way(preset="0"),
    "16 still pictures side by side": Way(stills=True),
}
BLOCK = 8
STEPS = tuple(4.0 * 2 ** (number / 2) for number in range(14))
"""Widths of a level, in pixel values times the root of a block's size."""
UNITS = Coding(mean=IMAGENET_MEAN, std=IMAGENET_STD).units((3, 1, 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("stores", nargs="+", type=Path)
    for path in parser.parse_args().stores:
        clips = kept(ClipStore.open(path))
        first = curve(clips, WAYS["a stream each"], ASKED)
        print(f"{path.name}, {len(clips)} clips of {tuple(clips.shape[1:])}\n")
        print("| way | " + " | ".join(f"as at {quality}" for quality in ASKED) + " |")
        print("|" + "---|" * (1 + len(ASKED)), flush=True)
        for name, way in WAYS.items():
            compare(name, curve(clips, way, QUALITIES), first)
        for name, bits, size in (
            ("cosines, entropy", 16, entropy),
            ("cosines, lzma", 16, packed),
            ("cosines of 4 bits, entropy", 4, entropy),
            ("cosines of 2 bits, entropy", 2, entropy),
        ):
            compare(name, cosines(clips, bits, size), first)


def compare(name: str, found: NDArray[np.float64], first: NDArray[np.float64]) -> None:
    """Print a row: bytes at the errors of another curve."""
    size, error = found
    order = np.argsort(error)
    at = np.exp(np.interp(np.log(first[1]), np.log(error[order]), np.log(size[order])))
    has = (first[1] >= error.min()) & (first[1] <= error.max())
    cells = (f"{one:.0f}" if there else "-" for one, there in zip(at, has, strict=True))
    print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def kept(store: ClipStore) -> Tensor:
    """Clips (video, time, 3, height, width), normalised."""
    vpc = -(-CLIPS // len(store.class_names))
    recipe = load_recipe("random", overrides={"vpc": vpc})
    return artifact(State.start(store, recipe, choose("cpu", "float32"))).render()[:CLIPS]


def curve(clips: Tensor, way: Way, qualities: tuple[int, ...]) -> NDArray[np.float64]:
    """Mean bytes of a clip, and mean squared error of normalised values, at each quality: (2, quality)."""
    av1._OPTIONS, av1._PRESET = way.options, way.preset
    frames, side = clips.flatten(0, 1), clips.shape[-1]
    stored = round(way.side * side)
    small = frames if stored == side else F.interpolate(frames, stored, mode="bicubic", antialias=True)
    found = []
    each = 1 if way.stills else clips.shape[1]
    for quality in qualities:
        coded = encode(small, [each] * (len(frames) // each), UNITS, quality, {}, most=way.tiles)
        back = enlarged(decode(coded, small.shape, UNITS)[0][None], side, side)[0]
        found.append((len(coded.data) / len(clips), (back - frames).square().mean().item()))
    return np.array(found).T


def cosines(clips: Tensor, bits: int, size: Callable[[NDArray[np.int64]], float]) -> NDArray[np.float64]:
    """As `curve`, of cosine transforms over time and space whose levels have so many bits, at each step."""
    mean, std = UNITS
    levels = ((clips.flatten(0, 1) * std + mean) * 255).round().clamp(0, 255)
    pixels = levels.byte().movedim(1, -1).numpy()
    planes, most, found = colour.to_planes(pixels), 2 ** (bits - 1) - 1, []
    for step in STEPS:
        total, back = 0.0, []
        for plane in planes:
            blocks = _blocks(plane, clips.shape[1])
            waves = np.rint(dctn(blocks - 128.0, axes=(1, 2, 3), norm="ortho") / step).clip(-most, most)
            total += size(waves.astype(np.int64).reshape(len(waves), -1))
            made = idctn(waves * step, axes=(1, 2, 3), norm="ortho") + 128
            back.append(_plane(np.rint(made).clip(0, 255).astype(np.uint8), plane.shape))
        shown = colour.to_pixels(colour.Planes(*back), *pixels.shape[1:3])
        values = (torch.from_numpy(shown).movedim(-1, 1) / 255 - mean) / std
        found.append((total / len(clips), (values - clips.flatten(0, 1)).square().mean().item()))
    return np.array(found).T


def entropy(levels: NDArray[np.int64]) -> float:
    """Bytes of (block, frequency), each frequency with a perfect code of its own that costs nothing."""
    bits = 0.0
    for column in levels.T:
        counts = np.unique(column, return_counts=True)[1]
        bits -= float(counts @ np.log2(counts / counts.sum()))
    return bits / 8


def packed(levels: NDArray[np.int64]) -> float:
    """Bytes of (block, frequency) by lzma, a frequency after another."""
    return float(
        len(lzma.compress(levels.T.astype(np.int8 if abs(levels).max() < 128 else np.int16).tobytes()))
    )


def _blocks(plane: NDArray[np.uint8], frames: int) -> NDArray[np.float64]:
    """(block, time, row, column) of a plane (frame, height, width), all frames of a clip in a block."""
    side = plane.shape[1] // BLOCK
    parts = plane.reshape(-1, frames, side, BLOCK, side, BLOCK).transpose(0, 2, 4, 1, 3, 5)
    return parts.reshape(-1, frames, BLOCK, BLOCK).astype(np.float64)


def _plane(blocks: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Undo `_blocks`."""
    frames, side = blocks.shape[1], shape[1] // BLOCK
    parts = blocks.reshape(-1, side, side, frames, BLOCK, BLOCK).transpose(0, 3, 1, 4, 2, 5)
    return parts.reshape(shape)


if __name__ == "__main__":
    main()

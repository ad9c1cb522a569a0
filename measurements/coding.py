"""Bytes of coded videos at equal error: by videos side by side, by stored size, by options of the encoder.

    python measurements/coding.py STORE [STORE ...]

Of each store 48 random training clips, as random selection keeps them (seed 0). Bytes are those at the error
that clips in streams of their own have at some qualities; a way that never has such an error shows a dash.
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from vidcondense import load_recipe
from vidcondense.base.compute import choose
from vidcondense.condensed.coding import av1
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
    """How clips are coded: videos in a stream, the share of a side that is stored, preset and options."""

    tiles: int = 16
    side: float = 1.0
    preset: str = "2"
    options: str = OURS


WAYS = {
    "a stream each": Way(tiles=1),
    "4 side by side": Way(tiles=4),
    "16 side by side (ours)": Way(),
    "16, three quarters of the side": Way(side=0.75),
    "16, half of the side": Way(side=0.5),
    "16, without two of the encoder's filters": Way(options=f"{OURS}:enable-cdef=0:enable-restoration=0"),
    "16, preset 4": Way(preset="4"),
    "16, preset 0": Way(preset="0"),
}
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
            size, error = curve(clips, way, QUALITIES)
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
    for quality in qualities:
        coded = encode(small, [clips.shape[1]] * len(clips), UNITS, quality, {}, most=way.tiles)
        back = enlarged(decode(coded, small.shape, UNITS)[0][None], side, side)[0]
        found.append((len(coded.data) / len(clips), (back - frames).square().mean().item()))
    return np.array(found).T


if __name__ == "__main__":
    main()

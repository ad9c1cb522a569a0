"""Bytes of coded videos at equal error, by the options of the encoder, and what a video takes beside frames.

    python measurements/coding.py STORE [STORE ...]

Of each store the first training clip of up to ten classes, as random selection keeps it (seed 0).
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vidcondense import load_recipe
from vidcondense.base.compute import choose
from vidcondense.condensed.coding import av1
from vidcondense.condensed.coding.colour import to_pixels, to_planes
from vidcondense.data.store import ClipStore
from vidcondense.run.loop import artifact
from vidcondense.run.state import State

QUALITIES = (45, 53, 60)
PLAIN = "lp=1:keyint=-1:enable-tf=0"
OPTIONS = {
    "as they are": ("2", PLAIN),
    "no CDEF": ("2", f"{PLAIN}:enable-cdef=0"),
    "no restoration": ("2", f"{PLAIN}:enable-restoration=0"),
    "neither (ours)": ("2", f"{PLAIN}:enable-cdef=0:enable-restoration=0"),
    "neither, preset 1": ("1", f"{PLAIN}:enable-cdef=0:enable-restoration=0"),
    "neither, preset 4": ("4", f"{PLAIN}:enable-cdef=0:enable-restoration=0"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("stores", nargs="+", type=Path)
    for path in parser.parse_args().stores:
        clips = kept(ClipStore.open(path))
        first = curve(clips)
        print(f"{path.name}, {len(clips)} clips\n| options | " + " | ".join(map(str, QUALITIES)) + " |")
        print("|" + "---|" * (1 + len(QUALITIES)))
        for name, (preset, options) in OPTIONS.items():
            av1._OPTIONS = {"preset": preset, "svtav1-params": options}
            size, error = curve(clips)
            order = np.argsort(error)
            at = np.exp(np.interp(np.log(first[1]), np.log(error[order]), np.log(size[order])))
            print(f"| {name} | " + " | ".join(f"{one:.0f}" for one in at) + " |")
        stream = av1.encode(to_planes(clips[0]), QUALITIES[-1])
        header, rest = av1.parts(stream)
        print(f"of the first clip's {len(stream)} bytes at {QUALITIES[-1]}: header {len(header)}, ", end="")
        print(f"delimiters {len(stream) - len(header) - len(rest)}, frames {len(rest)}")


def kept(store: ClipStore) -> NDArray[np.uint8]:
    """Clips (video, time, height, width, channel)."""
    some = store.only(range(min(10, len(store.class_names))))
    made = artifact(State.start(some, load_recipe("random"), choose("cpu", "float32")))
    return made.pixels().movedim(2, -1).numpy()


def curve(clips: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Mean bytes, and mean squared error in levels, at each quality: (2, quality)."""
    found = []
    for quality in QUALITIES:
        streams = [av1.encode(to_planes(clip), quality) for clip in clips]
        size = clips.shape[2:4]
        back = [to_pixels(av1.decode(one, clips.shape[1], *size), *size) for one in streams]
        error = np.square(np.stack(back).astype(float) - clips).mean()
        found.append((np.mean([len(av1.parts(one)[1]) for one in streams]), error))
    return np.array(found).T


if __name__ == "__main__":
    main()

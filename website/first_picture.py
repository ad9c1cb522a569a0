"""The picture of README, real clips above all those of a file of 4 KB; and that of moved key frames.

python website/first_picture.py FOLDER [docs/pictures]

FOLDER gets clips, store and runs; a call goes on where another stopped.
"""

import sys
from pathlib import Path

import gallery
from vidcondense import CondensedVideos, condense, generate, load_recipe, prepare
from vidcondense.data.limits import Limits
from vidcondense.recipes.guide import RECOMMENDED
from vidcondense.run.budget import Samples, fit

CLASSES, TRAIN_PER_CLASS = 5, 40
BUDGET = 4000
"""Bytes of the file that README shows."""


def main() -> None:
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    folder, pictures = Path(sys.argv[1]), Path((*sys.argv, "docs/pictures")[2])
    clips = folder / "actions"
    generate("actions", clips, train_per_class=TRAIN_PER_CLASS, test_per_class=1, classes=CLASSES)
    limits = Limits(classes=CLASSES)
    store = prepare(
        clips, folder / "store", frames=gallery.FRAMES, stride=4, size=gallery.SIZE, limits=limits
    )
    real = gallery.real_clips(store)
    coded = load_recipe(RECOMMENDED, overrides={"storage": "av1", "budget": BUDGET})
    kept = condense(store, fit(Samples(store), coded).recipe, folder / "runs" / "first")
    rows = [kept.pixels(row).permute(0, 1, 3, 4, 2).numpy() for row in by_class(kept)]
    moved = gallery.one_per_class(condense(store, "displaced", folder / "runs" / "moved"))
    print(pictures / gallery.written(pictures, "first", [real, *rows]))
    print(pictures / gallery.written(pictures, "moved", [real, moved]))


def by_class(kept: CondensedVideos) -> list[list[int]]:
    """Numbers of videos: of each class the first, then of each the second, and so on."""
    labels = kept.labels.tolist()
    classes = [[video for video, label in enumerate(labels) if label == one] for one in sorted(set(labels))]
    return [list(row) for row in zip(*classes, strict=True)]


if __name__ == "__main__":
    main()

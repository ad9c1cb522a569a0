"""The picture of README: real clips above those of the recommended recipe.

python website/first_picture.py FOLDER [docs/pictures]

FOLDER gets clips, store and run; a call goes on where another stopped.
"""

import sys
from pathlib import Path

import gallery
from vidcondense import condense, generate, prepare
from vidcondense.data.limits import Limits
from vidcondense.recipes.guide import RECOMMENDED

CLASSES, TRAIN_PER_CLASS = 5, 40


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
    made = condense(store, RECOMMENDED, folder / "runs" / RECOMMENDED)
    rows = [gallery.real_clips(store), gallery.one_per_class(made)]
    print(pictures / gallery.written(pictures, "first", rows))


if __name__ == "__main__":
    main()

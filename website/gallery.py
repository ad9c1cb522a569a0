"""Each method of the package on the same clips: moving pictures with their numbers.

    python website/gallery.py FOLDER [--source VIDEOS] [--classes 4] [--iterations 100] [--recipe NAME ...]
        [--evaluate] [--page docs/gallery.md]

FOLDER gets clips, store and runs; a call goes on where another stopped. Without --source clips are generated.
The page is written beside a folder `pictures`, which gets the pictures. Recipes for short runs stand for
their methods; what learns longer than --iterations is stopped then, and the page says so.
"""

import argparse
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vidcondense import ClipStore, CondensedVideos, Recipe, condense, evaluate, generate, load_recipe, prepare
from vidcondense.base import files, moving, units
from vidcondense.data.limits import Limits
from vidcondense.data.shards import frame_bytes
from vidcondense.evaluation.protocols import PROTOCOL, PROTOCOLS
from vidcondense.recipes.guide import Method, guide
from vidcondense.run.folder import RunFolder

FRAMES, SIZE = 8, 64
TRAIN_PER_CLASS, TEST_PER_CLASS = 8, 20
LENGTHS = {"iterations": 1, "synthetic.static_iterations": 1, "teachers.steps": 1, "experts.steps": 20}
"""Keys of recipes that say how long something learns, and how many such lengths there are."""
GAP = 4
FPS = 6
PICTURES = "pictures"

HEAD = """# What does each method make of the same clips?

<!-- Written by website/gallery.py: change that, and run it again. -->

    python website/gallery.py FOLDER --iterations {iterations}

Below is one clip of each of these classes: {classes}.
The source is {clips} of {shape}, which are {raw} as pixels:

{picture}

Recipes for short runs stand for their methods. What learns is stopped after {iterations} iterations, and
networks that are trained for it after as many steps: nothing here says which method is better,
[results](results.md) do. Learned clips come to look like noise, because they are made for networks and
not for eyes. A method that is not here was not run.
"""

Clips = NDArray[np.uint8]


@dataclass(frozen=True)
class Shown:
    """A method on the page: its line of the guide, the recipe that stands for it, and what came of it."""

    method: Method
    recipe: Recipe
    run: RunFolder
    picture: str
    accuracy: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--source", type=Path)
    parser.add_argument("--classes", type=int, default=4)
    parser.add_argument("--iterations", type=int, default=100)
    parser.add_argument("--recipe", dest="recipes", nargs="+")
    parser.add_argument("--evaluate", action="store_true")
    parser.add_argument("--page", type=Path, default=Path("docs/gallery.md"))
    options = parser.parse_args()
    source = options.source or generate(
        "actions",
        options.folder / "actions",
        train_per_class=TRAIN_PER_CLASS,
        test_per_class=TEST_PER_CLASS if options.evaluate else 1,
        classes=options.classes,
    )
    limits = Limits(classes=options.classes)
    store = prepare(source, options.folder / "store", frames=FRAMES, stride=4, size=SIZE, limits=limits)
    pictures = files.make_folder(options.page.parent / PICTURES)
    real = written(pictures, f"{store.name}-real", [real_clips(store)])
    groups: dict[str, list[Shown]] = {}
    for title, methods in guide().items():
        chosen = [one for one in methods if not options.recipes or one.name in options.recipes]
        made = [shown(store, one, options, pictures) for one in chosen]
        groups |= {title: made} if made else {}
    files.write_bytes(options.page, page(store, real, groups, options.iterations).encode())
    print(options.page)


def shown(store: ClipStore, method: Method, options: argparse.Namespace, pictures: Path) -> Shown:
    """Condense with a method's recipe for short runs, and write its picture."""
    name = (*method.short, method.name)[0]
    usual = load_recipe(name)
    values = usual.fields()
    most = {key: max(1, options.iterations // LENGTHS[key]) for key in usual.keys() & LENGTHS.keys()}
    longer = {key: count for key, count in most.items() if values[key] > count}
    recipe = load_recipe(name, overrides=longer)
    run = RunFolder(options.folder / "runs" / name)
    condensed = condense(store, recipe, run.path)
    picture = written(pictures, f"{store.name}-{name}", [one_per_class(condensed)])
    return Shown(method, recipe, run, picture, accuracy(run, store) if options.evaluate else "")


def accuracy(run: RunFolder, store: ClipStore) -> str:
    """What networks trained on a set score, two of them by default."""
    file = run.evaluation_file(PROTOCOL, PROTOCOLS[PROTOCOL]().usual_network)
    result = evaluate(run.path, store, out=file, networks_count=1)
    assert result is not None  # one process
    scores = result.to_dict()["top1"]
    shown = units.spread(scores["mean"], scores["std"]) if scores["mean"] is not None else "not trained"
    return f"top-1 {shown} over {units.plural(len(result.results), 'network')}"


def real_clips(store: ClipStore) -> Clips:
    """The first training clip of each class: (clip, time, height, width, 3)."""
    videos = np.concatenate([of_class[:1] for of_class in store.by_class("train")])
    return np.moveaxis(store.read(videos, store.even_starts(videos, 1)[:, 0]).numpy(), 2, -1)


def one_per_class(condensed: CondensedVideos) -> Clips:
    """The first clip of each class: (clip, time, height, width, 3)."""
    labels = condensed.labels.tolist()
    first = [labels.index(label) for label in range(len(condensed.class_names))]
    return condensed.pixels(first).permute(0, 1, 3, 4, 2).numpy()


def strip(clips: Clips) -> Clips:
    """Clips (clip, time, height, width, 3) side by side, white between them: (time, height, width, 3)."""
    apart = np.pad(clips, ((0, 0), (0, 0), (0, 0), (0, GAP), (0, 0)), constant_values=255)
    return np.concatenate(list(apart), axis=2)[:, :, :-GAP]


def written(pictures: Path, name: str, rows: Iterable[Clips]) -> str:
    """Write rows of clips one above another as a moving picture; returns the name of its file."""
    strips = [np.pad(strip(row), ((0, 0), (0, GAP), (0, 0), (0, 0)), constant_values=255) for row in rows]
    frames = np.concatenate(strips, axis=1)[:, :-GAP]
    data, kind = moving.moving(frames, FPS, max(frames.shape[1:3]))
    files.write_bytes(pictures / f"{name}.{kind}", data)
    return f"{name}.{kind}"


def page(store: ClipStore, real: str, groups: dict[str, list[Shown]], iterations: int) -> str:
    """The page in Markdown."""
    raw = len(store) * store.frames * frame_bytes(store.size)
    lines = [
        HEAD.format(
            iterations=iterations,
            classes=", ".join(f"`{name}`" for name in store.class_names),
            clips=units.plural(len(store), "training clip"),
            shape=f"{store.frames} frames of {store.size}x{store.size}",
            raw=units.size(raw),
            picture=f"![real clips]({PICTURES}/{real})",
        )
    ]
    for title, methods in groups.items():
        lines += [f"## {title}", ""]
        for one in methods:
            image = f"![clips of {one.recipe.name}]({PICTURES}/{one.picture})"
            lines += [f"**`{one.recipe.name}`**: {one.method.when}. {numbers(one)}", "", image, ""]
    return "\n".join(lines)


def numbers(one: Shown) -> str:
    """What a set holds and takes, and how long it learned."""
    condensed = CondensedVideos.load(one.run.path)
    if condensed.clips_per_video > 1:
        stored = "two images and two motions of each"
    else:
        mean = sum(condensed.key_counts) / condensed.videos
        stored = f"{mean:.3g} of {condensed.frames} frames of each"
    if "fields" in condensed.tensors():
        stored += ", and displacement fields"
    usual = load_recipe(one.recipe.name).all_iterations
    count = one.recipe.all_iterations
    learned = f"{count} of {usual:,} iterations" if count < usual else units.plural(count, "iteration")
    parts = [
        units.plural(condensed.videos, "video") + f", {stored}",
        units.size(one.run.condensed.stat().st_size),
    ]
    return "; ".join([*parts, *([learned] if count else []), *([one.accuracy] if one.accuracy else [])]) + "."


if __name__ == "__main__":
    main()

"""Generated clips: labelled videos of any count and size, written as real files, read like a user's own."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.files import is_free, make_folder, read_json, write_json
from vidcondense.recipes.settings import MOST_SEED
from vidcondense.toys.actions import ACTIONS
from vidcondense.toys.motion import LINEAR_MOTIONS, MOTIONS, NON_LINEAR_MOTIONS
from vidcondense.toys.writer import Task, class_names, write_all

__all__ = [
    "ACTIONS",
    "KINDS",
    "LINEAR_MOTIONS",
    "MOTIONS",
    "NON_LINEAR_MOTIONS",
    "class_names",
    "generate",
]

KINDS = ("actions", "motion", "motion-hard")
SETTINGS_FILE = "generated.json"
VERSION = 1  # raised whenever the same seed gives other clips
MOST_CLIPS = 100_000  # per class and split
MOST_FRAMES, MOST_WIDTH = 100_000, 4096
MOST_WORKERS = 1024
MOST_BYTES = 2**28  # of the pixels of a clip, drawn in memory in some 14 times as many


@dataclass(frozen=True)
class Settings:
    """All that decides which clips a folder holds; the content of generated.json."""

    kind: str
    train_per_class: int
    test_per_class: int
    classes: list[str]
    frames: int
    size: int
    seed: int
    version: int = VERSION


def generate(
    kind: str,
    root: Path,
    *,
    train_per_class: int = 40,
    test_per_class: int = 20,
    classes: int | None = None,
    frames: int = 32,
    size: int = 96,
    seed: int = 0,
    workers: int = 0,
    progress: bool = False,
) -> Path:
    """Write labelled video files root/{train,test}/<class>/<number>.mp4 and return `root`.

    A clip is decided by kind, class, split, number, `frames`, `size` and `seed` alone: the same seed gives
    the same bytes whatever the counts and workers. A folder that already holds these very clips is left as
    it is; one that an interrupted call left unfinished is written anew.

    Args:
        kind: one of KINDS.
        root: the folder, created if missing.
        train_per_class, test_per_class: clips per class, at least 1 and 0.
        classes: only the first so many of `class_names(kind)`, at least 1; None for all.
        frames: frames per video (25 per second), at least 2; a window of 8 frames with stride 4 spans 29.
        size: width in pixels, a multiple of 8 and at least 32; the height is three quarters of it. The reader
            keeps the middle 0.7 of the width, in which everything happens: 96 suits stores of 64x64.
        seed: any integer from 0.
        workers: processes; 0 for one per usable core.
        progress: show a bar on standard error.

    Raises:
        VidcondenseError: an argument is out of range, `root` holds anything else, or it cannot be written.
    """
    settings = checked(kind, train_per_class, test_per_class, classes, frames, size, seed)
    if workers > MOST_WORKERS:
        raise VidcondenseError(f"workers is {workers}; give at most {MOST_WORKERS}")
    if workers < 0:
        raise VidcondenseError(f"workers is {workers}; give 0 (one per core) or more")
    root = Path(root)
    if already_complete(root, settings):
        return root
    tasks = plan(root, settings)
    # Written first as unfinished, so that an interrupted folder is known for what it is.
    make_folder(root)
    write_json(root / SETTINGS_FILE, {**asdict(settings), "complete": False})
    for folder in dict.fromkeys(task.path.parent for task in tasks):
        make_folder(folder)
    for _ in shown(write_all(tasks, workers), len(tasks), f"generating {kind}", progress):
        pass
    write_json(root / SETTINGS_FILE, {**asdict(settings), "complete": True})
    return root


def checked(
    kind: str, train: int, test: int, classes: int | None, frames: int, size: int, seed: int
) -> Settings:
    """The settings, or one clear line on what is wrong with them."""
    if kind not in KINDS:
        raise VidcondenseError(f"no generated clips are called {kind!r}; choose from {', '.join(KINDS)}")
    names = class_names(kind)
    ranges = {
        "train_per_class": (train, 1, MOST_CLIPS),
        "test_per_class": (test, 0, MOST_CLIPS),
        "classes": (1 if classes is None else classes, 1, None),
        "frames": (frames, 2, MOST_FRAMES),
        "size": (size, 32, MOST_WIDTH),
        "seed": (seed, 0, MOST_SEED),
    }
    for field, (value, least, most) in ranges.items():
        if type(value) is not int:
            raise VidcondenseError(f"{field} is {value!r}; give a whole number")
        if value < least:
            raise VidcondenseError(f"{field} is {value}; generated clips need at least {least}")
        if most is not None and value > most:
            raise VidcondenseError(f"{field} is {value}; generated clips have at most {most}")
    if classes is not None and classes > len(names):
        raise VidcondenseError(f"classes is {classes}, but {kind!r} has only {len(names)}; give at most that")
    if size % 8:
        raise VidcondenseError(
            f"size is {size}; the width must be a multiple of 8, such as {size - size % 8}"
        )
    frame = size * (size * 3 // 4) * 3
    if frames * frame > MOST_BYTES:
        raise VidcondenseError(
            f"frames is {frames}, which at size {size} is more than a clip may hold; give at most "
            f"{MOST_BYTES // frame} frames, or a smaller size"
        )
    return Settings(kind, train, test, list(names[:classes]), frames, size, seed)


def plan(root: Path, settings: Settings) -> list[Task]:
    """Every clip of the folder."""
    counts = {"train": settings.train_per_class, "test": settings.test_per_class}
    return [
        Task(
            settings.kind,
            name,
            split,
            index,
            settings.frames,
            settings.size,
            settings.seed,
            root / split / name / f"{index:05d}.mp4",
        )
        for split, name in product(counts, settings.classes)
        for index in range(counts[split])
    ]


def already_complete(root: Path, settings: Settings) -> bool:
    """Whether `root` holds exactly these clips; False if it is free to be written.

    Raises:
        VidcondenseError: `root` holds something else.
    """
    if not root.is_dir() or is_free(root):
        return False
    if not (root / SETTINGS_FILE).exists():
        raise VidcondenseError(f"{root} is not empty and holds no generated clips; name a new folder")
    found = read_json(root / SETTINGS_FILE, dict[str, Any])
    for field, wanted in asdict(settings).items():
        present = found.get(field)
        if present != wanted:
            raise VidcondenseError(
                f"{root} holds generated clips with {field} {present}, not {wanted}; name a new folder"
            )
    return bool(found.get("complete"))


def shown(steps: Iterable[None], total: int, label: str, visible: bool) -> Iterator[None]:
    """The same steps, with a progress bar on standard error if `visible`."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not visible) as bar:
        yield from bar.track(steps, total=total, description=label)

"""Writing a folder of generated clips, and knowing again what one holds."""

from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any, Unpack

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.files import is_free, make_folder, read_json, refused, write_json
from vidcondense.base.progress import Progress
from vidcondense.base.repeats import refuse_difference
from vidcondense.toys.actions import ACTIONS
from vidcondense.toys.motion import LINEAR_MOTIONS, MOTIONS, NON_LINEAR_MOTIONS
from vidcondense.toys.options import ClipFields, ClipOptions
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
    kind: str, root: Path | str, *, progress: bool = False, force: bool = False, **options: Unpack[ClipFields]
) -> Path:
    """Write labelled video files root/{train,test}/<class>/<number>.mp4 and return `root`.

    A clip is decided by kind, class, split, number, `frames`, `size` and `seed` alone: the same seed gives
    the same bytes whatever the counts and workers. A folder that already holds these very clips is left as
    it is; one that an interrupted call left unfinished is written anew.

    Args:
        kind: one of KINDS.
        root: the folder, created if missing.
        progress: show a bar on standard error.
        force: write anew, also where the folder holds other generated clips, which are removed first.
        options: the fields of `ClipOptions`, which says what they mean.

    Raises:
        VidcondenseError: an argument is out of range, `root` holds anything else, or it cannot be written.
    """
    return write_clips(kind, Path(root), ClipOptions(**options), progress=progress, force=force)


def write_clips(kind: str, root: Path, options: ClipOptions, *, progress: bool, force: bool = False) -> Path:
    """`generate` with its options in one."""
    settings = _settings(kind, options)
    if force:
        _clear(root)
    elif already_complete(root, settings):
        Progress(0, enabled=progress).say(f"{root} has these clips already: nothing to do")
        return root
    tasks = plan(root, settings)
    # Written first as unfinished, so that an interrupted folder is known for what it is.
    make_folder(root)
    write_json(root / SETTINGS_FILE, {**asdict(settings), "complete": False})
    for folder in dict.fromkeys(task.path.parent for task in tasks):
        make_folder(folder)
    with Progress(len(tasks), enabled=progress) as bar:
        for _ in write_all(tasks, options.workers):
            bar.advance()
    write_json(root / SETTINGS_FILE, {**asdict(settings), "complete": True})
    return root


def _settings(kind: str, options: ClipOptions) -> Settings:
    if kind not in KINDS:
        raise VidcondenseError(f"no generated clips are called {kind!r}; choose from {', '.join(KINDS)}")
    names, count = class_names(kind), options.classes
    if count is not None and count > len(names):
        raise VidcondenseError(f"classes is {count}, but {kind!r} has only {len(names)}; give at most that")
    return Settings(
        kind,
        options.train_per_class,
        options.test_per_class,
        list(names[:count]),
        options.frames,
        options.size,
        options.seed,
    )


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
    if not _is_ours(root):
        return False
    found = read_json(root / SETTINGS_FILE, dict[str, Any])
    wanted = asdict(settings)
    held = {name: found.get(name) for name in wanted}
    refuse_difference(root, held, wanted, "name a new folder, or write it anew with --force")
    return bool(found.get("complete"))


def _is_ours(root: Path) -> bool:
    """Whether `root` holds generated clips; False if it is free, and anything else is refused."""
    if not root.is_dir() or is_free(root):
        return False
    if not (root / SETTINGS_FILE).is_file():
        raise VidcondenseError(f"{root} is not empty and holds no generated clips; name a new folder")
    return True


def _clear(root: Path) -> None:
    """Remove the generated clips in a folder, which is called unfinished first; nothing else in it."""
    if not _is_ours(root):
        return
    found = read_json(root / SETTINGS_FILE, dict[str, Any])
    write_json(root / SETTINGS_FILE, {**found, "complete": False})
    for split, name in product(("train", "test"), (*ACTIONS, *MOTIONS)):
        folder = root / split / name
        with refused(f"cannot remove what is in {folder}"):
            for clip in folder.glob("[0-9][0-9][0-9][0-9][0-9].mp4"):
                clip.unlink()
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()

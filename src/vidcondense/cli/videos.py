"""Commands that make videos and stores."""

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, UseAppendAction, arg

from vidcondense.cli.arguments import (
    Count,
    Folder,
    Layout,
    Share,
    Source,
    Store,
)

# Commands import what they need when they run: help and errors appear without waiting for PyTorch.


def demo(
    folder: Annotated[Positional[Path], arg(metavar="[FOLDER]")] = Path("demo"), *, seed: Count = 0
) -> None:
    """The whole way on generated clips: prepare, condense, evaluate, report; minutes on 2 cores.

    Args:
        folder: Where everything goes; steps that are done already are not repeated.
        seed: Seed of clips, condensing and evaluation.
    """
    from vidcondense.cli.demo import run_demo

    run_demo(folder, seed)


def generate(
    kind: Positional[Literal["actions", "motion", "motion-hard"]],
    folder: Folder,
    *,
    train_per_class: Count = 40,
    test_per_class: Count = 20,
    classes: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: all)")] = None,
    frames: Count = 32,
    size: Count = 96,
    seed: Count = 0,
    workers: Count = 0,
) -> None:
    """Write generated clips as video files, to try things without a dataset.

    Args:
        kind: actions: appearance and motion tell the class; motion: motion alone; motion-hard: in any colour.
        folder: Where to write {train,test}/<class>/*.mp4.
        train_per_class: Training clips per class.
        test_per_class: Test clips per class.
        classes: Write only the first N classes.
        frames: Frames per video.
        size: Width in pixels; height is three quarters of it.
        seed: The same seed writes the same files.
        workers: Processes; 0 for one per core.
    """
    from vidcondense import toys

    toys.generate(
        kind,
        folder,
        train_per_class=train_per_class,
        test_per_class=test_per_class,
        classes=classes,
        frames=frames,
        size=size,
        seed=seed,
        workers=workers,
        progress=True,
    )
    print(folder)


def prepare(
    source: Source,
    store: Store,
    *,
    frames: Count = 16,
    stride: Count = 4,
    keep: Count = 0,
    size: Count = 112,
    layout: Layout = "auto",
    test_fraction: Share = 0.2,
    name: Annotated[
        str | None, arg(metavar="NAME", help_behavior_hint="(default: the source folder's name)")
    ] = None,
    classes: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: all)")] = None,
    class_names: Annotated[
        UseAppendAction[tuple[str, ...]],
        arg(name="class", metavar="NAME", help_behavior_hint="(default: all)"),
    ] = (),
    videos_per_class: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: all)")] = None,
    seed: Count = 0,
    videos_per_shard: Annotated[
        int | None, arg(metavar="N", help_behavior_hint="(default: for at most 512 files)")
    ] = None,
    follow_links: bool = False,
    workers: Count = 0,
    strict: bool = False,
    dry_run: bool = False,
) -> None:
    """Decode a video dataset once, into a store that everything else reads.

    Args:
        source: Folder with one folder of videos per class, or a dataset's own folder (see --layout).
        store: Folder to create; run the same command again to go on after an interruption.
        frames: Frames per clip (T).
        stride: A clip takes every N-th frame of a video; of a video too short for that, more of them.
        keep: Store only N frames of each video, evenly spread; clips then span the whole video, and --stride
            has no effect. 0 stores all frames, so that a clip can begin at any of them.
        size: Height and width of frames in pixels.
        test_fraction: Share of each class held out for testing where the source has no split.
        name: Name of the dataset in tables and reports.
        classes: Take the first N classes only, in alphabetical order.
        class_names: Take this class only; once per class.
        videos_per_class: Take at most N training and N test videos of each class, in each split.
        seed: Seed of the choice that --videos-per-class makes.
        videos_per_shard: Videos in each file of the store.
        follow_links: Take videos also where a link leads out of the source folder; else they are skipped.
        workers: Decoding processes; 0 for one per core.
        strict: Stop at a broken or missing file instead of skipping and listing it.
        dry_run: Say what was found and what the store would take, and write nothing.
    """
    from vidcondense.data.limits import Limits
    from vidcondense.data.plan import make_plan
    from vidcondense.data.prepare import build_store, preview

    plan = make_plan(
        source,
        store,
        frames=frames,
        stride=stride,
        keep=keep,
        size=size,
        layout=layout,
        test_fraction=test_fraction,
        name=name,
        limits=Limits(classes, class_names, videos_per_class, seed),
        videos_per_shard=videos_per_shard,
        follow_links=follow_links,
    )
    if dry_run:
        print(preview(plan, workers=workers))
    else:
        build_store(plan, workers=workers, strict=strict)

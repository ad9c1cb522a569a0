"""Commands that make videos and stores."""

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from vidcondense.base.options import CountOption, On
from vidcondense.base.repeats import beside, given, say_next
from vidcondense.cli.arguments import Flat, Folder, Source, Store
from vidcondense.data.options import PrepareOptions
from vidcondense.toys.options import ClipOptions
from vidcondense.work.engines import HERE

# Commands import what they need when they run: help and errors appear without waiting for PyTorch.


def demo(
    folder: Annotated[Positional[Path], arg(metavar="[FOLDER]")] = Path("demo"),
    *,
    seed: CountOption = 0,
    force: bool = False,
) -> None:
    """The whole way on generated clips, in minutes on 2 cores: what 4 KB of a condensed set are worth.

    Args:
        folder: Where everything goes; steps that are done already are not repeated.
        seed: Seed of clips, condensing and evaluation.
        force: Do every step anew.
    """
    from vidcondense.cli.demo import run_demo
    from vidcondense.recipes.guide import RECOMMENDED

    run_demo(folder, seed, force=force)
    print("with your own videos, one folder per class:")
    say_next("prepare", "VIDEOS", "store", "--frames", 8, "--size", 64)
    say_next("condense", "store", "--recipe", RECOMMENDED, "--budget", "64KB", "--out", f"runs/{RECOMMENDED}")


def generate(
    kind: Positional[Literal["actions", "motion", "motion-hard"]],
    folder: Folder,
    options: Flat[ClipOptions] = ClipOptions(),  # noqa: B008
    *,
    force: bool = False,
) -> None:
    """Write generated clips as video files, to try things without a dataset.

    Args:
        kind: actions: appearance and motion tell the class; motion: motion alone; motion-hard: motion alone,
            in any colour.
        folder: Where to write {train,test}/<class>/*.mp4.
        options: How many clips, and of which size.
        force: Write anew, also over generated clips of another kind or size.
    """
    from vidcondense.toys.clips import write_clips

    print(write_clips(kind, folder, options, progress=True, force=force))
    frames, size = max(1, options.frames // 4), max(8, int(0.7 * options.size) // 8 * 8)
    sampling = ("--frames", frames, "--stride", 4, "--size", size)
    say_next("prepare", folder, beside(folder, f"{folder.resolve().name}-store"), *sampling)


def prepare(
    source: Source,
    store: Store,
    options: Flat[PrepareOptions] = PrepareOptions(),  # noqa: B008
    *,
    on: On = HERE,
    force: bool = False,
    dry_run: bool = False,
) -> None:
    """Decode a video dataset once, into a store that everything else reads.

    Args:
        source: Folder with one folder of videos per class, or a dataset's own folder (see --layout); or its
            address, such as s3://bucket/videos.
        store: Folder to create; the same command again goes on where it was stopped.
        options: How the store is made.
        force: Make the store anew; the one that is there stays until the new one is finished.
        dry_run: Say what was found and what the store would take, and write nothing.
    """
    from vidcondense.data.anew import planned_anew
    from vidcondense.data.plan import make_plan
    from vidcondense.data.prepare import build_store, preview
    from vidcondense.data.standins import local

    with local(source, store) as root:
        plan = make_plan(root, store, options)
        if dry_run:
            print(preview(planned_anew(plan) if force else plan))
            say_next(*given("--dry-run"))
            return
        build_store(plan, force=force, on=on)
    from vidcondense.cli.following import after_store

    after_store(store)

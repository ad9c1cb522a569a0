"""Commands that make videos and stores."""

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from vidcondense.base.options import CountOption
from vidcondense.cli.arguments import Flat, Folder, Source, Store
from vidcondense.data.options import PrepareOptions
from vidcondense.toys.options import ClipOptions

# Commands import what they need when they run: help and errors appear without waiting for PyTorch.


def demo(
    folder: Annotated[Positional[Path], arg(metavar="[FOLDER]")] = Path("demo"), *, seed: CountOption = 0
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
    options: Flat[ClipOptions] = ClipOptions(),  # noqa: B008
) -> None:
    """Write generated clips as video files, to try things without a dataset.

    Args:
        kind: actions: appearance and motion tell the class; motion: motion alone; motion-hard: in any colour.
        folder: Where to write {train,test}/<class>/*.mp4.
        options: How many clips, and of which size.
    """
    from vidcondense.toys.clips import write_clips

    print(write_clips(kind, folder, options, progress=True))


def prepare(
    source: Source,
    store: Store,
    options: Flat[PrepareOptions] = PrepareOptions(),  # noqa: B008
    *,
    dry_run: bool = False,
) -> None:
    """Decode a video dataset once, into a store that everything else reads.

    Args:
        source: Folder with one folder of videos per class, or a dataset's own folder (see --layout).
        store: Folder to create; run the same command again to go on after an interruption.
        options: How the store is made.
        dry_run: Say what was found and what the store would take, and write nothing.
    """
    from vidcondense.data.plan import make_plan
    from vidcondense.data.prepare import build_store, preview

    plan = make_plan(source, store, options)
    if dry_run:
        print(preview(plan))
    else:
        build_store(plan)

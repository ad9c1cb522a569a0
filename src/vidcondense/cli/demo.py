"""The whole way on generated clips, in minutes on two cores."""

import time
from pathlib import Path

from rich.console import Console

from vidcondense import toys
from vidcondense.base import files
from vidcondense.base.units import spread
from vidcondense.condensed import CondensedVideos
from vidcondense.data.prepare import prepare
from vidcondense.data.store import ClipStore
from vidcondense.evaluation.results import Record
from vidcondense.evaluation.trial import evaluate
from vidcondense.recipes import load as recipe
from vidcondense.report import write_report
from vidcondense.run.folder import RunFolder
from vidcondense.run.loop import condense, resume

TRAIN_PER_CLASS, TEST_PER_CLASS = 40, 50
FRAMES, STRIDE, SIZE = 8, 4, 64
METHODS = ("prism_small", "random")
NO_FLIP = {"prism_small": {"flip": 0.0}}
"""Left and right are classes; random selection mirrors nothing."""


def run_demo(folder: Path, seed: int = 0) -> Path:
    """Generate clips, prepare them, condense, evaluate beside random selection, and write the report.

    Every step that is done already is used again.

    Returns:
        The path of the report.
    """
    console = Console(highlight=False)
    began = time.monotonic()
    console.print(f"[bold]1/5[/] generating 10 classes of action clips in {folder / 'clips'}")
    clips = toys.generate(
        "actions",
        files.make_folder(folder) / "clips",
        train_per_class=TRAIN_PER_CLASS,
        test_per_class=TEST_PER_CLASS,
        seed=seed,
        progress=True,
    )
    console.print(f"[bold]2/5[/] preparing clips of {FRAMES} frames of {SIZE}x{SIZE}")
    store = prepare(clips, folder / "store", frames=FRAMES, stride=STRIDE, size=SIZE, name="actions")
    runs: list[Path] = []
    for number, name in enumerate(METHODS, 3):
        console.print(f"[bold]{number}/5[/] {name}: condensing and evaluating")
        run = RunFolder(folder / name)
        made = _condensed(run, store, name, seed)
        result = _evaluation(run, made, store, seed)
        mean, std = result["top1"]["mean"], result["top1"]["std"]
        shown = "no network trained" if mean is None else f"top-1 {spread(mean, std)}"
        console.print(
            f"    {shown} over {result['networks']} networks ({result['diverged']} diverged; chance "
            f"{100 / len(store.class_names):.0f} %), {sum(made.key_counts) / len(made):.1f} key frames per "
            f"video, {made.stored_mib:.2f} MiB"
        )
        runs.append(run.path)
    page = write_report(runs, folder / "report.html")
    console.print(f"[bold]5/5[/] done in {(time.monotonic() - began) / 60:.1f} min; open the report: {page}")
    return page


def _condensed(run: RunFolder, store: ClipStore, name: str, seed: int) -> CondensedVideos:
    if run.condensed.is_file():
        return CondensedVideos.load(run.condensed)
    if run.description.is_file():
        return resume(run.path)
    return condense(store, recipe.load(name, overrides={"seed": seed, **NO_FLIP.get(name, {})}), run.path)


def _evaluation(run: RunFolder, made: CondensedVideos, store: ClipStore, seed: int) -> Record:
    path = run.evaluation_file("strict", "minic3d")
    if not path.is_file():
        files.make_folder(path.parent)
        files.write_json(path, evaluate(made, store, seed=seed).to_dict())
    return files.read_json(path, Record)

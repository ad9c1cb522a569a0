"""The whole way on generated clips: something to look at within a minute, figures a minute later."""

import time
from pathlib import Path

from rich.console import Console

from vidcondense import toys
from vidcondense.base.units import plural, spread
from vidcondense.condensed import CondensedVideos
from vidcondense.data.prepare import prepare
from vidcondense.data.store import ClipStore
from vidcondense.evaluation.protocols import PROTOCOL, PROTOCOLS
from vidcondense.evaluation.shared import evaluate
from vidcondense.recipes import load as recipe
from vidcondense.report import write_report
from vidcondense.run.folder import RunFolder
from vidcondense.run.loop import condense

TRAIN_PER_CLASS, TEST_PER_CLASS = 40, 50
FRAMES, STRIDE, SIZE = 8, 4, 64
METHODS = ("prism_fast", "random")
NETWORKS = 1
"""So many of each kind are trained on each set."""


def run_demo(folder: Path, seed: int = 0, *, force: bool = False) -> Path:
    """Generate clips, prepare them, condense, evaluate beside random selection, and write the report.

    The report is written as soon as there are clips to see, and again with the figures. Every step that is
    done already is used again, unless `force` has all done anew.

    Returns:
        The path of the report.
    """
    console = Console(highlight=False)
    began = time.monotonic()

    def say(step: int, text: str) -> None:
        console.print(f"[bold]{step}/5[/] {text}")

    say(1, f"generating 10 classes of action clips in {folder / 'clips'}")
    clips = toys.generate(
        "actions",
        folder / "clips",
        train_per_class=TRAIN_PER_CLASS,
        test_per_class=TEST_PER_CLASS,
        seed=seed,
        progress=True,
        force=force,
    )
    say(2, f"preparing clips of {FRAMES} frames of {SIZE}x{SIZE}")
    store = prepare(
        clips, folder / "store", frames=FRAMES, stride=STRIDE, size=SIZE, name="actions", force=force
    )
    made: dict[RunFolder, CondensedVideos] = {}
    for name in METHODS:
        say(3, f"{name}: condensing {TRAIN_PER_CLASS} training clips per class to one")
        run = RunFolder(folder / name)
        made[run] = condense(store, recipe.load(name, overrides={"seed": seed}), run.path, force=force)
    runs = [run.path for run in made]
    page = write_report(runs, folder / "report.html")
    minutes = (time.monotonic() - began) / 60
    console.print(f"    to look at while networks are trained, after {minutes:.1f} min: {page}")
    say(4, "training two networks on each set, and testing on real clips")
    for run, condensed in made.items():
        console.print(f"    {run.path.name}: {_evaluated(run, condensed, store, seed, force)}")
    page = write_report(runs, folder / "report.html")
    say(5, f"done in {(time.monotonic() - began) / 60:.1f} min; open the report: {page}")
    return page


def _evaluated(run: RunFolder, condensed: CondensedVideos, store: ClipStore, seed: int, force: bool) -> str:
    """What networks score, in a line."""
    file = run.evaluation_file(PROTOCOL, PROTOCOLS[PROTOCOL]().usual_network)
    evaluation = evaluate(condensed, store, out=file, networks_count=NETWORKS, seed=seed, force=force)
    assert evaluation is not None  # one process
    result = evaluation.to_dict()
    mean, std = result["top1"]["mean"], result["top1"]["std"]
    shown = "no network trained" if mean is None else f"top-1 {spread(mean, std)}"
    return (
        f"{shown} over {plural(result['networks'], 'network')} ({result['diverged']} diverged; chance "
        f"{100 / len(store.class_names):.0f} %), {sum(condensed.key_counts) / len(condensed):.1f} key frames "
        f"per video, {run.condensed.stat().st_size:,} bytes"
    )

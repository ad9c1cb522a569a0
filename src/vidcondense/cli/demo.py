"""The whole way on generated clips, in minutes on two cores."""

import time
from pathlib import Path

from rich.console import Console

from vidcondense import toys
from vidcondense.base.units import spread
from vidcondense.data.prepare import prepare
from vidcondense.evaluation.shared import evaluate
from vidcondense.recipes import load as recipe
from vidcondense.report import write_report
from vidcondense.run.folder import RunFolder
from vidcondense.run.loop import condense

TRAIN_PER_CLASS, TEST_PER_CLASS = 40, 50
FRAMES, STRIDE, SIZE = 8, 4, 64
METHODS = ("prism_small", "random")
NO_FLIP = {"prism_small": {"flip": 0.0}}
"""Left and right are classes; random selection mirrors nothing."""


def run_demo(folder: Path, seed: int = 0, *, force: bool = False) -> Path:
    """Generate clips, prepare them, condense, evaluate beside random selection, and write the report.

    Every step that is done already is used again, unless `force` has all done anew.

    Returns:
        The path of the report.
    """
    console = Console(highlight=False)
    began = time.monotonic()
    console.print(f"[bold]1/5[/] generating 10 classes of action clips in {folder / 'clips'}")
    clips = toys.generate(
        "actions",
        folder / "clips",
        train_per_class=TRAIN_PER_CLASS,
        test_per_class=TEST_PER_CLASS,
        seed=seed,
        progress=True,
        force=force,
    )
    console.print(f"[bold]2/5[/] preparing clips of {FRAMES} frames of {SIZE}x{SIZE}")
    store = prepare(
        clips, folder / "store", frames=FRAMES, stride=STRIDE, size=SIZE, name="actions", force=force
    )
    runs: list[Path] = []
    for number, name in enumerate(METHODS, 3):
        console.print(f"[bold]{number}/5[/] {name}: condensing and evaluating")
        run = RunFolder(folder / name)
        method = recipe.load(name, overrides={"seed": seed, **NO_FLIP.get(name, {})})
        made = condense(store, method, run.path, force=force)
        evaluation = evaluate(
            made, store, out=run.evaluation_file("strict", "minic3d"), seed=seed, force=force
        )
        assert evaluation is not None  # one process
        result = evaluation.to_dict()
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

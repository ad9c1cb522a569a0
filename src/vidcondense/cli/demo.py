"""The whole way on generated clips: something to look at within a minute, a proof a minute later."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from vidcondense import toys
from vidcondense.base.units import plural
from vidcondense.benchmark.statistics import interval, judged, paired
from vidcondense.condensed import CondensedVideos
from vidcondense.data.prepare import prepare
from vidcondense.data.store import ClipStore
from vidcondense.evaluation.protocols import PROTOCOL
from vidcondense.evaluation.shared import evaluate
from vidcondense.recipes import load as recipe
from vidcondense.recipes.guide import RECOMMENDED
from vidcondense.recipes.recipe import Recipe
from vidcondense.report import write_report
from vidcondense.run.budget import Fit, Samples, fit
from vidcondense.run.folder import RunFolder
from vidcondense.run.loop import condense

TRAIN_PER_CLASS, TEST_PER_CLASS = 40, 30
FRAMES, STRIDE, SIZE = 8, 4, 32
KILOBYTES = 4
"""Of every condensed file."""
OURS, THEIRS = RECOMMENDED, "real_clips"
FILE = {"storage": "av1", "budget": 1000 * KILOBYTES}
MEANT = {OURS: "real clips, chosen and coded side by side", THEIRS: "real clips as AV1 video, a stream each"}
SETS = 6
"""Of each kind, with seeds of their own: of fewer no sign-flip test tells two kinds apart."""
NETWORK, STEPS = "convnet3d", 60

Scores = dict[tuple[str, int], float | None]
"""Accuracies in percent by split and seed; None where the network did not train."""


def run_demo(folder: Path, seed: int = 0, *, force: bool = False) -> Path:
    """Generate clips, prepare them, condense, compare with real clips of as many bytes, write the report.

    The report is written as soon as there are clips to see, and again with the figures. Every step that is
    done already is used again, unless `force` has all done anew.

    Returns:
        The path of the report.
    """
    console = Console(highlight=False, soft_wrap=True)
    began = time.monotonic()

    def say(step: int, text: str) -> None:
        console.print(f"[bold]{step}/5[/] {text}")

    say(1, f"Ten classes of short videos are generated in {folder / 'clips'}; they stand for your dataset.")
    clips = toys.generate(
        "actions",
        folder / "clips",
        train_per_class=TRAIN_PER_CLASS,
        test_per_class=TEST_PER_CLASS,
        seed=seed,
        progress=True,
        force=force,
    )
    say(
        2,
        f"They are decoded once, to clips of {FRAMES} frames of {SIZE}x{SIZE}, which all that follows reads.",
    )
    store = prepare(
        clips, folder / "store", frames=FRAMES, stride=STRIDE, size=SIZE, name="actions", force=force
    )
    samples = Samples(store)
    fits = {name: fit(samples, recipe.load(name, overrides=FILE)) for name in MEANT}
    file = f"a file of {KILOBYTES} KB"
    say(3, f"All {len(store)} training clips are condensed to {file}: {_each(fits, OURS)}.")
    console.print(f"    In {file} anyone could keep {_each(fits, THEIRS)}.")
    sets = _Sets(folder, store, {name: one.recipe for name, one in fits.items()}, seed, force)
    shown = [sets.condensed(name, seed).path for name in MEANT]
    page = write_report(shown, folder / "report.html")
    console.print(f"    to look at meanwhile, after {time.monotonic() - began:.0f} s: {page}")
    say(4, f"A network learns from each file alone and is tested on clips that no file holds, {SETS} times.")
    ours, theirs = _compared(sets, console)
    everything = sets.score(store, folder / "all-clips.json", seed)
    page = write_report(shown, folder / "report.html")
    say(5, _proof(ours, theirs, everything, len(store.select("test"))))
    console.print(f"    done in {time.monotonic() - began:.0f} s; open the report: {page}")
    return page


def _each(fits: Mapping[str, Fit], name: str) -> str:
    return f"{plural(fits[name].recipe.vpc, 'video')} per class as {MEANT[name]} (recipe {name})"


@dataclass(frozen=True)
class _Sets:
    """Condensed sets of each kind, by seed, and what networks that saw nothing else score."""

    folder: Path
    store: ClipStore
    recipes: Mapping[str, Recipe]
    first: int
    force: bool
    made: set[Path] = field(default_factory=set)

    @property
    def seeds(self) -> range:
        return range(self.first, self.first + SETS)

    def condensed(self, name: str, seed: int) -> RunFolder:
        """A run that is finished; those of the first seed are in the report."""
        run = RunFolder(self.folder / (name if seed == self.first else f"{name}-{seed}"))
        if run.path not in self.made:  # else `force` would make it anew when it is read
            recipe = self.recipes[name].replace(seed=seed)
            condense(self.store, recipe, run.path, show=False, force=self.force)
            self.made.add(run.path)
        return run

    def accuracy(self, name: str, seed: int) -> float | None:
        """Of a network that was trained on a condensed set alone, in percent."""
        run = self.condensed(name, seed)
        return self.score(CondensedVideos.load(run.path), run.evaluation_file(PROTOCOL, NETWORK), seed)

    def score(self, training: CondensedVideos | ClipStore, out: Path, seed: int) -> float | None:
        """Of a network that was trained on a set or on all clips, in percent."""
        made = evaluate(
            training,
            self.store,
            out=out,
            force=self.force,
            show=False,
            networks_count=1,
            network=NETWORK,
            steps=STEPS,
            seed=seed,
        )
        mean = made.to_dict()["top1"]["mean"]
        return None if mean is None else 100 * mean


def _compared(sets: _Sets, console: Console) -> tuple[Scores, Scores]:
    """Scores of both kinds, one pair of files after another."""
    ours: Scores = {}
    theirs: Scores = {}
    first = time.monotonic()
    for number, seed in enumerate(sets.seeds, 1):
        pair = (sets.store.split, seed)
        ours[pair], theirs[pair] = sets.accuracy(OURS, seed), sets.accuracy(THEIRS, seed)
        left = ""
        if number == 1:  # its files were there already, so it tells nothing of the others
            first = time.monotonic()
        elif number < SETS:
            each = (time.monotonic() - first) / (number - 1)
            left = f"; about {each * (SETS - number + 1):.0f} s left"
        console.print(
            f"    {number} of {SETS}: {_shown(ours[pair])} {OURS}, {_shown(theirs[pair])} {THEIRS}{left}"
        )
    return ours, theirs


def _shown(percent: float | None) -> str:
    return "did not train" if percent is None else f"{percent:.1f} %"


def _proof(ours: Scores, theirs: Scores, everything: float | None, videos: int) -> str:
    """What was found, in a sentence or two, with intervals of the mean over sets."""
    (difference,) = judged([paired(ours, theirs, videos)], None)
    if difference.mean is None or difference.half_width is None:
        return "Too few networks trained to compare the two."
    verdict = "" if difference.starred else "not resolved, "
    return (
        f"Networks that saw {KILOBYTES} KB of {MEANT[OURS]} get {_mean(ours, videos)} of test clips right; "
        f"those that saw {KILOBYTES} KB of {MEANT[THEIRS]}, {_mean(theirs, videos)}: {verdict}"
        f"{difference.mean:+.1f} ± {difference.half_width:.1f} points ({difference.pairs} pairs, "
        f"p {difference.p:.3f}). With all training clips, not coded, it is {_shown(everything)}."
    )


def _mean(scores: Scores, videos: int) -> str:
    found = interval({pair: score for pair, score in scores.items() if score is not None}, videos)
    return "an unknown share" if found is None else f"{found.mean:.1f} ± {found.half_width():.1f} %"

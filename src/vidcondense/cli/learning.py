"""Commands that learn: condense, experts, evaluate."""

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from rich.console import Console
from tyro.conf import Positional, arg

from vidcondense.base.errors import VidcondenseError, printable
from vidcondense.base.options import CountOption, Device, NameOption, Precision, ShareOption
from vidcondense.base.units import MEBIBYTE, mebibytes, percent
from vidcondense.cli.arguments import Flat, Overrides, Store, condensed_file
from vidcondense.evaluation.options import EvaluationOptions
from vidcondense.experts.settings import ExpertSettings

if TYPE_CHECKING:
    from vidcondense.condensed import CondensedVideos
    from vidcondense.data.store import ClipStore

# Commands import what they need when they run: help and errors appear without waiting for PyTorch.


def condense(
    store: Annotated[Positional[Path | None], arg(metavar="[STORE]", help_behavior_hint="")] = None,
    *,
    out: Annotated[Path | None, arg(metavar="RUN", help_behavior_hint="(required unless --resume)")] = None,
    recipe: NameOption = "prism_small",
    vpc: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: the recipe's)")] = None,
    dataset: Annotated[
        str | None, arg(metavar="NAME", help_behavior_hint="(default: the first that the recipe has)")
    ] = None,
    split: NameOption = "1",
    overrides: Overrides = (),
    storage: Annotated[
        Literal["float32", "float16", "uint8"] | None,
        arg(metavar="{float32,float16,uint8}", help_behavior_hint="(default: the recipe's)"),
    ] = None,
    shards: Annotated[
        int | None, arg(metavar="N", help_behavior_hint="(default: 16 under torchrun, else none)")
    ] = None,
    seed: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: the recipe's)")] = None,
    resume: Annotated[Path | None, arg(metavar="RUN", help_behavior_hint="")] = None,
    dry_run: bool = False,
    device: Device = "auto",
    precision: Precision = "auto",
) -> None:
    """Condense the training videos of a store into a few synthetic clips per class.

    Args:
        store: A store made by `vidcondense prepare`; with --resume only if it has moved.
        out: New folder for the result, its log and its checkpoint.
        recipe: Name of a recipe (see `vidcondense recipes`) or path of a .toml file.
        vpc: Synthetic videos per class.
        dataset: Whose published hyper-parameters to use: miniucf, hmdb51, kinetics400, ssv2 (recipe prism).
        split: Which of the store's splits to use.
        overrides: Override a key of the recipe, such as optimiser.learning_rate=0.1; once per key.
        storage: How the result's file holds frames: float32; or float16 or uint8, in fewer bytes.
        shards: Learn classes in N parts, shared by processes given this command; the result depends on N.
        seed: Seed of every random number.
        resume: Go on with the interrupted run in this folder; its recipe is kept.
        dry_run: Only say what it will cost in storage, memory, operations and time; --out is not needed.
    """
    from vidcondense.base.ranks import Ranks
    from vidcondense.data.store import ClipStore
    from vidcondense.recipes.load import load, parse_overrides
    from vidcondense.run import loop
    from vidcondense.run import shards as parts

    if resume is not None:
        known = ClipStore.open(store, split) if store is not None else None
        _say_result(resume, parts.resume(resume, store=known, device=device))
        return
    if store is None or (out is None and not dry_run):
        raise VidcondenseError("condense needs a STORE and --out RUN (or --resume RUN)")
    changes = parse_overrides(list(overrides))
    changes |= {key: value for key, value in {"seed": seed, "storage": storage}.items() if value is not None}
    chosen = load(recipe, vpc=vpc, dataset=dataset, overrides=changes)
    real = ClipStore.open(store, split)
    if out is None or dry_run:
        spent = time.process_time()  # mostly on imports: no other work yet
        cost = loop.preview(real, chosen, device=device, precision=precision, spent=spent)
        print(cost.describe() if cost else "nothing is learned: real clips are kept as they are")
    elif shards is None and Ranks.here().count == 1:
        _say_result(out, loop.condense(real, chosen, out, device=device, precision=precision))
    else:
        _say_result(
            out, parts.condense_in_shards(real, chosen, out, shards, device=device, precision=precision)
        )


def _say_result(folder: Path, condensed: "CondensedVideos | None") -> None:
    """Say what a run has made; nothing in the processes that only helped."""
    from vidcondense.run.folder import RunFolder

    if condensed is not None:
        content = (
            f"{condensed.videos} videos, {condensed.holds}, {mebibytes(MEBIBYTE * condensed.stored_mib)}"
        )
        print(printable(f"{RunFolder(folder).condensed}: {content}"))


def experts(
    store: Store,
    settings: Flat[ExpertSettings] = ExpertSettings(),  # noqa: B008
    *,
    out: Annotated[Path, arg(metavar="FOLDER")],
    network: NameOption = "minic3d",
    flip: ShareOption = 0.5,
    split: NameOption = "1",
    seed: CountOption = 0,
    device: Device = "auto",
    precision: Precision = "auto",
) -> None:
    """Train networks on a store's training videos and keep their weights, for trajectory matching.

    Args:
        store: A store made by `vidcondense prepare`.
        settings: How many networks, and how they are trained.
        out: Folder for the weights; run the same command again to go on, or with more experts or epochs.
        network: Which network to train.
        flip: Probability of mirroring a clip; give 0 where left and right are different classes.
        split: Which of the store's splits to use.
        seed: Seed of every random number.
    """
    from vidcondense.base.compute import choose
    from vidcondense.data.store import ClipStore
    from vidcondense.experts.training import train

    real, compute = ClipStore.open(store, split), choose(device, precision)
    trained = train(real, out, settings, network=network, flip=flip, seed=seed, compute=compute)
    last = [record[-1] for record in trained.records]
    loss, accuracy = (
        sum(getattr(epoch, name) for epoch in last) / len(last) for name in ("loss", "accuracy")
    )
    print(
        f"{out}: {trained.count} experts of {trained.epochs} epochs; in the last one "
        f"training loss {loss:.3f}, training accuracy {percent(accuracy)}"
    )


def evaluate(
    training: Annotated[Positional[Path], arg(metavar="RUN|FILE|STORE")],
    store: Store,
    options: Flat[EvaluationOptions] = EvaluationOptions(),  # noqa: B008
    *,
    protocol: Literal["strict", "vdsd"] = "strict",
    split: Annotated[
        str | None,
        arg(metavar="NAME", help_behavior_hint="(default: that of the condensed set, else 1)"),
    ] = None,
    out: Annotated[
        Path | None,
        arg(metavar="FILE", help_behavior_hint="(default: RUN/evaluations/<protocol>-<network>.json)"),
    ] = None,
) -> None:
    """Train fresh networks on a condensed set, or on all real clips, and test them on a store's test videos.

    Args:
        training: A run folder or a condensed file; or a store, to train on all its training videos.
        store: A store made by `vidcondense prepare`, with the same classes, frames and size.
        options: How networks are trained and tested.
        protocol: strict; or vdsd, the rule of the published code, to compare with the papers' figures.
        split: Which of the store's splits to test on, and of a store to train on.
        out: File for the result as JSON; without RUN and --out it is only printed.
    """
    from vidcondense.base.ranks import Ranks, local_device
    from vidcondense.cli.tables import evaluation_table
    from vidcondense.condensed import CondensedVideos
    from vidcondense.data.store import ClipStore
    from vidcondense.evaluation.results import Evaluation
    from vidcondense.evaluation.shared import evaluate_to
    from vidcondense.evaluation.trial import Trial
    from vidcondense.run.folder import RunFolder

    subject, split = _subject(training, split)
    if out is None and isinstance(subject, CondensedVideos) and training.is_dir():
        out = RunFolder(training).evaluation_file(protocol, options.network)
    if out is None and Ranks.here().count > 1:
        raise VidcondenseError("several processes need --out FILE, beside which they meet")
    here = replace(options, device=local_device(options.device))
    trial = Trial.of(subject, ClipStore.open(store, split), here, protocol=protocol)
    result: Evaluation | None
    if out is None:
        result = trial.evaluate(options.networks_count, True)
    else:
        result = evaluate_to(out, trial, options.networks_count)
    if result is not None:
        Console().print(evaluation_table(result))


def _subject(path: Path, split: str | None) -> tuple["CondensedVideos | ClipStore", str]:
    """What a path says to train on, and the split to test on: the given one, or that of the condensed set."""
    from vidcondense.condensed import CondensedVideos, provenance
    from vidcondense.data.index import is_store
    from vidcondense.data.store import ClipStore

    if is_store(path):
        return ClipStore.open(path, split or "1"), split or "1"
    condensed = CondensedVideos.load(condensed_file(path))
    return condensed, split or provenance.split(condensed.provenance)

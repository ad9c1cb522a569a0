"""Commands that learn: condense, experts, evaluate."""

import time
from pathlib import Path
from typing import Annotated, Literal

from rich.console import Console
from tyro.conf import Positional, arg

from vidcondense.base.errors import VidcondenseError, printable
from vidcondense.base.extension import label
from vidcondense.cli.arguments import (
    Count,
    Device,
    Name,
    Overrides,
    Precision,
    Share,
    Store,
    condensed_file,
)

# Commands import what they need when they run: help and errors appear without waiting for PyTorch.


def condense(
    store: Annotated[Positional[Path | None], arg(metavar="[STORE]", help_behavior_hint="")] = None,
    *,
    out: Annotated[Path | None, arg(metavar="RUN", help_behavior_hint="(required unless --resume)")] = None,
    recipe: Name = "prism_small",
    vpc: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: the recipe's)")] = None,
    dataset: Annotated[
        str | None, arg(metavar="NAME", help_behavior_hint="(default: the first that the recipe has)")
    ] = None,
    split: Name = "1",
    set: Overrides = (),
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
        set: Override a key of the recipe, such as optimiser.learning_rate=0.1; once per key.
        storage: How the result's file holds frames: float32, or float16 or uint8 in half or a quarter of the
            bytes.
        shards: Learn the classes in N parts, each on its own; with torchrun the processes share them out. The
            result depends on N, not on the number of processes.
        seed: Seed of every random number.
        resume: Go on with the interrupted run in this folder; its recipe is kept.
        dry_run: Only say what it will cost in storage, memory, operations and time; --out is not needed.
        device: Where networks run: auto, cpu, cuda or cuda:N.
        precision: Precision of the networks; auto takes bfloat16 where the processor has it.
    """
    from vidcondense.base.ranks import Ranks
    from vidcondense.condensed import CondensedVideos
    from vidcondense.data.store import ClipStore
    from vidcondense.recipes import recipe as recipes
    from vidcondense.run.loop import condense, preview
    from vidcondense.run.shards import condense_in_shards
    from vidcondense.run.shards import resume as resume_run

    made: CondensedVideos | None
    if resume is not None:
        known = ClipStore.open(store, split) if store is not None else None
        made = resume_run(resume, store=known, device=device)
        folder = resume
    else:
        if store is None or (out is None and not dry_run):
            raise VidcondenseError("condense needs a STORE and --out RUN (or --resume RUN)")
        overrides = recipes.parse_overrides(list(set))
        if seed is not None:
            overrides["seed"] = seed
        if storage is not None:
            overrides["storage"] = storage
        chosen = recipes.load(recipe, vpc=vpc, dataset=dataset, overrides=overrides)
        real = ClipStore.open(store, split)
        if out is None or dry_run:
            spent = time.process_time()  # mostly on imports: no other work yet
            cost = preview(real, chosen, device=device, precision=precision, spent=spent)
            print(cost.describe() if cost else "nothing is learned: real clips are kept as they are")
            return
        if shards is None and Ranks.here().count == 1:
            made = condense(real, chosen, out, device=device, precision=precision)
        else:
            made = condense_in_shards(real, chosen, out, shards, device=device, precision=precision)
        folder = out
    if made is not None:
        file = folder / "condensed.safetensors"
        print(printable(f"{file}: {made.videos} videos, {made.holds}, {made.stored_mib:.2f} MiB"))


def experts(
    store: Store,
    *,
    out: Annotated[Path, arg(metavar="FOLDER")],
    experts: Count = 30,
    epochs: Count = 50,
    batch: Count = 256,
    learning_rate: Annotated[float, arg(metavar="RATE")] = 0.01,
    network: Name = "minic3d",
    flip: Share = 0.5,
    split: Name = "1",
    seed: Count = 0,
    device: Device = "auto",
    precision: Precision = "auto",
) -> None:
    """Train networks on a store's training videos and keep their weights, for trajectory matching.

    Args:
        store: A store made by `vidcondense prepare`.
        out: Folder for the weights; run the same command again to go on, or with more experts or epochs.
        experts: How many networks to train, each from other random weights.
        epochs: Epochs that each is trained; its weights after each are kept.
        batch: Clips per step.
        learning_rate: Step size of SGD, without momentum.
        network: Which network to train.
        flip: Probability of mirroring a clip; 0 where left and right are different classes.
        split: Which of the store's splits to use.
        seed: Seed of every random number.
        device: Where networks run: auto, cpu, cuda or cuda:N.
        precision: Precision of the networks; auto takes bfloat16 where the processor has it.
    """
    from vidcondense.base.compute import choose
    from vidcondense.data.store import ClipStore
    from vidcondense.experts import train
    from vidcondense.recipes.settings import ExpertSettings

    settings = ExpertSettings(count=experts, epochs=epochs, batch=batch, learning_rate=learning_rate)
    made = train(
        ClipStore.open(store, split),
        out,
        settings,
        network=network,
        flip=flip,
        seed=seed,
        compute=choose(device, precision),
    )
    last = [record[-1] for record in made.records]
    loss, accuracy = (
        sum(getattr(epoch, name) for epoch in last) / len(last) for name in ("loss", "accuracy")
    )
    print(
        f"{out}: {made.count} experts of {made.epochs} epochs; in the last one training loss {loss:.3f}, "
        f"training accuracy {100 * accuracy:.1f} %"
    )


def evaluate(
    training: Annotated[Positional[Path], arg(metavar="RUN|FILE|STORE")],
    store: Store,
    *,
    network: Name = "minic3d",
    networks: Count = 3,
    protocol: Literal["strict", "vdsd"] = "strict",
    split: Annotated[
        str | None,
        arg(metavar="NAME", help_behavior_hint="(default: that of the condensed set, else 1)"),
    ] = None,
    flip: Annotated[float | None, arg(metavar="SHARE", help_behavior_hint="(default: 0.5)")] = None,
    seed: Count = 0,
    out: Annotated[
        Path | None,
        arg(metavar="FILE", help_behavior_hint="(default: RUN/evaluations/<protocol>-<network>.json)"),
    ] = None,
    device: Device = "auto",
    precision: Precision = "auto",
) -> None:
    """Train fresh networks on a condensed set, or on all real clips, and test them on a store's test videos.

    Args:
        training: A run folder or a condensed file; or a store, to train on all its training videos.
        store: A store made by `vidcondense prepare`, with the same classes, frames and size.
        network: Which network to train: minic3d, cnn_mean, cnn_mlp, cnn_rnn, cnn_gru, cnn_lstm, r2plus1d_18,
            video_transformer, or your own as FILE.py:CLASS.
        networks: How many networks to train, each from other random weights.
        protocol: strict; or vdsd, the rule of the published code, to compare with the papers' figures.
        split: Which of the store's splits to test on, and of a store to train on.
        flip: Share of real training clips mirrored; set 0 where left and right are different classes.
        seed: Seed of weights and order.
        out: File for the result as JSON; without RUN and --out it is only printed.
        device: Where networks run: auto, cpu, cuda or cuda:N.
        precision: Precision of the networks; auto takes bfloat16 where the processor has it.
    """
    from vidcondense.base.ranks import Ranks, local_device
    from vidcondense.condensed import CondensedVideos
    from vidcondense.data.index import is_store
    from vidcondense.data.store import ClipStore
    from vidcondense.evaluation.results import Evaluation, table
    from vidcondense.evaluation.shared import evaluate_to
    from vidcondense.evaluation.trial import Trial

    made: CondensedVideos | ClipStore
    if is_store(training):
        split = split or "1"
        made = ClipStore.open(training, split)
    else:
        made = CondensedVideos.load(condensed_file(training))
        source = made.provenance.get("source")
        split = split or str(source.get("split", "1") if isinstance(source, dict) else "1")
        if out is None and training.is_dir():
            out = training / "evaluations" / f"{protocol}-{label(network)}.json"
    if out is None and Ranks.here().count > 1:
        raise VidcondenseError("several processes need --out FILE, beside which they meet")
    trial = Trial.of(
        made,
        ClipStore.open(store, split),
        network=network,
        protocol=protocol,
        flip=flip,
        seed=seed,
        device=local_device(device),
        precision=precision,
    )
    if out is None:
        result: Evaluation | None = trial.evaluate(networks, True)
    else:
        result = evaluate_to(out, trial, networks)
    if result is not None:
        Console().print(table(result))

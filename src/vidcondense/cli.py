"""The command `vidcondense`: parse, call, print. Bad input ends in one line and exit code 2."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.console import Console
from tyro.conf import Positional, UseAppendAction, arg

from vidcondense import __version__
from vidcondense.benchmark.command import benchmark
from vidcondense.errors import VidcondenseError
from vidcondense.interrupt import Interrupted

# Commands import what they need when they run: help and errors appear without waiting for PyTorch.

DESCRIPTION = """Condense a labelled video dataset into a few synthetic clips per class.

Usual order: prepare, condense, evaluate, report. Try it without a dataset: demo. Version: --version."""

app = tyro.extras.SubcommandApp()
app.command(benchmark)
Precision = Literal["auto", "float32", "bfloat16"]

# How arguments are called in help; the texts stand in the docstrings.
Layout = Annotated[
    str,
    arg(
        metavar="NAME",
        help="How SOURCE is laid out: auto looks; or folders, split-folders, frame-folders, webdataset, "
        "ucf101, miniucf, hmdb51, hmdb51-vdsd, kinetics400, something-something-v2 (see docs/data.md).",
    ),
]
Count = Annotated[int, arg(metavar="N")]
Share = Annotated[float, arg(metavar="SHARE")]
Name = Annotated[str, arg(metavar="NAME")]
Device = Annotated[str, arg(metavar="DEVICE")]
Page = Annotated[Path, arg(metavar="FILE")]
Folder = Annotated[Positional[Path], arg(metavar="FOLDER")]
Source = Annotated[Positional[Path], arg(metavar="SOURCE")]
Store = Annotated[Positional[Path], arg(metavar="STORE")]
Condensed = Annotated[Positional[Path], arg(metavar="RUN|FILE")]
Runs = Annotated[Positional[tuple[Path, ...]], arg(metavar="RUN [RUN ...]", help_behavior_hint="(required)")]
Overrides = Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="KEY=VALUE")]


@app.command
def demo(
    folder: Annotated[Positional[Path], arg(metavar="[FOLDER]")] = Path("demo"), *, seed: Count = 0
) -> None:
    """The whole way on generated clips: prepare, condense, evaluate, report; minutes on 2 cores.

    Args:
        folder: Where everything goes; steps that are done already are not repeated.
        seed: Seed of clips, condensing and evaluation.
    """
    from vidcondense.demo import run_demo

    run_demo(folder, seed)


@app.command
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
    from vidcondense.data import generated

    generated.generate(
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


@app.command
def prepare(
    source: Source,
    store: Store,
    *,
    frames: Count = 16,
    stride: Count = 4,
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
        size: Height and width of frames in pixels.
        test_fraction: Share of each class held out for testing where the source has no split.
        name: Name of the dataset in tables and reports.
        classes: Take the first N classes only, in alphabetical order.
        class_names: Take this class only; once per class.
        videos_per_class: Take at most N training and N test videos of each class, in each split.
        seed: Seed of the choice that --videos-per-class makes.
        videos_per_shard: Videos in each file of the store.
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
        size=size,
        layout=layout,
        test_fraction=test_fraction,
        name=name,
        limits=Limits(classes, class_names, videos_per_class, seed),
        videos_per_shard=videos_per_shard,
    )
    if dry_run:
        print(preview(plan, workers=workers))
    else:
        build_store(plan, workers=workers, strict=strict)


@app.command
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
    seed: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: the recipe's)")] = None,
    resume: Annotated[Path | None, arg(metavar="RUN", help_behavior_hint="")] = None,
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
        seed: Seed of every random number.
        resume: Go on with the interrupted run in this folder; its recipe is kept.
        device: Where networks run: auto, cpu, cuda or cuda:N.
        precision: Precision of the networks; auto takes bfloat16 where the processor has it.
    """
    from vidcondense import recipe as recipes
    from vidcondense.condensation import condense
    from vidcondense.condensation import resume as resume_run
    from vidcondense.data.store import ClipStore

    if resume is not None:
        known = ClipStore.open(store, split) if store is not None else None
        made = resume_run(resume, store=known, device=device)
        folder = resume
    else:
        if store is None or out is None:
            raise VidcondenseError("condense needs a STORE and --out RUN (or --resume RUN)")
        overrides = recipes.parse_overrides(list(set))
        if seed is not None:
            overrides["seed"] = seed
        chosen = recipes.load(recipe, vpc=vpc, dataset=dataset, overrides=overrides)
        made = condense(ClipStore.open(store, split), chosen, out, device=device, precision=precision)
        folder = out
    print(
        f"{folder / 'condensed.safetensors'}: {made.videos} videos, {made.holds}, {made.stored_mib:.2f} MiB"
    )


@app.command
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
    from vidcondense.compute import choose
    from vidcondense.data.store import ClipStore
    from vidcondense.experts import train
    from vidcondense.recipe import ExpertSettings

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


@app.command
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
        network: Which network to train: minic3d, cnn_mean, cnn_mlp, cnn_rnn, cnn_gru, cnn_lstm, r2plus1d_18
            or video_transformer.
        networks: How many networks to train, each from other random weights.
        protocol: strict; or vdsd, the rule of the published code, to compare with the papers' figures.
        split: Which of the store's splits to test on, and of a store to train on.
        flip: Share of real training clips mirrored; set 0 where left and right are different classes.
        seed: Seed of weights and order.
        out: File for the result as JSON; without RUN and --out it is only printed.
        device: Where networks run: auto, cpu, cuda or cuda:N.
        precision: Precision of the networks; auto takes bfloat16 where the processor has it.
    """
    from vidcondense import files
    from vidcondense.condensed import CondensedVideos
    from vidcondense.data.index import is_store
    from vidcondense.data.store import ClipStore
    from vidcondense.evaluation import evaluate, table

    made: CondensedVideos | ClipStore
    if is_store(training):
        split = split or "1"
        made = ClipStore.open(training, split)
    else:
        made = CondensedVideos.load(condensed_file(training))
        split = split or str(made.provenance.get("source", {}).get("split", "1"))
        if out is None and training.is_dir():
            out = training / "evaluations" / f"{protocol}-{network}.json"
    result = evaluate(
        made,
        ClipStore.open(store, split),
        network=network,
        networks_count=networks,
        protocol=protocol,
        flip=flip,
        seed=seed,
        device=device,
        precision=precision,
    )
    Console().print(table(result))
    if out is not None:
        files.make_folder(out.parent)
        files.write_json(out, result.to_dict())


@app.command
def report(runs: Runs = (), *, out: Page = Path("report.html")) -> None:
    """Write one self-contained HTML page about runs.

    Args:
        runs: Run folders, the main one first; add a run of recipe random for comparison, and for the upper
            row the JSON of an evaluation of the whole store.
        out: File to write.
    """
    from vidcondense.report import write_report

    if not runs:
        raise VidcondenseError("report needs at least one run folder")
    print(write_report(list(runs), out))


@app.command
def show(file: Condensed) -> None:
    """Say what is in a condensed file.

    Args:
        file: A condensed file or a run folder.
    """
    from vidcondense.condensed import CondensedVideos
    from vidcondense.show import describe

    path = condensed_file(file)
    Console().print(describe(CondensedVideos.load(path), path))


@app.command
def export(
    file: Condensed,
    folder: Folder,
    *,
    format: Literal["mp4", "frames"] = "mp4",
    fps: Annotated[float, arg(metavar="RATE")] = 8.0,
    scale: Count = 1,
    rendered: bool = False,
) -> None:
    """Write condensed videos as mp4 clips or PNG frames.

    Args:
        file: A condensed file or a run folder.
        folder: New folder to write to, or one that an earlier export wrote.
        format: mp4: one clip per video; frames: one PNG per key frame.
        fps: Frames per second of mp4 clips.
        scale: Enlarge pictures N times.
        rendered: With --format frames: write the interpolated frames too.
    """
    from vidcondense.condensed import CondensedVideos
    from vidcondense.export import export

    written = export(
        CondensedVideos.load(condensed_file(file)), folder, format, fps=fps, scale=scale, rendered=rendered
    )
    print(f"{len(written) - 1} files and an index in {folder}")


@app.command
def recipes() -> None:
    """List the recipes that come with the package."""
    from rich.table import Table

    from vidcondense import recipe

    table = Table("recipe", "what it is", box=None)
    for name in recipe.available():
        table.add_row(name, recipe.load(name).description)
    Console().print(table)


def condensed_file(path: Path) -> Path:
    """The condensed file that a run folder or a file path means."""
    if not path.is_dir():
        return path
    file = path / "condensed.safetensors"
    if not file.is_file() and (path / "run.json").is_file():
        raise VidcondenseError(
            f"the run in {path} is not finished; go on with: vidcondense condense --resume {path}"
        )
    return file


def main() -> None:
    """Entry point of the command."""
    if sys.argv[1:] == ["--version"]:
        print(f"vidcondense {__version__}")
        return
    try:
        app.cli(prog="vidcondense", description=DESCRIPTION)
    except VidcondenseError as error:
        print(f"vidcondense: {error}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:  # what nothing below has put into better words
        print(f"vidcondense: {error}", file=sys.stderr)
        sys.exit(2)
    except Interrupted as stop:
        print(f"vidcondense: {stop}", file=sys.stderr)
        sys.exit(130)
    except KeyboardInterrupt:
        print("vidcondense: interrupted", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()

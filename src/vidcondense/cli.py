"""The command `vidcondense`: parse, call, print. Bad input ends in one line and exit code 2."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.console import Console
from tyro.conf import Positional, UseAppendAction

from vidcondense.errors import VidcondenseError
from vidcondense.interrupt import Interrupted

# Commands import what they need when they run: help and errors appear without waiting for PyTorch.

app = tyro.extras.SubcommandApp()
Precision = Literal["auto", "float32", "bfloat16"]
Count = Annotated[int, tyro.conf.arg(metavar="N")]


@app.command
def demo(folder: Positional[Path] = Path("demo"), *, seed: int = 0) -> None:
    """The whole way on generated clips: prepare, condense, evaluate, report; minutes on 2 cores.

    Args:
        folder: Where everything goes; what is there already is used again.
        seed: Of clips, condensing and evaluation.
    """
    from vidcondense.demo import run_demo

    run_demo(folder, seed)


@app.command
def generate(
    kind: Positional[Literal["actions", "motion", "motion-hard"]],
    folder: Positional[Path],
    *,
    train_per_class: Count = 40,
    test_per_class: Count = 20,
    classes: Count | None = None,
    frames: Count = 32,
    size: Count = 96,
    seed: int = 0,
    workers: Count = 0,
) -> None:
    """Write generated clips as video files.

    Args:
        kind: actions: appearance and motion tell the class; motion: motion alone; motion-hard: any contrast.
        folder: Where to write {train,test}/<class>/*.mp4.
        train_per_class: Training clips per class.
        test_per_class: Test clips per class.
        classes: Only the first so many classes.
        frames: Frames per video.
        size: Width in pixels; the height is three quarters of it.
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
    source: Positional[Path],
    store: Positional[Path],
    *,
    frames: Count = 16,
    stride: Count = 4,
    size: Count = 112,
    layout: str = "auto",
    test_fraction: float = 0.2,
    name: str | None = None,
    workers: Count = 0,
    strict: bool = False,
) -> None:
    """Decode a video dataset once, into a store that everything else reads.

    Args:
        source: Folder of videos: one folder per class, with or without train/val/test above, or HMDB51's.
        store: Folder to create; an interrupted prepare goes on where it was.
        frames: T, frames of a clip.
        stride: Frames from one frame of a clip to the next; videos too short for it use a smaller one.
        size: Height and width in pixels.
        layout: auto looks at the folder; or folders, split-folders, hmdb51.
        test_fraction: Share of each class held out for testing where the source has no split.
        name: Of the dataset; the source folder's by default.
        workers: Decoding processes; 0 for one per core.
        strict: Make broken files an error instead of skipping them.
    """
    from vidcondense.data.prepare import prepare

    prepare(
        source,
        store,
        frames=frames,
        stride=stride,
        size=size,
        layout=layout,
        test_fraction=test_fraction,
        name=name,
        workers=workers,
        strict=strict,
    )


@app.command
def condense(
    store: Positional[Path | None] = None,
    *,
    out: Path | None = None,
    recipe: str = "prism_small",
    vpc: Count | None = None,
    dataset: str | None = None,
    split: str = "1",
    set: UseAppendAction[tuple[str, ...]] = (),
    seed: int | None = None,
    resume: Path | None = None,
    device: str = "auto",
    precision: Precision = "auto",
) -> None:
    """Condense the training videos of a store into a few synthetic clips per class.

    Args:
        store: Made by prepare.
        out: New folder for the result, its log and its checkpoint.
        recipe: Name (see `vidcondense recipes`) or a .toml file.
        vpc: Videos per class.
        dataset: Whose published hyper-parameters to use, where the recipe has them.
        split: Which of the store's splits.
        set: Override, such as --set optimiser.learning_rate=0.1; may be given several times.
        seed: Short for --set seed=N.
        resume: Go on with the interrupted run in this folder.
        device: auto, cpu, cuda or cuda:N.
        precision: Of the networks; auto takes bfloat16 where the processor has it.
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
        f"{folder / 'condensed.safetensors'}: {len(made)} videos, {len(made.key_frames)} key frames "
        f"({len(made.key_frames) / len(made):.2f} per video), {made.stored_mib:.2f} MiB"
    )


@app.command
def evaluate(
    condensed: Positional[Path],
    store: Positional[Path],
    *,
    network: str = "minic3d",
    networks: Count = 3,
    protocol: Literal["strict", "vdsd"] = "strict",
    split: str | None = None,
    seed: int = 0,
    out: Path | None = None,
    device: str = "auto",
    precision: Precision = "auto",
) -> None:
    """Train fresh networks on a condensed set and test them on the store's test videos.

    Args:
        condensed: A run folder or a condensed file.
        store: Made by prepare.
        network: Which network to train.
        networks: How many, each from other random weights.
        protocol: strict, or vdsd for comparison with the papers' figures.
        split: Which of the store's splits; that of the condensed set by default.
        seed: Of weights and order.
        out: JSON file for the result; by default in the run folder, if one was given.
        device: auto, cpu, cuda or cuda:N.
        precision: Of the networks; auto takes bfloat16 where the processor has it.
    """
    from vidcondense import files
    from vidcondense.condensed import CondensedVideos
    from vidcondense.data.store import ClipStore
    from vidcondense.evaluation import evaluate, table

    made = CondensedVideos.load(condensed_file(condensed))
    split = split or str(made.provenance.get("source", {}).get("split", "1"))
    result = evaluate(
        made,
        ClipStore.open(store, split),
        network=network,
        networks_count=networks,
        protocol=protocol,
        seed=seed,
        device=device,
        precision=precision,
    )
    if out is None and condensed.is_dir():
        out = files.make_folder(condensed / "evaluations") / f"{protocol}-{network}.json"
    if out is not None:
        files.write_json(out, result.to_dict())
    Console().print(table(result))


@app.command
def report(runs: Positional[tuple[Path, ...]], *, out: Path = Path("report.html")) -> None:
    """Write one self-contained HTML page about runs.

    Args:
        runs: Run folders, the main one first; give a random-selection run too for comparison.
        out: The page.
    """
    from vidcondense.report import write_report

    if not runs:
        raise VidcondenseError("report needs at least one run folder")
    print(write_report(list(runs), out))


@app.command
def show(file: Positional[Path]) -> None:
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
    file: Positional[Path],
    folder: Positional[Path],
    *,
    format: Literal["mp4", "frames"] = "mp4",
    fps: float = 8.0,
    scale: Count = 1,
    rendered: bool = False,
) -> None:
    """Write condensed videos as mp4 clips or PNG frames.

    Args:
        file: A condensed file or a run folder.
        folder: Where to write.
        format: mp4: one clip per video; frames: one PNG per key frame.
        fps: Frames per second of the clips.
        scale: Enlarge by a whole number.
        rendered: With frames, write the interpolated frames too.
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
    try:
        app.cli(
            prog="vidcondense", description="Condense a labelled video dataset into a few synthetic clips."
        )
    except VidcondenseError as error:
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

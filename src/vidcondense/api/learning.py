"""From videos to a condensed set, and what it is worth."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Unpack

from vidcondense.api.spoken import speaks_python

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vidcondense.condensed import CondensedVideos
    from vidcondense.data.options import PrepareFields
    from vidcondense.data.store import ClipStore
    from vidcondense.evaluation.options import EvaluationFields
    from vidcondense.evaluation.protocols import Protocol
    from vidcondense.evaluation.results import Evaluation
    from vidcondense.recipes.recipe import Recipe
    from vidcondense.toys.options import ClipFields
    from vidcondense.tracking import Track

# Functions import what they need when they are called: `import vidcondense` does not wait for PyTorch.

Precision = Literal["auto", "float32", "bfloat16"]


@speaks_python
def generate(
    kind: str,
    folder: str | Path,
    *,
    progress: bool = False,
    force: bool = False,
    **options: Unpack["ClipFields"],
) -> Path:
    """Write generated clips as video files, to try things without a dataset.

    Args:
        kind: "actions" (appearance and motion tell the class), "motion" or "motion-hard".
        folder: where to write {train,test}/<class>/*.mp4.
        progress: whether to show a bar.
        force: write anew, also over other generated clips.
        options: train_per_class, test_per_class, classes, frames, size, seed, workers.

    Returns:
        The folder.

    Raises:
        VidcondenseError: an argument is out of range, or the folder holds something else.

    Example:
        >>> generate("actions", "videos", train_per_class=20, classes=4)
    """
    from vidcondense.toys import generate as write

    return write(kind, folder, progress=progress, force=force, **options)


@speaks_python
def prepare(
    source: str | Path,
    store: str | Path,
    *,
    progress: bool = True,
    force: bool = False,
    on: str = "here",
    **options: Unpack["PrepareFields"],
) -> "ClipStore":
    """Decode a labelled video dataset once, into a store that everything else reads.

    Called again it goes on where it was stopped, or opens the finished store.

    Args:
        source: a folder with one folder of videos per class, or another layout of docs/data.md; or its
            address, such as s3://bucket/videos.
        store: the folder to write.
        progress: whether to print estimates, progress and skipped files.
        force: make the store anew.
        on: "here", or on a cluster of Ray: "ray" or "ray://HOST:PORT" (docs/scale.md).
        options: the fields of `vidcondense.data.options.PrepareOptions`: frames, stride, size, framing,
            layout, test_fraction, limits and others.

    Returns:
        The store, opened at its first split.

    Raises:
        VidcondenseError: an option out of range, no videos, or the folder holds something else.

    Example:
        >>> store = prepare("videos", "store", frames=8, stride=4, size=64)
    """
    from vidcondense.data.prepare import prepare as build

    return build(source, store, progress=progress, force=force, on=on, **options)


@speaks_python
def list_recipes() -> dict[str, str]:
    """The methods that come with the package: the name of each recipe, and what it is.

    Example:
        >>> for name, description in list_recipes().items():
        ...     print(name, description)
    """
    from vidcondense.recipes.load import available, load

    return {name: load(name).description for name in available()}


@speaks_python
def load_recipe(
    name: str,
    *,
    vpc: int | None = None,
    dataset: str | None = None,
    overrides: "Mapping[str, Any] | None" = None,
) -> "Recipe":
    """A recipe that comes with the package, or a TOML file of your own.

    Args:
        name: one of `list_recipes()`, or the path of a .toml file.
        vpc: synthetic videos per class; None keeps the recipe's.
        dataset: whose published hyper-parameters to use, where the recipe has some.
        overrides: dotted keys to values, over everything else.

    Raises:
        VidcondenseError: no such recipe or dataset, or a key or value that is not valid.

    Example:
        >>> recipe = load_recipe("prism_small", vpc=2, overrides={"optimiser.learning_rate": 0.05})
    """
    from vidcondense.recipes.load import load

    return load(name, vpc=vpc, dataset=dataset, overrides=overrides or {})


@speaks_python
def condense(
    store: "ClipStore | str | Path",
    recipe: "Recipe | str",
    out: str | Path,
    *,
    budget: int | str | None = None,
    device: str = "auto",
    precision: Precision = "auto",
    show: bool = True,
    force: bool = False,
    track: "Track" = (),
) -> "CondensedVideos":
    """Condense the training videos of a store into a few clips per class.

    Called again it goes on, or returns the finished result.

    Args:
        store: what `prepare` made, or its folder (split "1").
        recipe: what `load_recipe` gave, or a recipe's name.
        out: a folder for the result, its log and its checkpoint: a new one, or that of the same run.
        budget: most bytes of the result's file, such as 64_000 or "64KB": it holds as many videos of each
            class as fit, as coded video, whatever number the recipe names. None keeps number and storage.
        device: "auto", "cpu", "cuda" or "cuda:N".
        precision: of the networks; the synthetic set is float32 always.
        show: whether to print cost and progress.
        force: start anew; what the folder has of a run is removed.
        track: who shows the run while it lasts: "tensorboard", "trackio", "wandb", an object of a class
            derived from `vidcondense.Tracker`, or several (docs/track.md).

    Raises:
        VidcondenseError: store and recipe do not fit, the budget does not hold a video of each class, or the
            folder holds something else.
        KeyboardInterrupt: Ctrl-C; all is saved, and the same call goes on.

    Example:
        >>> condensed = condense("store", "herding", "runs/herding", budget="64KB")
        >>> clip, label = condensed[0]  # (time, 3, height, width), normalised
    """
    from vidcondense.base.units import parse_bytes
    from vidcondense.recipes.load import load
    from vidcondense.run.budget import Samples, fit
    from vidcondense.run.loop import condense as run

    real = _opened(store)
    chosen = load(recipe) if isinstance(recipe, str) else recipe
    notes: tuple[str, ...] = ()
    if budget is not None:
        coded = chosen.replace(storage="av1", budget=parse_bytes(str(budget), "--budget"))
        held = fit(Samples(real, device=device, precision=precision), coded)
        chosen, notes = held.recipe, (held.describe(),)
    return run(
        real,
        chosen,
        out,
        notes=notes,
        device=device,
        precision=precision,
        show=show,
        force=force,
        track=track,
    )


@speaks_python
def resume(
    out: str | Path,
    *,
    store: "ClipStore | None" = None,
    device: str = "auto",
    show: bool = True,
    track: "Track" = (),
) -> "CondensedVideos":
    """Go on with an interrupted run; the result has the same bytes as an uninterrupted one.

    Args:
        out: the run's folder.
        store: the real videos, if they have moved.
        device: as in `condense`.
        show: whether to print progress.
        track: as in `condense`.

    Raises:
        VidcondenseError: not a run folder, a checkpoint of another run, or another store.

    Example:
        >>> condensed = resume("runs/prism")
    """
    from vidcondense.run.loop import resume as go_on

    return go_on(out, store=store, device=device, show=show, track=track)


@speaks_python
def evaluate(
    training: "CondensedVideos | ClipStore | str | Path",
    store: "ClipStore | str | Path",
    *,
    out: str | Path | None = None,
    force: bool = False,
    protocol: "Protocol | str" = "strong",
    show: bool = True,
    track: "Track" = (),
    **options: Unpack["EvaluationFields"],
) -> "Evaluation":
    """Train fresh networks on a condensed set, or on all real clips, and test them on real ones.

    Args:
        training: a condensed set, its file or run; or a store, for all its training videos.
        store: the store whose test videos accuracy is measured on, or its folder (split "1").
        out: a JSON file for the result; networks that it has are not trained again.
        force: train all networks anew.
        protocol: "strong", "strict", "vdsd", or a Protocol with other constants.
        show: whether to print progress.
        track: as in `condense`, for each network; it needs `out`, beside which it is kept.
        options: network, networks_count, steps, flip, seed, device, precision.

    Raises:
        VidcondenseError: an option out of range, or set and store do not fit.

    Example:
        >>> mean, deviation = evaluate("runs/prism", "store").top1
    """
    from vidcondense.evaluation.shared import evaluate as judge

    subject, real = _subject(training), _opened(store)
    more: Any = {"protocol": protocol, "show": show, "track": track}
    return judge(subject, real, out=out, force=force, **more, **options)


@speaks_python
def train_experts(
    store: "ClipStore | str | Path",
    out: str | Path,
    *,
    count: int = 30,
    epochs: int = 50,
    steps: int = 0,
    batch: int = 256,
    learning_rate: float = 0.01,
    network: str = "minic3d",
    flip: float = 0.5,
    seed: int = 0,
    jobs: int = 1,
    on: str = "here",
    show: bool = True,
    force: bool = False,
) -> Path:
    """Train networks on real clips and keep their weights, to match trajectories or features with them.

    Called again it goes on; with a larger `count` or more `epochs` it adds some.

    Args:
        store: the real videos, or their folder (split "1").
        out: a folder for the weights, which recipes take as `objective.experts`.
        count: how many networks.
        epochs: of each; its weights after each are kept.
        steps: least steps of an epoch.
        batch: clips per step.
        learning_rate: of SGD without momentum.
        network: its name.
        flip: probability of mirroring a clip.
        seed: of every random number.
        jobs: experts at a time on this machine.
        on: "here", or on a cluster of Ray: "ray" or "ray://HOST:PORT" (docs/scale.md).
        show: whether to print cost and progress.
        force: start anew.

    Returns:
        The folder.

    Raises:
        VidcondenseError: a number out of range, a folder with something else in it, or too little space.

    Example:
        >>> experts = train_experts("store", "experts", count=2, epochs=12)
        >>> recipe = load_recipe("mtt_small", overrides={"objective.experts": str(experts)})
    """
    from vidcondense.experts.settings import ExpertSettings
    from vidcondense.experts.training import train

    settings = ExpertSettings(
        count=count, epochs=epochs, steps=steps, batch=batch, learning_rate=learning_rate
    )
    real = _opened(store)
    where: Any = {"jobs": jobs, "on": on, "show": show, "force": force}
    train(real, out, settings, network=network, flip=flip, seed=seed, **where)
    return Path(out)


def _opened(store: "ClipStore | str | Path") -> "ClipStore":
    from vidcondense.data.store import ClipStore

    return store if isinstance(store, ClipStore) else ClipStore.open(store)


def _subject(training: "CondensedVideos | ClipStore | str | Path") -> "CondensedVideos | ClipStore":
    from vidcondense.condensed import CondensedVideos
    from vidcondense.data.index import is_store
    from vidcondense.data.store import ClipStore

    if not isinstance(training, str | Path):
        return training
    return ClipStore.open(training) if is_store(Path(training)) else CondensedVideos.load(training)

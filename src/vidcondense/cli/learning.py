"""Commands that learn: condense, experts, evaluate."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypedDict

from tyro.conf import Positional, arg

from vidcondense.base.errors import VidcondenseError, printable
from vidcondense.base.options import (
    CountOption,
    Device,
    JobsOption,
    NameOption,
    On,
    Precision,
    ShareOption,
    Trackers,
)
from vidcondense.base.repeats import command, given, say_next
from vidcondense.base.units import duration, parse_bytes, percent, plural, size
from vidcondense.cli.arguments import Flat, Overrides, Store, condensed_file
from vidcondense.condensed.header import Storage
from vidcondense.evaluation.options import EvaluationOptions
from vidcondense.experts.settings import ExpertSettings
from vidcondense.work.engines import HERE, jobs_of, refuse_far

if TYPE_CHECKING:
    from vidcondense.condensed import CondensedVideos
    from vidcondense.data.store import ClipStore
    from vidcondense.recipes.recipe import Recipe

# Commands import what they need when they run: help and errors appear without waiting for PyTorch.


def condense(
    store: Annotated[Positional[Path | None], arg(metavar="[STORE]", help_behavior_hint="")] = None,
    *,
    out: Annotated[Path | None, arg(metavar="RUN", help_behavior_hint="(required unless --resume)")] = None,
    recipe: NameOption = "prism_small",
    vpc: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: the recipe's)")] = None,
    dataset: Annotated[
        str | None,
        arg(
            metavar="NAME",
            help_behavior_hint="(default: that of STORE by its name or classes, else the recipe's first)",
        ),
    ] = None,
    split: NameOption = "1",
    overrides: Overrides = (),
    storage: Annotated[
        Storage | None,
        arg(metavar="{float32,float16,uint8,av1}", help_behavior_hint="(default: the recipe's)"),
    ] = None,
    quality: Annotated[float | None, arg(metavar="N", help_behavior_hint="(default: the recipe's)")] = None,
    budget: Annotated[str | None, arg(metavar="BYTES", help_behavior_hint="(default: none)")] = None,
    shards: Annotated[
        int | None, arg(metavar="N", help_behavior_hint="(default: 16 with --jobs or --on, else none)")
    ] = None,
    seed: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: the recipe's)")] = None,
    resume: Annotated[Path | None, arg(metavar="RUN", help_behavior_hint="")] = None,
    force: bool = False,
    dry_run: bool = False,
    track: Trackers = (),
    jobs: JobsOption = 0,
    on: On = HERE,
    device: Device = "auto",
    precision: Precision = "auto",
) -> None:
    """Condense the training videos of a store into a few synthetic clips per class.

    Args:
        store: A store made by `vidcondense prepare`; with --resume only if it has moved.
        out: Folder for the result, its log and its checkpoint: a new one, or that of the run to go on with.
        recipe: Name of a recipe (see `vidcondense recipes`) or path of a .toml file.
        vpc: Synthetic videos per class.
        dataset: Dataset whose published hyper-parameters to use, of recipe prism: miniucf, hmdb51,
            kinetics400 or ssv2.
        split: Which of the store's splits to use.
        overrides: Override a key of the recipe, such as optimiser.learning_rate=0.1; once per key.
        storage: How the result's file holds frames: as float32; as float16, in half of its bytes; as uint8,
            in a quarter; or as AV1 video, in about a hundredth.
        quality: Quality of AV1 video, from 1, the best, to 70, the smallest, in steps of a quarter.
        budget: Most bytes of the result's file, such as 64KB: it holds as many videos as fit, unless --vpc
            says how many, as AV1 video of the best quality that fits.
        shards: Learn the classes in N parts, for several processes or machines; the result depends on N.
        seed: Seed of every random number.
        resume: Go on with the run in this folder, as the command that started it would.
        force: Start anew; the run in RUN and its evaluations are removed.
        dry_run: Only say what it will cost in storage, memory, operations and time; --out is not needed.
    """
    from vidcondense.data.store import ClipStore
    from vidcondense.recipes.load import parse_overrides
    from vidcondense.run import loop
    from vidcondense.run import shards as parts
    from vidcondense.run.budget import Samples, fit

    shared = on != HERE or jobs > 1  # several GPUs alone make no shards of a run
    where: Where = {"jobs": jobs_of(on, jobs, device), "on": on}
    if resume is not None:
        if out is not None or force or dry_run:
            raise VidcondenseError(
                "--resume RUN goes with no --out, --force or --dry-run: RUN has its recipe"
            )
        known = ClipStore.open(store, split) if store is not None else None
        if not shared and parts.known_shards(resume) is None:
            where["jobs"] = 1
        _say_result(resume, parts.resume(resume, store=known, device=device, track=track, **where))
        return
    if store is None or (out is None and not dry_run):
        raise VidcondenseError("condense needs a STORE and --out RUN (or --resume RUN)")
    changes = parse_overrides(list(overrides))
    named = {"seed": seed, "storage": storage, "quality": quality}
    if budget is not None:
        named |= {"storage": storage or "av1", "budget": parse_bytes(budget, "--budget")}
    changes |= {key: value for key, value in named.items() if value is not None}
    real = ClipStore.open(store, split)
    chosen, notes = _recipe_for(real, recipe, vpc, dataset, changes)
    options: Options = {"device": device, "precision": precision}
    if chosen.budget and vpc is None and "vpc" not in changes:
        asked = {*changes, *(("quality",) if quality is not None else ())}
        held = fit(Samples(real, **options), chosen, fixed=asked)
        chosen, notes = held.recipe, (*notes, held.describe())
    if out is None or dry_run:
        _preview(real, chosen, out, options, notes)
    elif shards is not None or shared or (parts.known_shards(out) and not force):
        more: Any = {"force": force, "notes": notes, "track": track, **options, **where}
        _say_result(out, parts.condense_in_shards(real, chosen, out, shards, **more))
    else:
        told: Any = {"notes": notes, "track": track}
        _say_result(out, loop.condense(real, chosen, out, force=force, **told, **options))


def _recipe_for(
    real: "ClipStore", name: str, vpc: int | None, dataset: str | None, overrides: Mapping[str, Any]
) -> tuple["Recipe", tuple[str, ...]]:
    """The recipe with what was published for the store's dataset, and a line for all that was not."""
    from vidcondense.recipes.datasets import recognise
    from vidcondense.recipes.load import datasets, load, remarks

    known = recognise(real.name, real.class_names)
    if dataset is None and known in datasets(name):
        dataset = known
    chosen = load(name, vpc=vpc, dataset=dataset, overrides=overrides)
    return chosen, remarks(name, vpc=vpc, dataset=dataset, overrides=overrides, store=real.name)


class Where(TypedDict):
    """What runs the units of a command, and how many at a time."""

    jobs: int
    on: str


class Options(TypedDict):
    """Where, and how precisely."""

    device: str
    precision: Literal["auto", "float32", "bfloat16"]


def _preview(
    real: "ClipStore", chosen: "Recipe", out: Path | None, options: Options, notes: Sequence[str]
) -> None:
    """Say what condensing would cost."""
    from vidcondense.base.compute import choose
    from vidcondense.cli.following import new_run
    from vidcondense.run import loop, teaching
    from vidcondense.run.budget import Samples

    spent = time.process_time()  # mostly on imports: no other work yet
    cost = loop.preview(real, chosen, spent=spent, **options)
    loop.say_notes(notes, True)
    print(cost.describe() if cost else "nothing is learned: real clips are kept as they are")
    if seconds := teaching.lessons(real, chosen, choose(**options)):
        teachers = f"{plural(len(chosen.teachers.names), 'teacher')} of {chosen.teachers.steps} steps"
        print(f"soft labels by {teachers} on all training videos, about {duration(seconds)}")
    if chosen.budget:
        print(f"file of {chosen.budget:,} bytes at most, frames as {chosen.storage}")
    else:
        bytes_ = Samples(real, **options).of(chosen).of(chosen.videos(real))
        more = "" if chosen.insertion.kind == "none" else ", more with insertions"
        print(f"file of about {size(bytes_)}, frames as {chosen.storage}{more}")
    say_next(*given("--dry-run"), *(() if out else ("--out", new_run(real.path, chosen.name))))


def _say_result(folder: Path, condensed: "CondensedVideos") -> None:
    """Say what a run has made."""
    from vidcondense.cli.following import after_run
    from vidcondense.run.folder import RunFolder

    file = RunFolder(folder).condensed
    content = f"{condensed.videos} videos, {condensed.holds}, {file.stat().st_size:,} bytes"
    print(printable(f"{file}: {content}"))
    after_run(folder)


def experts(
    store: Store,
    settings: Flat[ExpertSettings] = ExpertSettings(),  # noqa: B008
    *,
    out: Annotated[Path, arg(metavar="FOLDER")],
    network: NameOption = "minic3d",
    flip: ShareOption = 0.5,
    split: NameOption = "1",
    seed: CountOption = 0,
    force: bool = False,
    jobs: JobsOption = 0,
    on: On = HERE,
    device: Device = "auto",
    precision: Precision = "auto",
) -> None:
    """Train networks on real clips and keep their weights, to match trajectories or features with them.

    Args:
        store: A store made by `vidcondense prepare`.
        settings: How many networks, and how they are trained.
        out: Folder for the weights, which recipes take as objective.experts; more can be added later.
        network: Which network to train.
        flip: Probability of mirroring a clip; give 0 where left and right are different classes.
        split: Which of the store's splits to use.
        seed: Seed of every random number.
        force: Train anew; the experts in the folder are removed.
    """
    from vidcondense.base.compute import choose
    from vidcondense.cli.following import after_experts
    from vidcondense.data.store import ClipStore
    from vidcondense.experts.training import train

    real, compute = ClipStore.open(store, split), choose(device, precision)
    where: Where = {"jobs": jobs_of(on, jobs, device), "on": on}
    learned: Any = {"network": network, "flip": flip, "seed": seed, "compute": compute, "force": force}
    trained = train(real, out, settings, **learned, **where)
    last = [record[-1] for record in trained.records]
    loss, accuracy = (
        sum(getattr(epoch, name) for epoch in last) / len(last) for name in ("loss", "accuracy")
    )
    print(
        f"{out}: {trained.count} experts of {trained.epochs} epochs; in the last one "
        f"training loss {loss:.3f}, training accuracy {percent(accuracy)}"
    )
    after_experts(store, out, split, {"network": network, "flip": flip})


def evaluate(
    training: Annotated[Positional[Path], arg(metavar="RUN|FILE|STORE")],
    store: Annotated[
        Positional[Path | None],
        arg(metavar="[STORE]", help_behavior_hint="(default: that of RUN, or the STORE to train on)"),
    ] = None,
    options: Flat[EvaluationOptions] = EvaluationOptions(),  # noqa: B008
    *,
    protocol: Literal["strong", "strict", "vdsd"] = "strong",
    split: Annotated[
        str | None,
        arg(metavar="NAME", help_behavior_hint="(default: that of the condensed set, else 1)"),
    ] = None,
    out: Annotated[
        Path | None,
        arg(metavar="FILE", help_behavior_hint="(default: RUN/evaluations/<protocol>-<network>.json)"),
    ] = None,
    jobs: JobsOption = 0,
    on: On = HERE,
    track: Trackers = (),
    force: bool = False,
) -> None:
    """Train fresh networks on a condensed set, or on all real clips, and test them on a store's test videos.

    Args:
        training: A run folder or a condensed file; or a store, to train on all its training videos.
        store: The store to test on, with the same classes, frames and size; needed with FILE.
        options: How networks are trained and tested.
        protocol: strong; strict, without augmentation, as in earlier versions; or vdsd, the rule of the
            published code, to compare with the papers' figures.
        split: Which of the store's splits to test on, and of a store to train on.
        out: File for the result as JSON; one that is there is shown, or added to. Without it the result of a
            FILE or STORE is only printed.
        force: Train all networks anew; the file stays until the new result is whole.
    """
    from rich.console import Console

    from vidcondense.cli.following import after_run, after_store
    from vidcondense.cli.tables import evaluation_table
    from vidcondense.condensed import CondensedVideos
    from vidcondense.evaluation.network import Shared
    from vidcondense.evaluation.shared import evaluate_to
    from vidcondense.evaluation.shown import names_of
    from vidcondense.evaluation.trial import Trial
    from vidcondense.run.folder import RunFolder

    subject, real = _subject(training, store, split)
    trial = Trial.of(subject, real, options, protocol=protocol)
    if out is None and isinstance(subject, CondensedVideos) and training.is_dir():
        out = RunFolder(training).evaluation_file(protocol, trial.network, options.steps)
    at_once, count = jobs_of(on, jobs, options.device), options.count(trial.protocol)
    if out is None and (on != HERE or jobs > 1):
        raise VidcondenseError("several processes need --out FILE, beside which they leave their results")
    names_of(track, out)
    refuse_far(track, on)
    if out is None:
        result = trial.evaluate(count, True)
    else:
        path = condensed_file(training) if isinstance(subject, CondensedVideos) else training
        alone = on == HERE and at_once == 1
        shared = None if alone else Shared(path, protocol, options, on, at_once, track)
        result = evaluate_to(out, trial, count, force=force, shared=shared, track=track)
    Console().print(evaluation_table(result))
    if not isinstance(subject, CondensedVideos):
        after_store(training)
    elif training.is_dir():
        after_run(training)
    else:
        say_next("show", training)


def _subject(
    path: Path, store: Path | None, split: str | None
) -> tuple["CondensedVideos | ClipStore", "ClipStore"]:
    """What a path says to train on, and the store to test on, under the split given or that of the set."""
    from vidcondense.condensed import CondensedVideos, provenance
    from vidcondense.data.index import is_store
    from vidcondense.data.store import ClipStore
    from vidcondense.run.folder import RunFolder

    if is_store(path):
        real = ClipStore.open(path, split or "1")
        return real, ClipStore.open(store, split or "1") if store else real
    condensed, run = CondensedVideos.load(condensed_file(path)), RunFolder(path)
    split = split or provenance.split(condensed.provenance)
    if store is None and not run.description.is_file():
        raise VidcondenseError(
            f"{path} does not say where its store is; name the one to test on: "
            f"{command('evaluate', path)} STORE"
        )
    known = store or run.store(run.read(), "evaluate", path).path
    return condensed, ClipStore.open(known, split)

"""Condensing in shards: the classes shared out among processes that need not talk to each other.

A shard is a run on some of the classes, in a folder of its own, with the networks and the real clips that a
run on all of them draws. Which classes share a shard depends on their number alone, and who learns a shard
changes nothing, so that any number of processes and machines gives the same bytes.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from vidcondense.base import files
from vidcondense.base.compute import Compute, Precision, choose
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.interrupt import Interrupted
from vidcondense.base.progress import Progress
from vidcondense.base.repeats import command
from vidcondense.condensed import CondensedVideos
from vidcondense.condensed import merge as joined
from vidcondense.data.store import ClipStore
from vidcondense.evaluation.teachers import TeacherSettings
from vidcondense.recipes.recipe import Recipe
from vidcondense.run import again, shown
from vidcondense.run import folder as run_folder
from vidcondense.run import loop as condensation
from vidcondense.run.folder import RunFolder
from vidcondense.run.teaching import taught
from vidcondense.tracking import Audience
from vidcondense.work.engines import HERE, Where, check_on, engine, refuse_far
from vidcondense.work.here import gpus
from vidcondense.work.queue import do, refuse_failed
from vidcondense.work.unit import Needs, Unit

USUAL_SHARDS = 16
MODULE = "vidcondense.run.shard"


def parts(classes: int, shards: int) -> list[range]:
    """Classes of each shard: neighbours, as many in each as possible."""
    bounds = [classes * number // shards for number in range(shards + 1)]
    return [range(first, last) for first, last in pairwise(bounds)]


def condense_in_shards(
    store: ClipStore,
    recipe: Recipe,
    out: Path | str,
    shards: int | None = None,
    *,
    device: str = "auto",
    precision: Precision = "auto",
    jobs: int = 1,
    on: str = HERE,
    show: bool = True,
    force: bool = False,
    notes: Sequence[str] = (),
    track: Sequence[str] = (),
) -> CondensedVideos:
    """Learn shards until all are learned, then merge them.

    Call it again after an interruption or a crash, with any number of jobs, here or on a cluster: finished
    shards are kept, others go on from their checkpoints.

    Args:
        store: the real videos.
        recipe: method and hyper-parameters.
        out: a new folder, or that of a run with the same arguments.
        shards: how many; a few times the number of processes shares work evenly. None takes those of the run
            that is there, or 16, or one per class where there are fewer. The result's bytes depend on it.
        device: see `condense`.
        precision: see `condense`.
        jobs: shards at a time on this machine: 1 learns them one after another in this process; others are
            processes with as many threads as OMP_NUM_THREADS says, else one.
        on: "here", "ray" or "ray://HOST:PORT": see docs/scale.md.
        show: whether to print progress.
        force: start anew.
        notes: see `condense`.
        track: names as for `condense`: each shard is a run of its own, and the merged set one.

    Returns:
        The merged set.

    Raises:
        UnitsFailed: shards that failed three times; the others are learned.
        VidcondenseError: as `condense`; a recipe that couples classes; a cluster that cannot be worked with.
        Interrupted: see `condense`.
    """
    classes, run = len(store.class_names), RunFolder(Path(out))
    check_on(on, jobs)
    refuse_far(track, on)
    told = shown.audience(track, run.path)
    if shards is None:
        shards = (None if force else known_shards(out)) or min(USUAL_SHARDS, classes)
    condensation.check(store, recipe)
    _refuse(recipe, shards, classes)
    compute = choose(device, precision)
    if force:
        again.refuse_unclearable(run, recipe)
    elif run.description.exists():
        again.refuse_other(run, recipe, store, precision, shards)
        if run.finished:
            return _finished(run, show)
        if run.read()["format"] < run_folder.SPLIT_FORMAT:
            raise VidcondenseError(
                f"{run.path} was begun in shards by an earlier version, whose random numbers are others; "
                "finish it with that version, or make it anew with --force"
            )
    with files.lock_folder(files.make_folder(run.path)):
        if force:
            again.clear(run)
        if force or not run.description.exists():
            run_folder.create(run.path, recipe, store, compute, shards=shards)
        if not force:  # another command may have been quicker
            again.refuse_other(run, recipe, store, precision, shards)
            if run.finished:
                return _finished(run, show)
        files.make_folder(run.path / again.SHARDS)
        condensation.say_notes(notes, show)
        try:
            if on == HERE and jobs == 1:
                for number in range(shards):
                    learn(run, store, recipe, number, str(compute.device), precision, show, track)
            else:
                _share(run, store, shards, compute, gpus(device), jobs, on, show, track)
            return merge(run, store, recipe, shards, compute=compute, show=show, told=told)
        except Interrupted as stop:
            run.update(status="interrupted")
            raise Interrupted(
                f"stopped; all is saved, run the same command again to go on, here or elsewhere, or:\n"
                f"  {command('condense', '--resume', run.path)}"
            ) from stop


def _share(
    run: RunFolder,
    store: ClipStore,
    shards: int,
    compute: Compute,
    gpus: int,
    jobs: int,
    on: str,
    show: bool,
    track: Sequence[str],
) -> None:
    """Have an engine learn all shards, each as a process; larger ones first."""
    needs = Needs(gpus=int(compute.device.type == "cuda"))
    words = (MODULE, str(run.path.resolve()), str(store.path.resolve()), compute.device.type)

    def unit(number: int, classes: int) -> Unit:
        folder = shard_folder(run, number)
        step = partial(tuple, (*words, str(number), *track))
        return Unit(f"shard-{number + 1}", lambda: int(not folder.finished), step, needs, classes)

    sizes = [len(part) for part in parts(len(store.class_names), shards)]
    units = [unit(number, size) for number, size in enumerate(sizes)]
    where: Where = {"jobs": jobs, "gpus": gpus, "show": show}
    with engine(on, run.path, [needs], [store.path], **where) as chosen:
        refuse_failed(do(units, chosen, run.path / again.SHARDS, show=show), shards)


def resume(
    out: Path | str,
    *,
    store: ClipStore | None = None,
    device: str = "auto",
    jobs: int = 1,
    on: str = HERE,
    show: bool = True,
    track: Sequence[str] = (),
) -> CondensedVideos:
    """Go on with an interrupted run, in shards or not; see `condensation.resume` and `condense_in_shards`."""
    run = RunFolder(Path(out))
    known = run.read()
    if "shards" not in known:
        if on != HERE or jobs > 1:
            raise VidcondenseError(f"the run in {out} is one without shards, which one process learns")
        return condensation.resume(out, store=store, device=device, show=show, track=track)
    if run.finished:
        return _finished(run, show)
    store = store or run.store(known, "condense", "--resume", out)
    options: Any = {"device": device, "precision": known["precision"], "jobs": jobs, "on": on, "show": show}
    return condense_in_shards(store, run.recipe(known), out, known["shards"], track=track, **options)


def known_shards(out: Path | str) -> int | None:
    """How many shards a run has; None of a run without, and where there is none."""
    run = RunFolder(Path(out))
    return run.read().get("shards") if run.description.exists() else None


def shard_folder(run: RunFolder, number: int) -> RunFolder:
    """The run of one shard."""
    return RunFolder(run.path / again.SHARDS / f"{number:03d}")


def _refuse(recipe: Recipe, shards: int, classes: int) -> None:
    learned = "" if recipe.coreset else recipe.objective.couples_classes()
    coded = "streams hold videos of several classes (synthetic.coded_every)" if recipe.coded_every else ""
    reason = learned or coded or recipe.synthetic.couples_classes
    if reason:
        raise VidcondenseError(f"recipe {recipe.name} cannot be condensed in shards: {reason}")
    if not 1 <= shards <= classes:
        raise VidcondenseError(f"--shards must lie between 1 and the {classes} classes, not {shards}")


def learn(
    run: RunFolder,
    store: ClipStore,
    recipe: Recipe,
    number: int,
    device: str,
    precision: Precision,
    show: bool,
    track: Sequence[str] = (),
) -> None:
    """Learn one shard from where it is; frames are rounded for storage once, when shards are merged."""
    shard = shard_folder(run, number)
    if shard.finished:
        return
    shards = run.read()["shards"]
    Progress(0, enabled=show).say(f"shard {number + 1} of {shards}")
    part = store.only(parts(len(store.class_names), shards)[number])
    told = shown.audience(track, run.path, f"shard-{number + 1}")
    options: Any = {"device": device, "show": show, "track": told}
    if shard.description.exists():
        condensation.resume(shard.path, store=part, **options)
    else:
        exact = replace(recipe, storage="float32", budget=0, teachers=TeacherSettings())
        condensation.condense(part, exact, shard.path, precision=precision, **options)


def _finished(run: RunFolder, show: bool) -> CondensedVideos:
    """What was merged; whoever did so may have been killed in the very end."""
    files.remove_folder(run.path / again.SHARDS)
    return condensation.result(run, show)


def merge(
    run: RunFolder,
    store: ClipStore,
    recipe: Recipe,
    shards: int,
    *,
    compute: Compute,
    show: bool,
    told: Audience,
) -> CondensedVideos:
    """The whole set from finished shards, with the log of all of them; the shards are removed."""
    runs = [shard_folder(run, number) for number in range(shards)]
    sets = [CondensedVideos.load(shard.condensed) for shard in runs]
    condensed = replace(
        joined(sets),
        storage=recipe.storage,
        quality=recipe.quality,
        tiles=recipe.tiles,
        provenance={**sets[0].provenance, "recipe": recipe.portable(), "shards": shards},
    )
    condensed, seconds = taught(condensed, run, recipe, store, compute, show)
    firsts = [part.start * recipe.vpc for part in parts(len(store.class_names), shards)]
    lines = merged_metrics([shard.read_metrics() for shard in runs], firsts)
    files.write_bytes(run.metrics, "".join(json.dumps(line) + "\n" for line in lines).encode())
    made = condensation.finish(
        run,
        condensed,
        recipe.budget,
        seconds=seconds + sum(shard.read()["seconds"] for shard in runs),
        key_frames=sum(condensed.key_counts),
    )
    files.remove_folder(run.path / again.SHARDS)
    settings = {"recipe": recipe.to_dict(), "shards": shards}
    with told.follow(settings, show=show) as tracking:
        shown.result(tracking, recipe.all_iterations, made, run)
    return made


def merged_metrics(logs: list[list[dict[str, Any]]], firsts: list[int]) -> Iterator[dict[str, Any]]:
    """One log out of those of all shards: losses and key frames add up, videos are counted through.

    Args:
        logs: the lines of metrics.jsonl of each shard.
        firsts: the number of each shard's first video.
    """
    totals: dict[int, dict[str, Any]] = {}
    events: dict[int, list[dict[str, Any]]] = {}
    for log, first in zip(logs, firsts, strict=True):
        for row in log:
            if row["event"] in ("drop", "insertion"):
                events.setdefault(row["iteration"], []).append({**row, "video": row["video"] + first})
                continue
            total = totals.setdefault(row["iteration"], {**row, "loss": 0.0, "key_frames": 0})
            total["loss"] += row["loss"]
            total["key_frames"] += row["key_frames"]
    for iteration in sorted(totals):
        yield from sorted(events.get(iteration, []), key=lambda row: str(row["event"]))  # drops come first
        yield totals[iteration]

"""Condensing in shards: the classes shared out among processes that need not talk to each other.

A shard is a run on some of the classes, in a folder of its own, with the networks and the real clips that a
run on all of them draws. Which classes share a shard depends on their number alone, and which process learns
a shard changes nothing, so that any number of processes gives the same bytes. They meet in the run's folder
only, on one machine or on a file system that several share: shards are a queue.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from vidcondense.base import files
from vidcondense.base.compute import Compute, Precision, choose
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.interrupt import Interrupted
from vidcondense.base.progress import Progress
from vidcondense.base.queue import Queue, remove_folder, work
from vidcondense.base.ranks import Ranks, local_device, refuse_force
from vidcondense.base.repeats import command
from vidcondense.condensed import CondensedVideos
from vidcondense.condensed import merge as joined
from vidcondense.data.store import ClipStore
from vidcondense.evaluation.teachers import TeacherSettings
from vidcondense.recipes.recipe import Recipe
from vidcondense.run import again
from vidcondense.run import folder as run_folder
from vidcondense.run import loop as condensation
from vidcondense.run.folder import RunFolder
from vidcondense.run.teaching import taught

USUAL_SHARDS = 16
START_SECONDS = 120.0
"""How long a process waits for another one to begin or to merge."""


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
    show: bool = True,
    force: bool = False,
    notes: Sequence[str] = (),
) -> CondensedVideos | None:
    """Learn shards until all are learned, here or in other processes; then merge them.

    Call it in any number of processes with the same arguments, under torchrun or not, and again after an
    interruption or a crash: finished shards are kept, others go on from their checkpoints.

    Args:
        store: the real videos.
        recipe: method and hyper-parameters.
        out: a new folder, or that of a run with the same arguments.
        shards: how many; a few times the number of processes shares work evenly. None takes those of the run
            that is there, or 16, or one per class where there are fewer. The result's bytes depend on it.
        device: see `condense`.
        precision: see `condense`.
        show: whether to print progress, in the first process.
        force: start anew, in one process; others may be started once it is under way, without it.
        notes: see `condense`.

    Returns:
        The merged set; None in all processes of torchrun but the first.

    Raises:
        VidcondenseError: as `condense`; a recipe that couples classes; more processes than shards.
        Interrupted: see `condense`.
    """
    ranks, classes, run = Ranks.here(), len(store.class_names), RunFolder(Path(out))
    if shards is None:
        shards = (None if force else known_shards(out)) or min(USUAL_SHARDS, classes)
    condensation.check(store, recipe)
    _refuse(recipe, shards, classes, ranks)
    compute, speak = choose(local_device(device), precision), show and ranks.first
    if force:
        refuse_force(out)
        again.refuse_unclearable(run, recipe)
    elif run.description.exists():
        again.refuse_other(run, recipe, store, precision, shards)
        if run.finished:
            return _finished(run, speak)
        if run.read()["format"] < run_folder.SPLIT_FORMAT:
            raise VidcondenseError(
                f"{run.path} was begun in shards by an earlier version, whose random numbers are others; "
                "finish it with that version, or make it anew with --force"
            )
    _begin(run, store, recipe, compute, shards, force)
    if not force:  # another process may have been quicker
        again.refuse_other(run, recipe, store, precision, shards)
    condensation.say_notes(notes, speak)

    def learn(number: int) -> None:
        Progress(0, enabled=speak).say(f"shard {number + 1} of {shards}")
        part = store.only(parts(classes, shards)[number])
        _learn(shard_folder(run, number), part, recipe, str(compute.device), precision, speak)

    queue = Queue(
        run.path / again.SHARDS,
        range(shards),
        name=lambda number: f"shard-{number + 1}",
        is_done=lambda number: shard_folder(run, number).finished,
        is_gathered=lambda: run.finished,
    )
    try:
        work(queue, learn, show=speak)
        if not ranks.first:
            return None
        with files.lock_folder(run.path, START_SECONDS):
            if run.finished:
                return _finished(run, False)
            return merge(run, store, recipe, shards, compute=compute, show=speak)
    except Interrupted as stop:
        _note_interruption(run)
        raise Interrupted(
            f"stopped; all is saved, run the same command again to go on, with any number of processes, or:\n"
            f"  {command('condense', '--resume', run.path)}"
        ) from stop


def resume(
    out: Path | str, *, store: ClipStore | None = None, device: str = "auto", show: bool = True
) -> CondensedVideos | None:
    """Go on with an interrupted run, in shards or not; see `condensation.resume` and `condense_in_shards`."""
    run = RunFolder(Path(out))
    known = run.read()
    if "shards" not in known:
        return condensation.resume(out, store=store, device=device, show=show)
    if run.finished:
        return _finished(run, show and Ranks.here().first)
    store = store or run.store(known, "condense", "--resume", out)
    return condense_in_shards(
        store, run.recipe(known), out, known["shards"], device=device, precision=known["precision"], show=show
    )


def known_shards(out: Path | str) -> int | None:
    """How many shards a run has; None of a run without, and where there is none."""
    run = RunFolder(Path(out))
    return run.read().get("shards") if run.description.exists() else None


def shard_folder(run: RunFolder, number: int) -> RunFolder:
    """The run of one shard."""
    return RunFolder(run.path / again.SHARDS / f"{number:03d}")


def _refuse(recipe: Recipe, shards: int, classes: int, ranks: Ranks) -> None:
    learned = "" if recipe.coreset else recipe.objective.couples_classes()
    reason = learned or recipe.synthetic.couples_classes
    if reason:
        raise VidcondenseError(f"recipe {recipe.name} cannot be condensed in shards: {reason}")
    if not 1 <= shards <= classes:
        raise VidcondenseError(f"--shards must lie between 1 and the {classes} classes, not {shards}")
    if ranks.count > shards:
        raise VidcondenseError(
            f"{ranks.count} processes for {shards} shards; start fewer, or choose --shards {ranks.count} or "
            "more"
        )


def _begin(
    run: RunFolder, store: ClipStore, recipe: Recipe, compute: Compute, shards: int, anew: bool
) -> None:
    """Make the run and the folder of its shards, unless it is there and not to be made anew."""
    with files.lock_folder(files.make_folder(run.path), START_SECONDS):
        if anew:
            again.clear(run)
        if anew or not run.description.exists():
            run_folder.create(run.path, recipe, store, compute, shards=shards)
        if not run.finished:
            files.make_folder(run.path / again.SHARDS)


def _learn(
    shard: RunFolder, store: ClipStore, recipe: Recipe, device: str, precision: Precision, show: bool
) -> None:
    """One shard from where it is; frames are rounded for storage once, when shards are merged."""
    if shard.description.exists():
        condensation.resume(shard.path, store=store, device=device, show=show)
    else:
        exact = replace(recipe, storage="float32", budget=0, teachers=TeacherSettings())
        condensation.condense(store, exact, shard.path, device=device, precision=precision, show=show)


def _finished(run: RunFolder, show: bool) -> CondensedVideos | None:
    """What was merged, in the first process; whoever did so may have been killed in the very end."""
    remove_folder(run.path / again.SHARDS)
    return condensation.result(run, show) if Ranks.here().first else None


def _note_interruption(run: RunFolder) -> None:
    """Say in run.json that the run was stopped, unless another process is merging it or has done so."""
    lock = files.try_lock(run.path / files.LOCK)
    if lock is not None:
        if not run.finished:
            run.update(status="interrupted")
        files.unlock(lock)


def merge(
    run: RunFolder, store: ClipStore, recipe: Recipe, shards: int, *, compute: Compute, show: bool
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
    remove_folder(run.path / again.SHARDS)
    return made


def merged_metrics(logs: list[list[dict[str, Any]]], firsts: list[int]) -> Iterator[dict[str, Any]]:
    """One log out of those of all shards: losses and key frames add up, videos are counted through.

    Args:
        logs: the lines of metrics.jsonl of each shard.
        firsts: the number of each shard's first video.
    """
    totals: dict[int, dict[str, Any]] = {}
    inserted: dict[int, list[dict[str, Any]]] = {}
    for log, first in zip(logs, firsts, strict=True):
        for row in log:
            if row["event"] == "insertion":
                inserted.setdefault(row["iteration"], []).append({**row, "video": row["video"] + first})
                continue
            total = totals.setdefault(row["iteration"], {**row, "loss": 0.0, "key_frames": 0})
            total["loss"] += row["loss"]
            total["key_frames"] += row["key_frames"]
    for iteration in sorted(totals):
        yield from inserted.get(iteration, [])
        yield totals[iteration]

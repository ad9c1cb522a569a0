"""The condensation loop."""

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from vidcondense import networks
from vidcondense.base import files
from vidcondense.base.compute import Compute, Precision, choose
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.interrupt import Interrupted, Interrupts, catch_interrupts
from vidcondense.base.progress import Progress
from vidcondense.base.repeats import command
from vidcondense.condensed import CondensedVideos
from vidcondense.condensed.enlargement import SMALLEST
from vidcondense.condensed.filling import filled
from vidcondense.condensed.storage import MOST_VALUES
from vidcondense.data.store import ClipStore
from vidcondense.networks.measure import measure
from vidcondense.recipes.recipe import Recipe
from vidcondense.run import again, shown
from vidcondense.run import folder as run_folder
from vidcondense.run.artifact import artifact
from vidcondense.run.checkpoint import Checkpoint
from vidcondense.run.cost import Cost
from vidcondense.run.folder import RunFolder
from vidcondense.run.state import NotFinite, State
from vidcondense.run.teaching import taught
from vidcondense.tracking import Audience, Track, Tracking

CHECKPOINT_SECONDS = 120.0
PREVIEW_SECONDS = 3.0
WEIGHT_COPIES = 2  # as drawn, and in the compute dtype
LARGE = 100_000_000  # weights of a network whose memory is stated before it is built, not only with the rest


def condense(
    store: ClipStore,
    recipe: Recipe,
    out: Path | str,
    *,
    device: str = "auto",
    precision: Precision = "auto",
    show: bool = True,
    force: bool = False,
    notes: Sequence[str] = (),
    track: Track | Audience = (),
) -> CondensedVideos:
    """Condense the training videos of a store; called again it goes on, or returns the finished result.

    Args:
        store: the real videos.
        recipe: method and hyper-parameters.
        out: a folder for the result, the log and the checkpoint: a new one, or that of a run with the same
            arguments.
        device: "auto", "cpu", "cuda" or "cuda:N".
        precision: of the networks' forward and backward passes; the synthetic set is float32 always. A run
            that is gone on with keeps its own.
        show: whether to print cost and progress.
        force: start anew; what the folder has of a run is removed when the first iteration can begin.
        notes: lines about the recipe, printed with the rest when a new run begins.
        track: who shows the run while it lasts, see `tracking.chosen`.

    Raises:
        VidcondenseError: store and recipe do not fit, the folder holds something else, a run with other
            arguments, or cannot be written, or the loss is not finite.
        Interrupted: Ctrl-C or SIGTERM; the state is saved, the same call or `resume` goes on.
    """
    compute, run = choose(device, precision), RunFolder(Path(out))
    told = shown.audience(track, run.path)
    check(store, recipe)
    experts = getattr(recipe.objective, "experts", "")
    if experts:  # whoever goes on with the run may do so from another folder
        recipe = recipe.with_experts(str(Path(experts).resolve()))
    if force:
        again.refuse_unclearable(run, recipe)
    elif run.description.exists():
        again.refuse_other(run, recipe, store, precision, None)
        return resume(out, store=store, device=device, show=show, track=told)
    else:
        files.refuse_filled(run.path)
    _say_memory(store, recipe, compute, show)
    _say_small_classes(store, recipe, show)
    state = State.start(store, recipe, compute, show)
    differs = state.compute.precision != compute.precision
    chosen: dict[str, Any] = {"chosen_precision": compute.precision} if differs else {}
    with files.lock_folder(files.make_folder(run.path)):
        if force:
            again.clear(run)
        elif run.description.exists():
            raise VidcondenseError(f"{files.BUSY} {out}, and has made a run there; give the command again")
        run_folder.create(run.path, recipe, store, state.compute, **chosen)
        say_notes(notes, show)
        return _run(run, state, show, told)


def say_notes(notes: Sequence[str], show: bool) -> None:
    """Print lines about the recipe of a run that begins."""
    for line in notes:
        Progress(0, enabled=show).say(line)


def _say_small_classes(store: ClipStore, recipe: Recipe, show: bool) -> None:
    """State that a coreset takes fewer videos of some classes than it is told to."""
    if recipe.coreset and recipe.coreset.takes_fewer:
        sizes = [len(videos) for videos in store.by_class("train")]
        few = sum(size < recipe.vpc for size in sizes)
        if few:
            line = f"{few} of {len(sizes)} classes have fewer than {recipe.vpc} training videos: all are kept"
            Progress(0, enabled=show).say(line)


def _say_memory(store: ClipStore, recipe: Recipe, compute: Compute, show: bool) -> None:
    """State the memory of a large network before it is built; one that cannot be had is refused."""
    if not recipe.unread("network"):
        outline = networks.outline(recipe.network, *store.shape)
        line = networks.weights_memory(recipe.network, outline, WEIGHT_COPIES, compute)
        Progress(0, enabled=show and outline.weights >= LARGE).say(line)


def preview(
    store: ClipStore,
    recipe: Recipe,
    *,
    device: str = "auto",
    precision: Precision = "auto",
    spent: float = 0.0,
) -> Cost | None:
    """What condensing would cost, from iterations run here; nothing is written.

    Args beside those of `condense`:
        spent: seconds that the command took before; they count as part of its start.

    Returns:
        None where nothing is learned: real clips are kept as they are.

    Raises:
        VidcondenseError: as `condense`; or the recipe trains experts first and names none.
    """
    check(store, recipe)
    if not recipe.unread("experts") and not getattr(recipe.objective, "experts", ""):
        raise VidcondenseError(
            f"recipe {recipe.name} trains experts first: train them with vidcondense experts, which states "
            "its own cost, and name them with --set objective.experts=FOLDER"
        )
    state = State.start(store, recipe, choose(device, precision))
    state.objective.prepare(Path(), False)
    if not recipe.all_iterations:
        return None
    cost = _cost(state, state.iterate, least_seconds=PREVIEW_SECONDS)
    start = spent + state.seconds + 2 * cost.iteration.seconds  # `condense` measures an iteration too
    return replace(cost, start=start, iterations=recipe.all_iterations)


def resume(
    out: Path | str,
    *,
    store: ClipStore | None = None,
    device: str = "auto",
    show: bool = True,
    track: Track | Audience = (),
) -> CondensedVideos:
    """Go on with an interrupted run; the result has the same bytes as an uninterrupted one.

    Of a finished run the result is returned.

    Args:
        out: the run's folder.
        store: where the real videos are, if the store has moved.
        device: see `condense`.
        show: whether to print progress.
        track: see `condense`.

    Raises:
        VidcondenseError: not a run folder, a checkpoint of another run, or another store.
    """
    run = RunFolder(Path(out))
    told = shown.audience(track, run.path)
    run.read()  # a folder without a run is left as it is
    if run.finished:
        return result(run, show)
    with files.lock_folder(run.path):
        return _resume(run, store, device, show, told)


def _resume(
    run: RunFolder, store: ClipStore | None, device: str, show: bool, told: Audience
) -> CondensedVideos:
    out, known = run.path, run.read()
    if run.finished:  # another process was quicker
        return result(run, show)
    store = store or run.store(known, "condense", "--resume", out)
    if store.fingerprint != known["store"]["fingerprint"] or store.split != known["store"]["split"]:
        raise VidcondenseError(
            f"{store.path} is not the store (or split) that the run in {out} was started with"
            f"{run_folder.other_classes(known, store)}"
        )
    recipe = run.recipe(known)
    if recipe.extension_files() != known.get("extensions", {}):
        raise VidcondenseError(
            f"a file that the recipe of the run in {out} names has changed since its start; restore it, or "
            f"start anew: vidcondense condense STORE --out {out} --force"
        )
    compute = choose(device, known["precision"])
    earlier = recipe.seed if known["format"] < run_folder.SPLIT_FORMAT else None
    state = State.start(store, recipe, compute, show, earlier)
    if not run.checkpoint.exists():
        run.cut_metrics(0)
    elif not run.checkpoint.is_file():
        raise VidcondenseError(f"{run.checkpoint} is not a file; remove it")
    else:
        checkpoint = Checkpoint.load(run.checkpoint)
        try:
            if checkpoint.run not in ("", run_folder.identity(known)):
                raise KeyError("another run's")
            state.restore(checkpoint)
        except (KeyError, RuntimeError) as error:
            raise VidcondenseError(
                f"{run.checkpoint} is not a checkpoint of this run ({error}); start the run again"
            ) from error
        run.cut_metrics(checkpoint.metrics_bytes)
    return _run(run, state, show, told)


def result(run: RunFolder, show: bool) -> CondensedVideos:
    """The result of a finished run; whoever made it may have been killed in the very end."""
    run.checkpoint.unlink(missing_ok=True)
    shutil.rmtree(run.teachers, ignore_errors=True)
    Progress(0, enabled=show).say(f"{run.path} is finished already: nothing to do")
    return CondensedVideos.load(run.condensed)


def check(store: ClipStore, recipe: Recipe) -> None:
    """Refuse a recipe that does not fit a store, before anything is written."""
    side = recipe.synthetic.size
    if side and not SMALLEST <= side < store.size:
        raise VidcondenseError(
            f"synthetic.size is {side}, but frames of {store.size} pixels can be stored with {SMALLEST} to "
            f"{store.size - 1}; leave it 0 to store them as they are"
        )
    values = recipe.videos(store) * store.frames * 3 * (side or store.size) ** 2
    if recipe.storage == "av1" and values > MOST_VALUES:
        raise VidcondenseError(
            f"coded video holds {MOST_VALUES:,} values at most, and this recipe may store {values:,}; choose "
            "fewer videos per class, a smaller synthetic.size, or storage float16"
        )
    if recipe.frames not in (0, store.frames):
        raise VidcondenseError(
            f"store {store.path} has clips of {store.frames} frames, the recipe wants {recipe.frames}; "
            f"prepare another store with --frames {recipe.frames}, or pass --set frames={store.frames}"
        )
    if not recipe.unread("network"):
        networks.outline(recipe.network, *store.shape)


def _run(run: RunFolder, state: State, show: bool, told: Audience) -> CondensedVideos:
    run.update(status="running")
    with shown.tracking(told, state, show) as tracking:
        try:
            _learn(run, state, show, tracking)
            condensed = _taught(run, state, show)
        except Interrupted:
            run.update(status="interrupted")
            raise
        except NotFinite:
            run.update(status="failed")
            raise
        keys, seconds = state.synthetic.key_frames, state.seconds
        made = finish(run, condensed, state.recipe.budget, seconds=seconds, key_frames=keys)
        shown.result(tracking, state.iteration, made, run)
    return made


def _learn(run: RunFolder, state: State, show: bool, tracking: Tracking) -> None:
    total = state.recipe.all_iterations
    state.objective.prepare(run.path, show)
    with Progress(total, state.iteration, enabled=show) as progress, catch_interrupts() as interrupts:
        try:
            if show and state.iteration < total:
                with interrupts.at_once():
                    progress.say(_cost(state, state.match).describe())
            saved = time.monotonic()
            while state.iteration < total:
                if shown.is_due(state):
                    tracking.clips(state.iteration, lambda: shown.picture(artifact(state)))
                row = _iterate(run, state, interrupts)
                tracking.metrics(row["iteration"], {name: row[name] for name in ("loss", "key_frames")})
                progress.advance(loss=row["loss"], key_frames=row["key_frames"])
                if time.monotonic() - saved > CHECKPOINT_SECONDS:
                    _save(run, state)
                    saved = time.monotonic()
            if interrupts():
                raise Interrupted
        except Interrupted as stop:
            _save(run, state)
            raise Interrupted(
                f"stopped after iteration {state.iteration} of {total}; all is saved, go on with:\n"
                f"  {command('condense', '--resume', run.path)}"
            ) from stop


def _iterate(run: RunFolder, state: State, interrupts: Interrupts) -> dict[str, Any]:
    """One iteration and its lines in the log; a signal cuts matching short, which changes nothing."""
    number, stage, began = state.iteration, state.stage.name, time.perf_counter()
    loss, events = state.iterate(interrupts.at_once)
    state.seconds += time.perf_counter() - began
    row = {"event": "iteration", "iteration": number, "loss": loss, "key_frames": state.synthetic.key_frames}
    row |= {"stage": stage} if stage else {}
    run.append_metrics([*(event.to_dict() for event in events), row])
    return row


def _save(run: RunFolder, state: State) -> None:
    files.flush(run.metrics)
    identity = run_folder.identity(run.read())
    replace(state.checkpoint(run.metrics.stat().st_size), run=identity).save(run.checkpoint)


def _cost(state: State, run: Callable[[], object], *, least_seconds: float = 0.0) -> Cost:
    """What is left of a run will cost; `run` does an iteration, or the matching in it."""
    iteration = measure(run, state.objective.context.store, least_seconds)
    beside = sum(value.numel() for value in state.objective.parameters.values())
    to_come = [value.nbytes for value in state.optimiser.parameters.values() if value.grad is None]
    moments = 1 if state.recipe.optimiser.kind == "sgd" else 2
    return Cost(
        iteration=iteration,
        iterations=state.recipe.all_iterations - state.iteration,
        start=0.0,
        result=(state.synthetic.stored_values + beside) * 4,
        most=(state.insertion.most_values(state.synthetic) + beside) * 4,
        memory=state.compute.peak_memory() + (1 + moments) * sum(to_come),
        store=state.store.bytes,
        compute=state.compute,
    )


def _taught(run: RunFolder, state: State, show: bool) -> CondensedVideos:
    """The artifact, with soft labels where the recipe has teachers."""
    if state.recipe.teachers.count:  # they may be interrupted
        _save(run, state)
    condensed, seconds = taught(artifact(state), run, state.recipe, state.store, state.compute, show)
    state.seconds += seconds
    return condensed


def finish(
    run: RunFolder, condensed: CondensedVideos, budget: int, *, seconds: float, key_frames: int
) -> CondensedVideos:
    """Write the result of a run, of the quality that fills its budget, and remove what it was made from."""
    if budget:
        condensed = filled(condensed, budget)
    size = condensed.save(run.condensed)
    made = CondensedVideos.load(run.condensed)  # a run is finished when its result can be read
    run.update(status="finished", seconds=round(seconds, 3), key_frames=key_frames, file_bytes=size)
    run.checkpoint.unlink(missing_ok=True)
    shutil.rmtree(run.teachers, ignore_errors=True)
    return made

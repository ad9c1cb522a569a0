"""The condensation loop."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vidcondense import files, networks, objectives, run_folder, synthetic
from vidcondense.checkpoint import Checkpoint
from vidcondense.compute import Compute, Precision, choose, generator
from vidcondense.condensed import CondensedVideos
from vidcondense.cost import Cost, measure
from vidcondense.data.batches import IMAGENET_MEAN, IMAGENET_STD
from vidcondense.data.resident import resident
from vidcondense.data.store import ClipStore
from vidcondense.errors import VidcondenseError
from vidcondense.features import Features
from vidcondense.hallucinator import CHOICES
from vidcondense.insertion import Insertion, InsertionEvent
from vidcondense.interrupt import Interrupted, Interrupts, catch_interrupts
from vidcondense.networks.base import VideoNetwork
from vidcondense.objectives import Objective
from vidcondense.optimisation import Optimiser, low_pass, rate_key
from vidcondense.progress import Progress
from vidcondense.recipe import Recipe, Stage
from vidcondense.run_folder import RunFolder, versions
from vidcondense.synthetic import Synthetic

CHECKPOINT_SECONDS = 120.0
PREVIEW_SECONDS = 3.0
WEIGHT_COPIES = 2  # as drawn, and in the compute dtype
FLOAT16_MOST = torch.finfo(torch.float16).max
LARGE = 100_000_000  # weights of a network whose memory is stated before it is built, not only with the rest

OWNERS = ("synthetic", "objective", "insertion", "optimiser")
"""Attributes of `State` that a checkpoint holds."""


def condense(
    store: ClipStore,
    recipe: Recipe,
    out: Path | str,
    *,
    device: str = "auto",
    precision: Precision = "auto",
    show: bool = True,
) -> CondensedVideos:
    """Condense the training videos of a store.

    Args:
        store: the real videos.
        recipe: method and hyper-parameters.
        out: a new folder for the result, the log and the checkpoint.
        device: "auto", "cpu", "cuda" or "cuda:N".
        precision: of the networks' forward and backward passes; the synthetic set is float32 always.
        show: whether to print cost and progress.

    Raises:
        VidcondenseError: store and recipe do not fit, the folder is taken or cannot be written, or the loss
            is not finite.
        Interrupted: Ctrl-C or SIGTERM; the state is saved, `resume` goes on.
    """
    compute = choose(device, precision)
    check(store, recipe)
    run_folder.refuse_taken(Path(out))
    if recipe.objective.experts:  # whoever resumes the run may do so from another folder
        recipe = recipe.with_experts(str(Path(recipe.objective.experts).resolve()))
    outline = _outline(store, recipe)
    line = networks.weights_memory(recipe.network, outline, WEIGHT_COPIES, compute)
    Progress(0, enabled=show and outline.weights >= LARGE).say(line)
    state = State.start(store, recipe, compute, show)
    with files.alone(files.make_folder(Path(out))):
        return _run(run_folder.create(Path(out), recipe, store, state.compute), state, show)


def preview(
    store: ClipStore,
    recipe: Recipe,
    *,
    device: str = "auto",
    precision: Precision = "auto",
    spent: float = 0.0,
) -> Cost | None:
    """What condensing would cost, from iterations run here; nothing is written.

    Args:
        store: see `condense`.
        recipe: see `condense`.
        device: see `condense`.
        precision: see `condense`.
        spent: seconds that the command took before; they count as part of its start.

    Returns:
        None where nothing is learned: real clips are kept as they are.

    Raises:
        VidcondenseError: as `condense`; or the recipe trains experts first and names none.
    """
    check(store, recipe)
    if objectives.kind(recipe).needs_experts and not recipe.objective.experts:
        raise VidcondenseError(
            f"recipe {recipe.name} trains experts first: train them with vidcondense experts, which states "
            "its own cost, and name them with --set objective.experts=FOLDER"
        )
    state = State.start(store, recipe, choose(device, precision))
    state.objective.prepare(Path(), False)
    if not recipe.all_iterations:
        return None
    cost = _cost(state, state.step, least_seconds=PREVIEW_SECONDS)
    start = spent + state.seconds + 2 * cost.iteration.seconds  # `condense` measures an iteration too
    return replace(cost, start=start, iterations=recipe.all_iterations)


def resume(
    out: Path | str, *, store: ClipStore | None = None, device: str = "auto", show: bool = True
) -> CondensedVideos:
    """Go on with an interrupted run; the result has the same bytes as an uninterrupted one.

    Args:
        out: the run's folder.
        store: where the real videos are, if the store has moved.
        device: see `condense`.
        show: whether to print progress.

    Raises:
        VidcondenseError: not a run folder, finished already, no checkpoint, or another store.
    """
    with files.alone(RunFolder(Path(out)).existing()):
        return _resume(RunFolder(Path(out)), store, device, show)


def _resume(run: RunFolder, store: ClipStore | None, device: str, show: bool) -> CondensedVideos:
    out, known = run.path, run.read()
    if known["status"] == "finished":
        files.unlink_quietly(run.checkpoint)  # the run may have been killed before it did so
        raise VidcondenseError(f"the run in {out} is finished; its result is {run.condensed}")
    store = store or ClipStore.open(Path(known["store"]["path"]), split=known["store"]["split"])
    if store.fingerprint != known["store"]["fingerprint"] or store.split != known["store"]["split"]:
        raise VidcondenseError(
            f"{store.path} is not the store (or split) that the run in {out} was started with"
        )
    if run.recipe().extensions() != known.get("extensions", {}):
        raise VidcondenseError(
            f"a file that the recipe of the run in {out} names has changed since its start"
        )
    compute = choose(device, known["precision"])
    state = State.start(store, run.recipe(), compute, show)
    if run.checkpoint.is_file():
        checkpoint = Checkpoint.load(run.checkpoint)
        try:
            state.restore(checkpoint)
        except (KeyError, RuntimeError) as error:
            raise VidcondenseError(
                f"{run.checkpoint} is not a checkpoint of this run; start the run again"
            ) from error
        run.cut_metrics(checkpoint.metrics_bytes)
    else:
        run.cut_metrics(0)
    return _run(run, state, show)


def check(store: ClipStore, recipe: Recipe) -> None:
    """Refuse a recipe that does not fit a store, before anything is written."""
    if recipe.frames not in (0, store.frames):
        raise VidcondenseError(
            f"store {store.path} has clips of {store.frames} frames, the recipe wants {recipe.frames}; "
            f"prepare another store with --frames {recipe.frames}, or pass --set frames={store.frames}"
        )
    _outline(store, recipe)


def _outline(store: ClipStore, recipe: Recipe) -> VideoNetwork:
    return networks.outline(recipe.network, len(store.class_names), store.frames, store.size)


@dataclass
class State:
    """Everything that changes from one iteration to the next, and what it is made from."""

    store: ClipStore
    recipe: Recipe
    compute: Compute
    synthetic: Synthetic
    objective: Objective
    insertion: Insertion
    optimiser: Optimiser
    stage: Stage
    iteration: int = 0
    seconds: float = 0.0
    features: Mapping[str, Any] = field(default_factory=dict)  # of the network that a coreset was selected by

    @staticmethod
    def start(store: ClipStore, recipe: Recipe, compute: Compute, show: bool = False) -> "State":
        """The state before the first iteration."""
        began = time.perf_counter()
        store = resident(store, compute)
        features = Features(store, recipe, compute, show)
        made = synthetic.build(recipe, store, compute, features)
        insertion = Insertion(recipe.insertion, recipe.iterations, recipe.seed)
        insertion.check(made)
        stage = recipe.stages[0]
        objective, optimiser = _begin(stage, made, store, recipe, compute)
        return State(
            store,
            recipe,
            objective.compute,
            made,
            objective,
            insertion,
            optimiser,
            stage,
            seconds=time.perf_counter() - began,
            features=features.record,
        )

    def enter(self, iteration: int) -> None:
        """Go to an iteration; where another stage begins, with its own objective and optimiser."""
        self.iteration = iteration
        stage = [stage for stage in self.recipe.stages if stage.first <= iteration][-1]
        if stage != self.stage:
            self.stage = stage
            made = (stage, self.synthetic, self.store, self.recipe, self.compute)
            self.objective, self.optimiser = _begin(*made)

    def match(self) -> tuple[float, Tensor]:
        """The objective's loss in this iteration, and its gradient with respect to the rendered clips."""
        self.synthetic.draw(generator(self.recipe.seed, "draw", self.iteration))
        return self.objective.match(self.iteration, self.synthetic.render(), self.synthetic.labels)

    def step(self) -> tuple[float, list[InsertionEvent]]:
        """One iteration: match, then update."""
        loss, gradient = self.match()
        return loss, self.update(loss, gradient)

    def update(self, loss: float, gradient: Tensor) -> list[InsertionEvent]:
        """The rest of an iteration after `match`: insert where gradients disagree, update what is learned."""
        key = "static_learning_rate" if self.stage.name == "static" else "learning_rate"
        if not math.isfinite(loss):
            raise self._not_finite(f"the loss is {loss}", key)
        if not bool(gradient.isfinite().all()):
            raise self._not_finite("the gradient is not finite", key)
        events = self.insertion.step(self.iteration, self.synthetic, gradient)
        self.synthetic.pull_back(low_pass(gradient, self.recipe.optimiser.low_pass))
        self.optimiser.step(self.iteration - self.stage.first)
        for name, value in self.optimiser.parameters.items():
            if not bool(value.isfinite().all()):
                raise self._not_finite(f"{name} of the synthetic set are not finite", rate_key(name))
            if self.recipe.storage == "float16" and bool((value.abs() > FLOAT16_MOST).any()):
                what = f"{name} of the synthetic set are beyond the range of float16 ({FLOAT16_MOST:.0f})"
                raise self._not_finite(what, rate_key(name))
        self.objective.advance(self.iteration, self.synthetic.render, self.synthetic.labels)
        self.enter(self.iteration + 1)
        return events

    def _not_finite(self, what: str, key: str) -> "NotFinite":
        rate = getattr(self.recipe.optimiser, key)
        return NotFinite(
            f"{what} at iteration {self.iteration}: most likely the step size {rate:g} is too large; "
            f"try a tenth of it with --set optimiser.{key}={rate / 10:g}"
        )

    def checkpoint(self, metrics_bytes: int) -> Checkpoint:
        """What `restore` needs."""
        owners = {name: getattr(self, name).state() for name in OWNERS}
        return Checkpoint(self.iteration, self.seconds, metrics_bytes, owners)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go back to the point where the checkpoint was made.

        Raises:
            KeyError, RuntimeError: the checkpoint is not of this run.
        """
        if checkpoint.iteration > self.recipe.all_iterations:
            raise KeyError("an iteration after the last one")
        self.enter(checkpoint.iteration)
        self.seconds = checkpoint.seconds
        for name in OWNERS:
            owner, state = getattr(self, name), checkpoint.tensors.get(name, {})
            for key, value in owner.state().items():
                if key in state and state[key].shape != value.shape:  # copying would repeat a smaller one
                    raise KeyError(f"{name}.{key} of shape {tuple(state[key].shape)}")
            owner.restore(state)


def _begin(
    stage: Stage, made: Synthetic, store: ClipStore, recipe: Recipe, compute: Compute
) -> tuple[Objective, Optimiser]:
    """Objective and optimiser of a stage; in the static one every image is a video, and real clips stand."""
    made.enter(stage.name)
    if stage.name == "static":
        recipe, store = replace(recipe, vpc=recipe.vpc * CHOICES), store.stills()
    objective = objectives.build(recipe, store, compute)
    parameters = {**made.parameters, **objective.parameters}
    return objective, Optimiser(recipe.optimiser, parameters, stage.iterations)


class NotFinite(VidcondenseError):
    """A loss, a gradient or what is learned is not a number, or larger than any that can be kept."""


def _run(run: RunFolder, state: State, show: bool) -> CondensedVideos:
    run.update(status="running")
    try:
        _learn(run, state, show)
    except Interrupted:
        run.update(status="interrupted")
        raise
    except NotFinite:
        run.update(status="failed")
        raise
    return _finish(run, state)


def _learn(run: RunFolder, state: State, show: bool) -> None:
    total = state.recipe.all_iterations
    state.objective.prepare(run.path, show)
    with Progress(total, state.iteration, enabled=show) as progress, catch_interrupts() as interrupts:
        try:
            if show and state.iteration < total:
                with interrupts.at_once():
                    progress.say(_cost(state, state.match).describe())
            saved = time.monotonic()
            while state.iteration < total:
                row = _iterate(run, state, interrupts)
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
                f"  vidcondense condense --resume {run.path}"
            ) from stop


def _iterate(run: RunFolder, state: State, interrupts: Interrupts) -> dict[str, Any]:
    """One iteration and its lines in the log; a signal cuts matching short, which changes nothing."""
    stage = state.stage.name
    with _timed(state):
        with interrupts.at_once():
            loss, gradient = state.match()
        events = state.update(loss, gradient)
    keys = state.synthetic.key_frames
    row = {"event": "iteration", "iteration": state.iteration - 1, "loss": loss, "key_frames": keys}
    row |= {"stage": stage} if stage else {}
    run.append_metrics([*(event.to_dict() for event in events), row])
    return row


def _save(run: RunFolder, state: State) -> None:
    files.flush(run.metrics)
    state.checkpoint(run.metrics.stat().st_size).save(run.checkpoint)


@contextmanager
def _timed(state: State) -> Iterator[None]:
    began = time.perf_counter()
    yield
    state.seconds += time.perf_counter() - began


def _cost(state: State, run: Callable[[], object], *, least_seconds: float = 0.0) -> Cost:
    """What is left of a run will cost; `run` does an iteration, or the matching in it."""
    iteration = measure(run, state.objective.store, least_seconds)
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


def _finish(run: RunFolder, state: State) -> CondensedVideos:
    store, recipe = state.store, state.recipe
    condensed = state.synthetic.condensed(
        labels=state.synthetic.labels.cpu(),
        class_names=tuple(store.class_names),
        frames=store.frames,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        storage=recipe.storage,
        provenance={
            "recipe": recipe.portable().to_dict(),
            "source": {"name": store.name, "fingerprint": store.fingerprint, "split": store.split},
            **state.objective.provenance(),
            "precision": state.compute.precision,
            "device": state.compute.device.type,
            "versions": versions(),
            **({"features": dict(state.features)} if state.features else {}),
            **({"extensions": recipe.extensions()} if recipe.extensions() else {}),
        },
        **state.objective.learned(),
    )
    size = condensed.save(run.condensed)
    made = CondensedVideos.load(run.condensed)  # a run is finished when its result can be read
    run.update(
        status="finished",
        seconds=round(state.seconds, 3),
        key_frames=state.synthetic.key_frames,
        file_bytes=size,
    )
    run.checkpoint.unlink(missing_ok=True)
    return made

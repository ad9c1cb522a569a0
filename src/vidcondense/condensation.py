"""The condensation loop."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vidcondense import coresets, networks, objectives, run_folder, synthetic
from vidcondense.checkpoint import Checkpoint
from vidcondense.compute import Compute, Precision, choose, derive_seed, generator
from vidcondense.condensed import MEBIBYTE, CondensedVideos
from vidcondense.data.batches import IMAGENET_MEAN, IMAGENET_STD, sample
from vidcondense.data.store import ClipStore
from vidcondense.errors import VidcondenseError
from vidcondense.insertion import Insertion, InsertionEvent
from vidcondense.interrupt import Interrupted, catch_interrupts
from vidcondense.networks.base import VideoNetwork
from vidcondense.optimisation import build_optimiser, learning_rate, low_pass
from vidcondense.progress import Progress
from vidcondense.recipe import Recipe
from vidcondense.run_folder import RunFolder, versions
from vidcondense.synthetic import Synthetic

CHECKPOINT_SECONDS = 120.0
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
    outline = _outline(store, recipe)
    line = networks.weights_memory(recipe.network, outline, WEIGHT_COPIES, compute)
    Progress(0, enabled=show and outline.weights >= LARGE).say(line)
    state = State.start(store, recipe, compute)
    return _run(run_folder.create(Path(out), recipe, store, compute), state, show)


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
    run = RunFolder(Path(out))
    known = run.read()
    if known["status"] == "finished":
        raise VidcondenseError(f"the run in {out} is finished; its result is {run.condensed}")
    store = store or ClipStore.open(Path(known["store"]["path"]), split=known["store"]["split"])
    if store.fingerprint != known["store"]["fingerprint"] or store.split != known["store"]["split"]:
        raise VidcondenseError(
            f"{store.path} is not the store (or split) that the run in {out} was started with"
        )
    compute = choose(device, known["precision"])
    state = State.start(store, run.recipe(), compute)
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
    insertion: Insertion
    optimiser: torch.optim.Optimizer
    iteration: int = 0
    seconds: float = 0.0
    drawn: VideoNetwork = field(init=False)
    network: VideoNetwork = field(init=False)

    def __post_init__(self) -> None:
        shape = (self.recipe.network, len(self.store.class_names), self.store.frames, self.store.size)
        self.drawn = networks.build(*shape)
        self.network = networks.build(*shape).requires_grad_(False)
        self.network.to(self.compute.device, self.compute.dtype)
        networks.channels_last(self.network)

    @staticmethod
    def start(store: ClipStore, recipe: Recipe, compute: Compute) -> "State":
        """The state before the first iteration."""
        clips, labels = _start_clips(store, recipe, compute)
        made = synthetic.build(recipe.synthetic, clips.to(compute.device), labels.to(compute.device))
        made.values.requires_grad_()
        optimiser = build_optimiser(recipe.optimiser, made.values)
        return State(store, recipe, compute, made, Insertion(recipe.insertion, recipe.iterations), optimiser)

    @property
    def chunk(self) -> int:
        """Clips per forward pass."""
        return self.compute.chunk(self.network.widest_activation, self.network.weights)

    def match(self) -> tuple[float, Tensor]:
        """The objective's loss in this iteration, and its gradient with respect to the rendered clips."""
        recipe, iteration = self.recipe, self.iteration
        networks.initialise(self.drawn, generator(recipe.seed, "network", iteration))
        self.network.load_state_dict(self.drawn.state_dict())
        rng = np.random.default_rng(derive_seed(recipe.seed, "real", iteration))
        batch = sample(self.store, recipe.objective.batch_real, recipe.flip, rng)
        chunk = self.chunk
        return objectives.OBJECTIVES[recipe.objective.kind](
            self.network,
            batch.read(self.store, self.compute, chunk),
            self.synthetic.render(),
            self.synthetic.labels,
            self.compute,
            chunk,
        )

    def step(self) -> tuple[float, list[InsertionEvent]]:
        """One iteration: match, insert where gradients disagree, update the key frames."""
        loss, gradient = self.match()
        if not math.isfinite(loss):
            raise VidcondenseError(
                f"the loss is {loss} at iteration {self.iteration}: most likely the step size "
                f"{self.recipe.optimiser.learning_rate:g} is too large; try a tenth of it with --set "
                f"optimiser.learning_rate={self.recipe.optimiser.learning_rate / 10:g}"
            )
        events = self.insertion.step(self.iteration, self.synthetic, gradient)
        self.synthetic.pull_back(low_pass(gradient, self.recipe.optimiser.low_pass))
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.recipe.optimiser, self.iteration, self.recipe.iterations)
        self.optimiser.step()
        self.iteration += 1
        return loss, events

    def checkpoint(self, metrics_bytes: int) -> Checkpoint:
        """What `restore` needs."""
        optimiser = {
            name: torch.as_tensor(value)
            for name, value in self.optimiser.state.get(self.synthetic.values, {}).items()
            if value is not None
        }
        tensors = {
            "synthetic": self.synthetic.state(),
            "insertion": self.insertion.state(),
            "optimiser": optimiser,
        }
        return Checkpoint(self.iteration, self.seconds, metrics_bytes, tensors)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go back to the point where the checkpoint was made."""
        self.iteration, self.seconds = checkpoint.iteration, checkpoint.seconds
        device = self.compute.device
        self.synthetic.restore(checkpoint.tensors["synthetic"])
        self.insertion.restore({k: v.to(device) for k, v in checkpoint.tensors.get("insertion", {}).items()})
        moments = checkpoint.tensors.get("optimiser", {})
        self.optimiser.state[self.synthetic.values] = {
            name: value if name == "step" else value.to(device) for name, value in moments.items()
        }


def _start_clips(store: ClipStore, recipe: Recipe, compute: Compute) -> tuple[Tensor, Tensor]:
    """Noise or real clips (video, time, 3, height, width) float32 normalised, and labels, sorted by class."""
    if recipe.coreset == "none" and recipe.synthetic.init == "noise":
        labels = torch.arange(len(store.class_names)).repeat_interleave(recipe.vpc)
        shape = (len(labels), store.frames, 3, store.size, store.size)
        return torch.randn(shape, generator=generator(recipe.seed, "noise")), labels
    select = coresets.CORESETS["random" if recipe.coreset == "none" else recipe.coreset]
    batch = select(store, recipe.vpc, np.random.default_rng(derive_seed(recipe.seed, "coreset")))
    exact = Compute(compute.device, torch.float32)
    parts = list(batch.read(store, exact, exact.chunk(3 * store.frames * store.size**2)))
    clips = torch.cat([clips for clips, _ in parts])
    return clips.contiguous(), torch.cat([labels for _, labels in parts])


def _run(run: RunFolder, state: State, show: bool) -> CondensedVideos:
    total = state.recipe.iterations
    run.update(status="running")
    with Progress(total, state.iteration, enabled=show) as progress, catch_interrupts() as interrupted:
        if show and state.iteration < total:
            progress.say(_cost(state))
        saved = time.monotonic()
        while state.iteration < total:
            with _timed(state):
                loss, events = state.step()
            keys = int(state.synthetic.is_key.sum())
            row = {"event": "iteration", "iteration": state.iteration - 1, "loss": loss, "key_frames": keys}
            run.append_metrics([*(event.to_dict() for event in events), row])
            progress.advance(loss=loss, key_frames=keys)
            if interrupted() or time.monotonic() - saved > CHECKPOINT_SECONDS:
                state.checkpoint(run.metrics.stat().st_size).save(run.checkpoint)
                saved = time.monotonic()
            if interrupted():
                run.update(status="interrupted")
                raise Interrupted(
                    f"stopped after iteration {state.iteration} of {total}; all is saved, go on with:\n"
                    f"  vidcondense condense --resume {run.path}"
                )
    return _finish(run, state)


@contextmanager
def _timed(state: State) -> Iterator[None]:
    began = time.perf_counter()
    yield
    state.seconds += time.perf_counter() - began


def _cost(state: State) -> str:
    """What the run will cost, with the time of one matching step measured here and now."""
    state.match()  # the first call also warms up
    began = time.perf_counter()
    state.match()
    seconds = time.perf_counter() - began
    stored = int(state.synthetic.is_key.sum())
    most = state.synthetic.is_key.numel() if state.recipe.insertion.kind != "none" else stored
    frame = 3 * state.store.size**2 * 4
    left = seconds * (state.recipe.iterations - state.iteration)
    copies = 4 if state.recipe.optimiser.kind == "sgd" else 5  # values, clips, gradient, one or two moments
    memory = (
        copies * state.synthetic.values.numel() * 4
        + state.chunk * 6 * state.store.frames * frame
        + WEIGHT_COPIES * 4 * state.network.weights
    )
    grows = (
        f" (at most {most * frame / MEBIBYTE:.2f} MiB if every frame is inserted)" if most > stored else ""
    )
    return (
        f"result {stored * frame / MEBIBYTE:.2f} MiB{grows}; "
        f"working memory about {memory / MEBIBYTE:.0f} MiB; "
        f"{seconds:.2f} s per iteration, about {left / 60:.1f} min for "
        f"{state.recipe.iterations - state.iteration} iterations on {state.compute.device} in "
        f"{state.compute.precision}"
    )


def _finish(run: RunFolder, state: State) -> CondensedVideos:
    made, store, recipe = state.synthetic, state.store, state.recipe
    condensed = CondensedVideos(
        key_frames=made.values.detach()[made.is_key].cpu(),
        positions=made.is_key.nonzero()[:, 1].cpu(),
        counts=made.is_key.sum(1).cpu(),
        labels=made.labels.cpu(),
        class_names=tuple(store.class_names),
        frames=store.frames,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        provenance={
            "recipe": recipe.to_dict(),
            "source": {"name": store.name, "fingerprint": store.fingerprint, "split": store.split},
            "precision": state.compute.precision,
            "device": state.compute.device.type,
            "versions": versions(),
        },
    )
    size = condensed.save(run.condensed)
    run.update(
        status="finished",
        seconds=round(state.seconds, 3),
        key_frames=len(condensed.key_frames),
        file_bytes=size,
    )
    run.checkpoint.unlink(missing_ok=True)
    return condensed

"""One iteration after another: what changes from one to the next, and how."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from vidcondense.base.compute import Compute, generator, root_seed
from vidcondense.base.errors import VidcondenseError
from vidcondense.condensed.enlargement import enlarged, transposed
from vidcondense.coresets import CORESETS
from vidcondense.coresets.features import Features
from vidcondense.data.store import ClipStore
from vidcondense.insertion import INSERTIONS, DropEvent, Insertion, InsertionEvent
from vidcondense.networks.optimiser import OPTIMISERS, Optimiser, low_pass
from vidcondense.objectives import Context, Objective, ObjectiveSettings
from vidcondense.recipes.recipe import Recipe
from vidcondense.run.artifact import decoded
from vidcondense.run.checkpoint import Checkpoint
from vidcondense.synthetic import Stage, Start, StoredFrames, Synthetic

OWNERS = ("synthetic", "objective", "insertion", "optimiser")
"""Attributes of `State` that a checkpoint holds."""
FLOAT16_MOST = torch.finfo(torch.float16).max


class NotFinite(VidcondenseError):
    """A loss, a gradient or what is learned is not a number, or larger than any that can be kept."""


@dataclass
class State:
    """Everything that changes from one iteration to the next, and what it is made from.

    Attributes:
        seed: the root of all random numbers, from the recipe's seed and the store's split.
    """

    store: ClipStore
    recipe: Recipe
    compute: Compute
    synthetic: Synthetic
    objective: Objective
    insertion: Insertion
    optimiser: Optimiser
    stage: Stage
    seed: int
    iteration: int = 0
    seconds: float = 0.0
    features: Mapping[str, Any] = field(default_factory=dict)  # of the network that a coreset was selected by

    @staticmethod
    def start(
        store: ClipStore, recipe: Recipe, compute: Compute, show: bool = False, seed: int | None = None
    ) -> "State":
        """The state before the first iteration; `seed` is another root than usual, of an earlier version."""
        began = time.perf_counter()
        store = store.near(compute)
        seed = root_seed(recipe.seed, store.split) if seed is None else seed
        features = Features(
            store,
            getattr(recipe.coreset, "features", "random"),
            network=recipe.network,
            flip=recipe.flip,
            seed=seed,
            compute=compute,
            show=show,
            count=getattr(recipe.coreset or recipe.synthetic, "networks", 1),
        )
        coreset = CORESETS.member(recipe.coreset.kind)(recipe.coreset) if recipe.coreset else None
        start = Start(store, recipe.vpc, seed, compute, coreset, features, recipe.synthetic.size)
        synthetic = recipe.representation.start(recipe.synthetic, start)
        insertion = INSERTIONS.member(recipe.insertion.kind)(recipe.insertion, recipe.iterations, seed)
        insertion.check(synthetic)
        stage = recipe.stages[0]
        objective, optimiser = _begin(stage, synthetic, store, recipe.replace(seed=seed), compute)
        return State(
            store,
            recipe,
            objective.compute,
            synthetic,
            objective,
            insertion,
            optimiser,
            stage,
            seed,
            seconds=time.perf_counter() - began,
            features=features.record,
        )

    def enter(self, iteration: int) -> None:
        """Go to an iteration; where another stage begins, with its own objective and optimiser."""
        self.iteration = iteration
        stage = [stage for stage in self.recipe.stages if stage.first <= iteration][-1]
        if stage != self.stage:
            self.stage = stage
            self.objective, self.optimiser = _begin(
                stage, self.synthetic, self.store, self.recipe.replace(seed=self.seed), self.compute
            )

    def iterate(
        self, cut_short: Callable[[], AbstractContextManager[object]] = nullcontext
    ) -> tuple[float, Sequence[InsertionEvent | DropEvent]]:
        """One iteration of the method: match, insert, pull back, step.

        Args:
            cut_short: a context in which coding and matching, nearly all the time, may be given up.

        Returns:
            The loss, and the key frames dropped and inserted.

        Raises:
            NotFinite: the loss, the gradient or what is learned is.
        """
        with cut_short():
            self._look_at_coded()
            loss, gradient = self.match()
        self._refuse_not_finite(loss, gradient)
        # The criterion reads the gradient as it is: the filter is a matter of the update.
        events = self.insertion.step(self.iteration, self.synthetic, gradient)
        self.optimiser.forget("frames", [(e.video, e.position) for e in events if isinstance(e, DropEvent)])
        self.synthetic.pull_back(low_pass(gradient, self.recipe.optimiser.low_pass))
        self.optimiser.step(self.iteration - self.stage.first)
        self._refuse_out_of_range()
        self.objective.advance(self.iteration, self._shown, self.synthetic.labels)
        self.enter(self.iteration + 1)
        return loss, events

    def _look_at_coded(self) -> None:
        """Show from now on what the file would give back, in iterations for which the recipe says so."""
        every = self.recipe.coded_every
        if isinstance(self.synthetic, StoredFrames) and every and self.iteration % every == 0:
            self.synthetic.look(decoded(self))

    def match(self) -> tuple[float, Tensor]:
        """Render, and compare with real clips on a network drawn for this iteration.

        Returns:
            The objective's loss, and its gradient with respect to the rendered clips, of the size stored.
        """
        self.synthetic.draw(generator(self.seed, "draw", self.iteration))
        loss, gradient = self.objective.match(self.iteration, self._shown(), self.synthetic.labels)
        side = self.recipe.synthetic.size or self.store.size
        return loss, transposed(gradient, side, side)

    def _shown(self) -> Tensor:
        """The rendered clips as networks see them."""
        return enlarged(self.synthetic.render(), self.store.size, self.store.size)

    def _refuse_not_finite(self, loss: float, gradient: Tensor) -> None:
        keys = [self.recipe.step_size_key(name) for name in self.optimiser.parameters]
        key = "optimiser.learning_rate" if "optimiser.learning_rate" in keys else keys[0]
        if not math.isfinite(loss):
            raise self._not_finite(f"the loss is {loss}", key)
        if not bool(gradient.isfinite().all()):
            raise self._not_finite("the gradient is not finite", key)

    def _refuse_out_of_range(self) -> None:
        for name, value in self.optimiser.parameters.items():
            key = self.recipe.step_size_key(name)
            if not bool(value.isfinite().all()):
                raise self._not_finite(f"{name} of the synthetic set are not finite", key)
            if self.recipe.storage == "float16" and bool((value.abs() > FLOAT16_MOST).any()):
                what = f"{name} of the synthetic set are beyond the range of float16 ({FLOAT16_MOST:.0f})"
                raise self._not_finite(what, key)

    def _not_finite(self, what: str, key: str) -> NotFinite:
        rate = self.recipe.fields()[key]
        return NotFinite(
            f"{what} at iteration {self.iteration}: most likely the step size {rate:g} is too large; "
            f"try a tenth of it with --set {key}={rate / 10:g}"
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
        for name, tensors in checkpoint.tensors.items():
            for key, value in tensors.items():
                if not bool(value.isfinite().all()):
                    raise KeyError(f"{name}.{key} with values that are not finite")
        self.enter(checkpoint.iteration)
        self.seconds = checkpoint.seconds
        for name in OWNERS:
            owner, state = getattr(self, name), checkpoint.tensors.get(name, {})
            for key, value in owner.state().items():
                if key in state and state[key].shape != value.shape:  # copying would repeat a smaller one
                    raise KeyError(f"{name}.{key} of shape {tuple(state[key].shape)}")
            owner.restore(state)


def _begin(
    stage: Stage, synthetic: Synthetic, store: ClipStore, recipe: Recipe, compute: Compute
) -> tuple[Objective, Optimiser]:
    """Objective and optimiser of a stage; a coreset has nothing to match."""
    synthetic.enter(stage.name)
    objective: Objective = (
        Nothing(ObjectiveSettings(), Context(store, compute))
        if recipe.coreset
        else recipe.objective_in(stage, store, compute)
    )
    parameters = {**synthetic.parameters, **objective.parameters}
    fields = recipe.fields()
    rates = {name: fields[recipe.step_size_key(name)] for name in parameters}
    optimiser = OPTIMISERS.member(recipe.optimiser.kind)
    return objective, optimiser(recipe.optimiser, parameters, stage.iterations, rates)


class Nothing(Objective):
    """The objective of a coreset, which learns nothing."""

    def match(self, iteration: int, clips: Tensor, labels: Tensor) -> tuple[float, Tensor]:
        """Never called: a coreset has no iterations."""
        raise AssertionError("a coreset has no iterations")

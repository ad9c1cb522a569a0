"""One iteration after another: what changes from one to the next, and how."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from vidcondense import objectives, synthetic
from vidcondense.base.compute import Compute, generator
from vidcondense.base.errors import VidcondenseError
from vidcondense.condensed.hallucinator import CHOICES
from vidcondense.coresets.features import Features
from vidcondense.data.resident import resident
from vidcondense.data.store import ClipStore
from vidcondense.insertion import Insertion, InsertionEvent
from vidcondense.networks.optimiser import Optimiser, low_pass, rate_key
from vidcondense.objectives import Objective
from vidcondense.recipes.recipe import Recipe, Stage
from vidcondense.run.checkpoint import Checkpoint
from vidcondense.synthetic import Synthetic

OWNERS = ("synthetic", "objective", "insertion", "optimiser")
"""Attributes of `State` that a checkpoint holds."""
FLOAT16_MOST = torch.finfo(torch.float16).max


class NotFinite(VidcondenseError):
    """A loss, a gradient or what is learned is not a number, or larger than any that can be kept."""


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

    def _not_finite(self, what: str, key: str) -> NotFinite:
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
    stage: Stage, made: Synthetic, store: ClipStore, recipe: Recipe, compute: Compute
) -> tuple[Objective, Optimiser]:
    """Objective and optimiser of a stage; in the static one every image is a video, and real clips stand."""
    made.enter(stage.name)
    if stage.name == "static":
        recipe, store = replace(recipe, vpc=recipe.vpc * CHOICES), store.stills()
    objective = objectives.build(recipe, store, compute)
    parameters = {**made.parameters, **objective.parameters}
    return objective, Optimiser(recipe.optimiser, parameters, stage.iterations)

"""Trajectory matching: training on synthetic clips leads where training on real clips led (MTT).

Cazenavette et al., *Dataset Distillation by Matching Training Trajectories* (CVPR 2022).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vidcondense import experts, networks
from vidcondense.compute import Compute, derive_seed, generator
from vidcondense.data.store import ClipStore
from vidcondense.errors import VidcondenseError
from vidcondense.experts import Experts
from vidcondense.interrupt import Interrupted
from vidcondense.networks.flat import FlatNetwork
from vidcondense.objectives.base import Objective, Render
from vidcondense.objectives.inner_loop import InnerLoop
from vidcondense.recipe import Recipe

FOLDER = "experts"
"""Where a run keeps the experts that it trained itself."""

SMALLEST_STEP_SIZE = 1e-3
"""The learned step size is kept at or above this, as in the published code for video."""


class TrajectoryMatching(Objective):
    """Follows experts: networks whose weights after every epoch of training on real clips are on disk.

    Each iteration draws an expert and one of its first epochs, takes N steps of SGD on the synthetic clips
    from its weights there, and compares where they lead with the expert's weights some epochs later. The step
    size is learned too. Dropout is off in these steps, so that the loss belongs to the clips and not to a
    draw of masks; the experts were trained with it.
    """

    def __init__(self, recipe: Recipe, store: ClipStore, compute: Compute) -> None:
        super().__init__(recipe, store, compute)
        settings = recipe.objective
        self.step_size = torch.tensor(settings.step_size, device=compute.device).requires_grad_()
        module = networks.build(recipe.network, len(store.class_names), store.frames, store.size)
        networks.initialise(module, generator(recipe.seed))  # fills buffers; weights come from the experts
        self.network = FlatNetwork(module.to(compute.device).requires_grad_(False).eval())
        self.experts: Experts | None = None
        self._expected: Tensor | None = None
        epochs = recipe.experts.epochs
        if settings.experts:
            self.experts = Experts.open(settings.experts)
            self.experts.check(store, recipe.network, self.network.network)
            epochs = self.experts.epochs
        last = settings.max_start_epoch - 1 + settings.expert_epochs
        if last > epochs:
            raise VidcondenseError(
                f"objective.max_start_epoch = {settings.max_start_epoch} and objective.expert_epochs = "
                f"{settings.expert_epochs} need experts of {last} epochs, these have {epochs}"
            )

    @property
    def parameters(self) -> dict[str, Tensor]:
        """The step size of the inner steps."""
        return {"step_size": self.step_size}

    def prepare(self, folder: Path, show: bool) -> None:
        """Train the experts of the recipe's [experts] table into the run folder, unless it names others."""
        if self.experts is None:
            recipe = self.recipe
            try:
                self.experts = experts.train(
                    self.store,
                    folder / FOLDER,
                    recipe.experts,
                    network=recipe.network,
                    flip=recipe.flip,
                    seed=recipe.seed,
                    compute=self.compute,
                    show=show,
                )
            except Interrupted as stop:
                raise Interrupted(
                    f"stopped while training experts; whole epochs are saved, go on with:\n"
                    f"  vidcondense condense --resume {folder}"
                ) from stop
        if self._expected is not None and not torch.equal(self._expected, self._fingerprint()):
            raise VidcondenseError(
                f"the experts in {self.experts.path} have changed since the run was started"
            )

    def match(self, iteration: int, clips: Tensor, labels: Tensor) -> tuple[float, Tensor]:
        """See Objective; the loss is ||θ_N − θ*||² / ||θ_0 − θ*||² (MTT eq. 4)."""
        start, target = (weights.to(clips.device) for weights in self.pair(iteration))
        chunk = self.network.network.chunk(self.compute)
        batches = self.batches(iteration, len(labels))
        loop = InnerLoop(self.network, clips, labels, batches, self.step_size.item(), self.compute, chunk)
        points = loop.walk(start)
        apart = (start - target).square().sum()
        loss = (points[-1] - target).square().sum() / apart
        adjoint = 2 * (points[-1] - target) / apart
        exact = self.recipe.objective.inner_gradient == "exact"
        gradient, step_size_gradient = loop.walk_back(points, adjoint, exact=exact)
        self.step_size.grad = torch.full_like(self.step_size, step_size_gradient)
        return loss.item(), gradient

    def pair(self, iteration: int) -> tuple[Tensor, Tensor]:
        """Start and target of one iteration: weights of one expert, (weight,) float32."""
        if self.experts is None:
            raise RuntimeError("prepare has to be called first")
        settings = self.recipe.objective
        rng = np.random.default_rng(derive_seed(self.recipe.seed, "trajectory", iteration))
        expert = int(rng.integers(self.experts.count))
        epoch = int(rng.integers(settings.max_start_epoch))
        pair = [self.experts.weights(expert, at) for at in (epoch, epoch + settings.expert_epochs)]
        if torch.equal(*pair):
            raise VidcondenseError(
                f"expert {expert + 1} in {self.experts.path} does not move between epochs {epoch} and "
                f"{epoch + settings.expert_epochs}; train experts with a larger learning rate"
            )
        return pair[0], pair[1]

    def batches(self, iteration: int, clips: int) -> list[Tensor]:
        """The synthetic clips of every inner step, as indices; each clip once before any comes again."""
        settings = self.recipe.objective
        size = settings.batch_synthetic or clips
        if size >= clips:
            return [torch.arange(clips)] * settings.synthetic_steps
        rng = generator(self.recipe.seed, "inner", iteration)
        chosen: list[Tensor] = []
        while len(chosen) < settings.synthetic_steps:
            chosen += torch.randperm(clips, generator=rng).split(size)
        return chosen[: settings.synthetic_steps]

    @torch.no_grad()
    def advance(self, iteration: int, render: Render, labels: Tensor) -> None:
        """Keep the step size from vanishing."""
        self.step_size.clamp_(min=SMALLEST_STEP_SIZE)

    def learned(self) -> dict[str, Any]:
        """The step size, for networks that are trained on the set."""
        return {"learning_rate": self.step_size.item()}

    def provenance(self) -> dict[str, Any]:
        """Fingerprint and settings of the experts."""
        if self.experts is None:
            return {}
        return {"experts": {"fingerprint": self.experts.fingerprint, **self.experts.plan["settings"]}}

    def state(self) -> dict[str, Tensor]:
        """See Objective; and which experts they are."""
        known = {} if self.experts is None else {"experts": self._fingerprint()}
        return {**super().state(), **known}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """See Objective; `prepare` refuses other experts than those of the checkpoint."""
        super().restore(state)
        self._expected = state.get("experts")

    def _fingerprint(self) -> Tensor:
        assert self.experts is not None
        return torch.tensor(list(bytes.fromhex(self.experts.fingerprint)), dtype=torch.uint8)

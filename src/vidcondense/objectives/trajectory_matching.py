"""Trajectory matching: training on synthetic clips leads where training on real clips led (MTT).

Cazenavette et al., *Dataset Distillation by Matching Training Trajectories* (CVPR 2022).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from vidcondense import networks
from vidcondense.base.compute import derive_seed, generator
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.settings import Count, Positive, StepSize
from vidcondense.networks.flat import FlatNetwork
from vidcondense.objectives.base import Context, Render
from vidcondense.objectives.inner_loop import InnerLoop
from vidcondense.objectives.on_experts import OnExperts, OnExpertsSettings

SMALLEST_STEP_SIZE = 1e-3
"""The learned step size is kept at or above this, as in the published code for video."""


class TrajectoryMatching(OnExperts):
    """Follows experts: networks whose weights after every epoch of training on real clips are on disk.

    Each iteration draws an expert and one of its first epochs, takes N steps of SGD on the synthetic clips
    from its weights there, and compares where they lead with the expert's weights some epochs later. The step
    size is learned too. Dropout is off in these steps, so that the loss belongs to the clips and not to a
    draw of masks; the experts were trained with it.
    """

    @dataclass(frozen=True, kw_only=True)
    class Settings(OnExpertsSettings):
        """Trajectory matching (MTT)."""

        rates: ClassVar[Mapping[str, str]] = {"step_size": "step_size_learning_rate"}
        kind: str = "trajectory_matching"
        max_start_epoch: Positive = 10
        """A trajectory is matched from a random epoch below this one."""
        expert_epochs: Positive = 1
        """M: epochs between that start and the expert's weights that are the target."""
        synthetic_steps: Positive = 10
        """N: steps on synthetic clips from that start."""
        batch_synthetic: Count = 0
        """Synthetic clips per inner step; 0: all."""
        step_size: StepSize = 0.01
        """Start of the learned step size of the inner steps."""
        step_size_learning_rate: StepSize = 1e-5
        """Step size with which that one is learned."""
        inner_gradient: Literal["exact", "tesla"] = "exact"
        """exact: through all inner steps; tesla: as if their starting points did not depend on the clips."""

        def couples_classes(self) -> str:
            return "trajectory matching takes its steps on the clips of all classes"

        def refuses_stills(self) -> str:
            return "experts trained on clips do not lead where images stand still"

    settings: Settings

    def __init__(self, settings: Settings, context: Context) -> None:
        module = context.build()
        networks.initialise(module, generator(context.seed))  # fills buffers; weights are the experts'
        super().__init__(settings, context, module)
        self.step_size = torch.tensor(settings.step_size, device=self.compute.device).requires_grad_()
        self.network = FlatNetwork(module.to(self.compute.device).requires_grad_(False).eval())
        last = settings.max_start_epoch - 1 + settings.expert_epochs
        if last > self.epochs:
            raise VidcondenseError(
                f"objective.max_start_epoch = {settings.max_start_epoch} and objective.expert_epochs = "
                f"{settings.expert_epochs} need experts of {last} epochs, these have {self.epochs}"
            )

    @property
    def parameters(self) -> dict[str, Tensor]:
        """The step size of the inner steps."""
        return {"step_size": self.step_size}

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
        exact = self.settings.inner_gradient == "exact"
        gradient, step_size_gradient = loop.walk_back(points, adjoint, exact=exact)
        self.step_size.grad = torch.full_like(self.step_size, step_size_gradient)
        return loss.item(), gradient

    def pair(self, iteration: int) -> tuple[Tensor, Tensor]:
        """Start and target of one iteration: weights of one expert, (weight,) float32."""
        settings = self.settings
        rng = np.random.default_rng(derive_seed(self.context.seed, "trajectory", iteration))
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
        settings = self.settings
        size = settings.batch_synthetic or clips
        if size >= clips:
            return [torch.arange(clips)] * settings.synthetic_steps
        rng = generator(self.context.seed, "inner", iteration)
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

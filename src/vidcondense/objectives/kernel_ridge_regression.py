"""Kernel ridge regression on features of networks trained along (FRePo, Zhou et al. 2022)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, ClassVar

import torch
from msgspec import Meta
from torch import Tensor

from vidcondense.base.compute import generator
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.settings import LARGEST_STEP, NotNegative, Positive, StepSize
from vidcondense.data.batches import RealClips
from vidcondense.networks.base import VideoNetwork
from vidcondense.networks.loss import Targets, centred_one_hot
from vidcondense.networks.optimiser import Adam
from vidcondense.objectives.base import CHUNK, Context, Objective, RealClipsSettings, Render
from vidcondense.objectives.trained import TrainedNetwork, with_prefix


class KernelRidgeRegression(Objective):
    """How well regression on the synthetic clips predicts the real ones, with learned regression targets.

    A pool of networks gives the features: each iteration takes one of them at random, and trains it by one
    step on the updated synthetic set. A network that has had its number of steps is drawn afresh.

    Always float32, the kernel in float64: solving amplifies rounding (docs/objectives.md has the figures).

    Attributes:
        targets: (video, class) float32, learned.
        updates: (network,) int64, training steps that each network of the pool has behind it.
    """

    @dataclass(frozen=True, kw_only=True)
    class Settings(RealClipsSettings):
        """Kernel ridge regression (FRePo)."""

        rates: ClassVar[Mapping[str, str]] = {"targets": "targets_learning_rate"}
        kind: str = "kernel_ridge_regression"
        targets_learning_rate: Annotated[float, Meta(ge=0, le=LARGEST_STEP)] = 0.001
        """Step size of learned labels; 0 keeps them as they start."""
        network_learning_rate: StepSize = 0.01
        """Step size of Adam, which trains the networks of the pool."""
        pool: Positive = 10
        """Networks in the pool."""
        pool_updates: Positive = 100
        """Training steps after which a network of the pool is drawn afresh."""
        regularisation: NotNegative = 1e-6
        """Added to the kernel's diagonal, as a share of its mean."""
        label_margin: NotNegative = 1.0
        """Weight of the loss that keeps the class of a learned label clear; 0: no such loss."""

        def couples_classes(self) -> str:
            return "kernel ridge regression predicts with the clips of all classes"

    settings: Settings

    def __init__(self, settings: Settings, context: Context) -> None:
        super().__init__(settings, replace(context, compute=context.compute.exact))
        classes = len(context.store.class_names)
        if classes < 2:
            raise VidcondenseError(
                f"kernel_ridge_regression needs two classes or more; {context.store.path} has one"
            )
        targets = start_targets(classes, context.vpc)
        self.targets = targets.to(self.compute.device).requires_grad_()
        adam = Adam.Settings(learning_rate=settings.network_learning_rate, momentum=0.9)
        self.pool = [TrainedNetwork(self.context, partial(Adam, adam)) for _ in range(settings.pool)]
        for number, member in enumerate(self.pool):
            member.draw(number, 0)
        self.chunk = self.pool[0].network.chunk(self.compute)
        # Staggered, as in FRePo's code, so that the pool holds networks of all ages from the start.
        self.updates = torch.arange(settings.pool) * (settings.pool_updates // settings.pool)

    @property
    def parameters(self) -> dict[str, Tensor]:
        """The targets."""
        return {"targets": self.targets}

    def match(self, iteration: int, clips: Tensor, labels: Tensor) -> tuple[float, Tensor]:
        settings = self.settings
        loss, gradient, self.targets.grad = kernel_ridge_regression(
            self.pool[self._chosen(iteration)].network,
            self.context.real_clips(settings, iteration, self.chunk),
            clips,
            self.targets.detach(),
            settings.regularisation,
            settings.label_margin,
            self.chunk,
        )
        return loss, gradient

    def advance(self, iteration: int, render: Render, labels: Tensor) -> None:
        """Train the network of this iteration by a step; draw it afresh when it has had its number."""
        number = self._chosen(iteration)
        self.updates[number] += 1
        if self.updates[number] >= self.settings.pool_updates:
            self.pool[number].draw(number, iteration + 1)
            self.updates[number] = 0
        else:
            self.pool[number].step(render(), Targets(self.targets.detach()), self.chunk)

    def learned(self) -> dict[str, Any]:
        """The targets."""
        return {"targets": self.targets.detach().cpu()}

    def state(self) -> dict[str, Tensor]:
        """Targets, and the networks of the pool with their ages."""
        pool = {
            f"pool.{number}.{name}": value
            for number, member in enumerate(self.pool)
            for name, value in member.state().items()
        }
        return super().state() | {"updates": self.updates} | pool

    def restore(self, state: Mapping[str, Tensor]) -> None:
        super().restore(state)
        self.updates.copy_(state["updates"])
        for number, member in enumerate(self.pool):
            member.restore(with_prefix(state, f"pool.{number}."))

    def _chosen(self, iteration: int) -> int:
        rng = generator(self.context.seed, "pool", iteration)
        return int(torch.randint(len(self.pool), (), generator=rng))


def start_targets(classes: int, vpc: int) -> Tensor:
    """Centred one-hot labels divided by the root of a tenth of the number of classes, as FRePo starts."""
    labels = torch.arange(classes).repeat_interleave(vpc)
    return centred_one_hot(labels, classes) / math.sqrt(classes / 10)


def kernel_ridge_regression(
    network: VideoNetwork,
    real: RealClips,
    clips: Tensor,
    targets: Tensor,
    regularisation: float = 1e-6,
    label_margin: float = 1.0,
    chunk: int = CHUNK,
) -> tuple[float, Tensor, Tensor]:
    """The loss of predicting real clips from the synthetic set, and its gradients.

    Features of all clips come first, without graph; then the gradient of the loss with respect to the
    synthetic features, which goes back through the network `chunk` clips at a time.

    Args:
        network: gives the features.
        real: chunks of real clips (video, time, 3, height, width) and labels.
        clips: rendered synthetic clips (video, time, 3, height, width) float32.
        targets: (video, class) float32, theirs.
        regularisation: of the kernel, as a share of its mean diagonal.
        label_margin: weight of the margin loss of the targets.
        chunk: clips per forward pass.

    Returns:
        The loss, and its gradients with respect to `clips` and `targets`.
    """
    real_features, goals = _real_features(network, real, targets.shape[1])
    parts = clips.to(next(network.parameters()).dtype).split(chunk)
    with torch.no_grad():
        features = torch.cat([network.embed(part) for part in parts])
    inputs = [value.double().requires_grad_() for value in (features, targets)]
    predicted = predict(inputs[0], inputs[1], real_features.double(), regularisation)
    loss = Targets(goals.double()).loss(predicted) / len(goals) + label_margin * margin_loss(inputs[1])
    upstream, targets_gradient = torch.autograd.grad(loss, inputs)
    gradients: list[Tensor] = []
    for part, up in zip(parts, upstream.to(features.dtype).split(chunk), strict=True):
        leaf = part.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(network.embed(leaf), leaf, up)
        gradients.append(gradient)
    return loss.item(), torch.cat(gradients).to(clips.dtype), targets_gradient.to(targets.dtype)


@torch.no_grad()
def _real_features(network: VideoNetwork, real: RealClips, classes: int) -> tuple[Tensor, Tensor]:
    """Features (video, feature) of the real clips, and what should be predicted for them (video, class)."""
    found = [(network.embed(clips), centred_one_hot(labels, classes)) for clips, labels in real]
    features, goals = zip(*found, strict=True)
    return torch.cat(features), torch.cat(goals)


def predict(features: Tensor, targets: Tensor, others: Tensor, regularisation: float) -> Tensor:
    """Scores (other, class) that kernel ridge regression on features and targets gives for other features.

    The kernel is the inner product K, and `regularisation` trace(K) / n is added to its diagonal (FRePo).
    Where it cannot be solved, the scores are not finite.
    """
    kernel = features @ features.T
    ridge = regularisation * kernel.trace() / len(kernel)
    weights, _ = torch.linalg.solve_ex(kernel + ridge * torch.eye(len(kernel)).to(kernel), targets)
    scores: Tensor = others @ features.T @ weights
    return scores


def margin_loss(targets: Tensor) -> Tensor:
    """Minus the mean difference of the two largest values of each target, up to 1 / classes (FRePo).

    It keeps the class of a learned target clear.
    """
    best = targets.topk(2, dim=1).values
    return -(best[:, 0] - best[:, 1]).clamp(max=1 / targets.shape[1]).mean()

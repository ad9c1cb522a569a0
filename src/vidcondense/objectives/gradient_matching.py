"""Gradient matching: real and synthetic clips pull a network's weights the same way (DC; PRISM eq. 7)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

import torch
import torch.nn.functional as F
from torch import Tensor

from vidcondense.base.compute import Compute
from vidcondense.data.batches import RealClips
from vidcondense.data.store import ClipStore
from vidcondense.networks.base import VideoNetwork
from vidcondense.objectives.base import Objective, Render, real_clips
from vidcondense.objectives.trained import TrainedNetwork
from vidcondense.recipes.recipe import Recipe
from vidcondense.recipes.settings import OptimiserSettings

Distance = Callable[[Sequence[Tensor], Sequence[Tensor]], Tensor]
"""How far two gradients with respect to the same weights are from each other."""

NETWORK_MOMENTUM = 0.5  # of the networks that DC trains between matches


class GradientMatching(Objective):
    """Gradients of the cross-entropy with respect to a network's weights, class by class.

    Always float32: the gradient with respect to the clips is a second derivative, and bfloat16 puts it off
    (docs/method.md has the figures).
    """

    def __init__(self, recipe: Recipe, store: ClipStore, compute: Compute) -> None:
        super().__init__(recipe, store, replace(compute, dtype=torch.float32))
        sgd = OptimiserSettings(
            kind="sgd",
            learning_rate=recipe.objective.network_learning_rate,
            momentum=NETWORK_MOMENTUM,
        )
        self.trained = TrainedNetwork(recipe, store, self.compute, sgd)
        self.chunk = self.trained.network.chunk(self.compute)

    @staticmethod
    def couples_classes(recipe: Recipe) -> str:
        """See Objective."""
        trains = recipe.objective.outer_steps > 1 and recipe.objective.inner_steps > 0
        return "objective.inner_steps trains a network on the clips of all classes" if trains else ""

    def match(self, iteration: int, clips: Tensor, labels: Tensor) -> tuple[float, Tensor]:
        """See Objective."""
        first = iteration - iteration % self.recipe.objective.outer_steps
        if first == iteration or not self._trains:
            self.trained.draw(first)
        return gradient_matching(
            self.trained.network,
            real_clips(self.recipe, self.store, self.compute, iteration, self.chunk),
            clips,
            labels,
            DISTANCES[self.recipe.objective.distance],
            self.chunk,
        )

    def advance(self, iteration: int, render: Render, labels: Tensor) -> None:
        """Train the network on the synthetic clips, unless the next iteration draws another."""
        settings = self.recipe.objective
        if (iteration + 1) % settings.outer_steps:
            for _ in range(settings.inner_steps):
                self.trained.step(render(), labels, self.chunk)

    def state(self) -> dict[str, Tensor]:
        """The network, where it is more than its random start."""
        return self.trained.state() if self._trains else {}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """See Objective."""
        if self._trains:
            self.trained.restore(state)

    @property
    def _trains(self) -> bool:
        return self.couples_classes(self.recipe) != ""


def gradient_matching(
    network: VideoNetwork, real: RealClips, clips: Tensor, labels: Tensor, distance: Distance, chunk: int
) -> tuple[float, Tensor]:
    """The sum over classes of the distance between mean gradients, and its gradient.

    One class at a time, and `chunk` clips of it at a time: memory grows with neither.

    Args:
        network: whose weights require gradients, without dropout.
        real: chunks of real clips (video, time, 3, height, width) and labels, ascending, of the same classes.
        clips: rendered synthetic clips (video, time, 3, height, width) float32.
        labels: (video,) int64, ascending.
        distance: between two gradients.
        chunk: clips per forward pass.

    Returns:
        The loss, and its gradient with respect to `clips`, float32 of the same shape.

    Raises:
        ValueError: real and synthetic clips are not of the same classes.
    """
    classes, counts = torch.unique_consecutive(labels, return_counts=True)
    gradient = torch.empty_like(clips)
    loss = 0.0
    first = 0
    theirs = class_gradients(network, real)
    for label, count, (theirs_label, target) in zip(classes.tolist(), counts.tolist(), theirs, strict=True):
        if theirs_label != label:
            raise ValueError(f"real clips of class {theirs_label} where those of class {label} should be")
        mine = slice(first, first + count)
        value, gradient[mine] = _match_class(network, clips[mine], label, target, distance, chunk)
        loss += value
        first += count
    return loss, gradient


def class_gradients(network: VideoNetwork, real: RealClips) -> Iterator[tuple[int, list[Tensor]]]:
    """Each class of the real clips in turn, and the mean over its clips of the gradient of the weights."""
    pieces = ((label, clips[labels == label]) for clips, labels in real for label in labels.unique().tolist())
    for label, parts in groupby(pieces, key=lambda piece: piece[0]):
        count, sums = 0, None
        for _, clips in parts:
            count += len(clips)
            found = weight_gradients(network, clips, label)
            sums = found if sums is None else [a.add_(b) for a, b in zip(sums, found, strict=True)]
        assert sums is not None
        yield label, [value / count for value in sums]


def weight_gradients(
    network: VideoNetwork, clips: Tensor, label: int, *, create_graph: bool = False
) -> list[Tensor]:
    """The gradient of the cross-entropy, summed over clips of one class, for each tensor of weights."""
    scores = network(clips)
    goals = torch.full((len(clips),), label, device=clips.device)
    loss = F.cross_entropy(scores, goals, reduction="sum")
    return list(torch.autograd.grad(loss, list(network.parameters()), create_graph=create_graph))


def _match_class(
    network: VideoNetwork, clips: Tensor, label: int, theirs: list[Tensor], distance: Distance, chunk: int
) -> tuple[float, Tensor]:
    """One class: first the mean gradient and the distance, then back through it, `chunk` clips at a time."""
    dtype = theirs[0].dtype
    parts = clips.to(dtype).split(chunk)
    sums = [torch.zeros_like(value) for value in theirs]
    for part in parts:
        for total, value in zip(sums, weight_gradients(network, part, label), strict=True):
            total += value
    ours = [(total / len(clips)).requires_grad_() for total in sums]
    value = distance(ours, theirs)
    upstream = torch.autograd.grad(value, ours, allow_unused=True, materialize_grads=True)
    gradients: list[Tensor] = []
    for part in parts:
        leaf = part.detach().requires_grad_()
        found = weight_gradients(network, leaf, label, create_graph=True)
        (gradient,) = torch.autograd.grad(found, leaf, [up / len(clips) for up in upstream])
        gradients.append(gradient)
    return value.item(), torch.cat(gradients).to(clips.dtype)


def squared(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> Tensor:
    """The squared norm of the difference, over all weights together (PRISM eq. 7)."""
    return torch.stack([(a - b).square().sum() for a, b in zip(ours, theirs, strict=True)]).sum()


def cosine(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> Tensor:
    """1 - cosine of the gradients of each output unit's weights, summed over units and layers (DC eq. 10).

    As in DC's code, a unit's weights are those it has for all inputs and kernel positions, biases and other
    vectors are left out, and 10^-6 is added to the product of the norms.
    """
    parts: list[Tensor] = []
    for a, b in zip(ours, theirs, strict=True):
        if a.ndim > 1:
            x, y = a.flatten(1), b.flatten(1)
            parts.append((1 - (x * y).sum(1) / (x.norm(dim=1) * y.norm(dim=1) + 1e-6)).sum())
    return torch.stack(parts).sum()


DISTANCES: dict[str, Distance] = {"squared": squared, "cosine": cosine}

"""Gradient matching: real and synthetic clips pull a network's weights the same way (DC; PRISM eq. 7)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from vidcondense.base.settings import Count, Positive, StepSize
from vidcondense.data.batches import RealClips
from vidcondense.networks.base import VideoNetwork
from vidcondense.networks.loss import Labels
from vidcondense.networks.optimiser import Sgd
from vidcondense.objectives.base import CHUNK, Context, Objective, RealClipsSettings, Render
from vidcondense.objectives.trained import TrainedNetwork

Distance = Callable[[Sequence[Tensor], Sequence[Tensor]], Tensor]
"""How far two gradients with respect to the same weights are from each other."""

NETWORK_MOMENTUM = 0.5  # of the networks that DC trains between matches


class GradientMatching(Objective):
    """Gradients of the cross-entropy with respect to a network's weights, class by class.

    Always float32: the gradient with respect to the clips is a second derivative, and bfloat16 puts it off
    (docs/objectives.md has the figures).
    """

    @dataclass(frozen=True, kw_only=True)
    class Settings(RealClipsSettings):
        """Gradient matching (PRISM eq. 7, DC)."""

        kind: str = "gradient_matching"
        distance: Literal["squared", "cosine"] = "squared"
        """squared: norm of the difference (PRISM eq. 7); cosine: per output unit (DC)."""
        outer_steps: Positive = 1
        """Iterations that share a network, then another is drawn."""
        inner_steps: Count = 0
        """Training steps of the network on the synthetic clips between those iterations."""
        network_learning_rate: StepSize = 0.01
        """Step size of SGD in those training steps."""

        def check(self) -> None:
            self.refuse(
                self.inner_steps > 0 and self.outer_steps == 1,
                "objective.inner_steps trains a network between the iterations that share it: set "
                "objective.outer_steps to 2 or more",
            )

        def couples_classes(self) -> str:
            return (
                "objective.inner_steps trains a network on the clips of all classes"
                if self.inner_steps
                else ""
            )

    settings: Settings

    def __init__(self, settings: Settings, context: Context) -> None:
        super().__init__(settings, replace(context, compute=context.compute.exact))
        sgd = Sgd.Settings(learning_rate=settings.network_learning_rate, momentum=NETWORK_MOMENTUM)
        self.trained = TrainedNetwork(self.context, partial(Sgd, sgd))
        self.chunk = self.trained.network.chunk(self.compute)

    def match(self, iteration: int, clips: Tensor, labels: Tensor) -> tuple[float, Tensor]:
        first = iteration - iteration % self.settings.outer_steps
        if first == iteration or not self.settings.inner_steps:
            self.trained.draw(first)
        return gradient_matching(
            self.trained.network,
            self.context.real_clips(self.settings, iteration, self.chunk),
            clips,
            labels,
            DISTANCES[self.settings.distance],
            self.chunk,
        )

    def advance(self, iteration: int, render: Render, labels: Tensor) -> None:
        """Train the network on the synthetic clips, unless the next iteration draws another."""
        settings = self.settings
        if (iteration + 1) % settings.outer_steps:
            for _ in range(settings.inner_steps):
                self.trained.step(render(), Labels(labels), self.chunk)

    def state(self) -> dict[str, Tensor]:
        """The network, where it is more than its random start."""
        return self.trained.state() if self.settings.inner_steps else {}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        if self.settings.inner_steps:
            self.trained.restore(state)


def gradient_matching(
    network: VideoNetwork,
    real: RealClips,
    clips: Tensor,
    labels: Tensor,
    distance: Distance | None = None,
    chunk: int = CHUNK,
) -> tuple[float, Tensor]:
    """The sum over classes of the distance between mean gradients, and its gradient.

    One class at a time, and `chunk` clips of it at a time: memory grows with neither.

    Args:
        network: whose weights require gradients, without dropout.
        real: chunks of real clips (video, time, 3, height, width) and labels, ascending, of the same classes.
        clips: rendered synthetic clips (video, time, 3, height, width) float32.
        labels: (video,) int64, ascending.
        distance: between two gradients, `squared` by default.
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
        value, gradient[mine] = _match_class(network, clips[mine], label, target, distance or squared, chunk)
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

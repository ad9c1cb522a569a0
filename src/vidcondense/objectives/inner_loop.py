"""SGD on synthetic clips, and the gradient of where it leads, in memory that does not grow with its steps."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from vidcondense.base.compute import Compute
from vidcondense.networks.flat import FlatNetwork


@dataclass(frozen=True)
class InnerLoop:
    """N steps θ_{i+1} = θ_i − α g_i, where g_i is the gradient at θ_i of the mean cross-entropy of batch i.

    Unrolled in autograd, the graphs of all N steps would be alive at once. Instead `walk` keeps nothing but
    the weights θ_0, ..., θ_N, and `walk_back` builds the graph of one step and `chunk` clips at a time.

    Attributes:
        network: its mode decides on dropout, which must be off: the two walks have to see the same network.
        clips: (video, time, 3, height, width) X.
        labels: (video,) int64.
        batches: indices of the videos of each step, none twice in a step.
        step_size: α.
        compute: precision of the network's passes; weights, adjoints and sums have the dtype of the weights.
        chunk: clips per graph.
    """

    network: FlatNetwork
    clips: Tensor
    labels: Tensor
    batches: Sequence[Tensor]
    step_size: float
    compute: Compute
    chunk: int

    def walk(self, start: Tensor) -> list[Tensor]:
        """The weights θ_0 = `start`, ..., θ_N, each (weight,)."""
        points = [start]
        for batch in self.batches:
            weights = points[-1].detach().requires_grad_()
            slope = torch.zeros_like(start)
            for part in batch.split(self.chunk):
                loss = self._loss(weights, part, self.clips[part]) / len(batch)
                slope += torch.autograd.grad(loss, weights)[0]
            points.append(points[-1] - self.step_size * slope)
        return points

    def walk_back(self, points: list[Tensor], adjoint: Tensor, *, exact: bool) -> tuple[Tensor, float]:
        """The gradient of a loss L(θ_N) with respect to the clips and the step size.

        From λ_N = ∂L/∂θ_N on, the chain rule needs of step i no more than the derivatives of one number,
        ⟨g_i, λ_{i+1}⟩ with λ_{i+1} held fixed:

            ∂L/∂X −= α ∂⟨g_i, λ_{i+1}⟩/∂X,  ∂L/∂α −= ⟨g_i, λ_{i+1}⟩,  λ_i = λ_{i+1} − α ∂⟨g_i, λ_{i+1}⟩/∂θ_i.

        The last derivative is a product with the Hessian. The result is the gradient of the unrolled steps,
        exact but for rounding.

        TESLA (Cui et al., *Scaling Up Dataset Distillation to ImageNet-1K with Constant Memory*, 2023, which
        calls its gradient exact) writes θ_N = θ_0 − α Σ g_i and differentiates each g_i by its own batch.
        That leaves out that θ_i, where g_i is taken, depends on the batches before it and on α, and is exact
        for a single step only. Here it means λ_i = λ_N throughout, and saves the product with the Hessian
        alone.

        Args:
            points: what `walk` returned.
            adjoint: ∂L/∂θ_N, (weight,).
            exact: False for TESLA's gradient.

        Returns:
            the gradients; not finite where the steps diverged.
        """
        gradient, step_size_gradient = torch.zeros_like(self.clips), 0.0
        for batch, point in zip(reversed(self.batches), reversed(points[:-1]), strict=True):
            weights = point.detach().requires_grad_()
            bend = torch.zeros_like(weights)
            for part in batch.split(self.chunk):
                shown = self.clips[part].requires_grad_()
                with self.network.twice_differentiable():
                    loss = self._loss(weights, part, shown) / len(batch)
                    (slope,) = torch.autograd.grad(loss, weights, create_graph=True)
                    along = torch.dot(slope, adjoint)
                    mixed, *product = torch.autograd.grad(along, (shown, weights) if exact else (shown,))
                gradient[part] -= self.step_size * mixed
                step_size_gradient -= along.item()
                for value in product:
                    bend += value
            adjoint = adjoint - self.step_size * bend
        return gradient, step_size_gradient

    def _loss(self, weights: Tensor, part: Tensor, shown: Tensor) -> Tensor:
        """The summed cross-entropy of the clips `shown`, whose indices are `part`."""
        with self.compute.autocast():
            scores = self.network(weights, shown)
        return F.cross_entropy(scores.to(weights.dtype), self.labels[part], reduction="sum")

"""An objective of your own: mean features are compared by the Huber loss instead of its square."""

import torch
import torch.nn.functional as F
from torch import Tensor

from vidcondense.base.compute import Compute
from vidcondense.data.store import ClipStore
from vidcondense.objectives.base import Objective, RandomNetworks, real_clips
from vidcondense.objectives.distribution_matching import mean_features
from vidcondense.recipes.recipe import Recipe

OPTIONS = {"huber_delta": 0.1}
"""What a recipe can set under [options], with defaults."""


class RobustMatching(Objective):
    """Far-off features pull with a limited force: quadratic up to `huber_delta`, linear beyond."""

    def __init__(self, recipe: Recipe, store: ClipStore, compute: Compute) -> None:
        super().__init__(recipe, store, compute)
        self.networks = RandomNetworks.of(recipe, store, compute)

    def match(self, iteration: int, clips: Tensor, labels: Tensor) -> tuple[float, Tensor]:
        """The loss, summed over classes and features, and its gradient with respect to the clips."""
        network = self.networks.at(iteration)
        classes, chunk = len(self.store.class_names), network.chunk(self.compute)
        batches = real_clips(self.recipe, self.store, self.compute, iteration, chunk)
        real = mean_features(network, batches, classes)
        shown = clips.to(self.compute.dtype).requires_grad_()
        mine = torch.stack([network.embed(shown[labels == one]).float().mean(0) for one in range(classes)])
        delta = float(self.recipe.options["huber_delta"])
        loss = F.huber_loss(mine, real, reduction="sum", delta=delta)
        (gradient,) = torch.autograd.grad(loss, shown)
        return loss.item(), gradient.to(clips.dtype)

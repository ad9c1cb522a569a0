"""An objective of your own: mean features are compared by the Huber loss instead of its square."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from vidcondense.base.settings import StepSize
from vidcondense.objectives import Context, Objective, RealClipsSettings
from vidcondense.objectives.base import RandomNetworks
from vidcondense.objectives.distribution_matching import mean_features


class RobustMatching(Objective):
    """Far-off features pull with a limited force: quadratic up to `huber_delta`, linear beyond."""

    @dataclass(frozen=True, kw_only=True)
    class Settings(RealClipsSettings):
        """What a recipe can set under [objective]."""

        huber_delta: StepSize = 0.1
        """The difference of features from which on their pull is the same."""

    settings: Settings

    def __init__(self, settings: Settings, context: Context) -> None:
        super().__init__(settings, context)
        self.networks = RandomNetworks(context)

    def match(self, iteration: int, clips: Tensor, labels: Tensor) -> tuple[float, Tensor]:
        """The loss, summed over classes and features, and its gradient with respect to the clips."""
        network = self.networks.at(iteration)
        classes, chunk = len(self.context.store.class_names), network.chunk(self.compute)
        real = mean_features(network, self.context.real_clips(self.settings, iteration, chunk), classes)
        shown = clips.to(self.compute.dtype).requires_grad_()
        mine = torch.stack([network.embed(shown[labels == one]).float().mean(0) for one in range(classes)])
        loss = F.huber_loss(mine, real, reduction="sum", delta=self.settings.huber_delta)
        (gradient,) = torch.autograd.grad(loss, shown)
        return loss.item(), gradient.to(clips.dtype)

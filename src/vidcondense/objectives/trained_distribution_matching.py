"""Distribution matching on networks that have learned: experts in place of random networks."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from vidcondense import networks
from vidcondense.base.compute import derive_seed, generator
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.settings import Count
from vidcondense.networks.base import need_levels
from vidcondense.networks.flat import load
from vidcondense.objectives.base import Context
from vidcondense.objectives.distribution_matching import MatchingSettings, distribution_matching, siamese
from vidcondense.objectives.layers import compared
from vidcondense.objectives.on_experts import OnExperts, OnExpertsSettings


class TrainedDistributionMatching(OnExperts):
    """Mean features of a random expert after a random number of epochs, another one in every iteration.

    The means of random networks' features differ little between classes that motion alone tells apart
    (docs/results.md); those of trained networks are what the classes were told apart by. Ours: the papers
    match with random networks.
    """

    @dataclass(frozen=True, kw_only=True)
    class Settings(OnExpertsSettings, MatchingSettings):
        """Distribution matching on experts (ours)."""

        kind: str = "trained_distribution_matching"
        first_epoch: Count = 1
        """Epochs that an expert has behind it at least."""

    settings: Settings

    def __init__(self, settings: Settings, context: Context) -> None:
        self._drawn = context.build()
        if settings.layers == "all":
            need_levels(self._drawn)
        networks.initialise(self._drawn, generator(context.seed))  # fills buffers; weights are the experts'
        super().__init__(settings, context, self._drawn)
        if settings.first_epoch > self.epochs:
            raise VidcondenseError(
                f"objective.first_epoch = {settings.first_epoch} needs experts of that many epochs or more, "
                f"these have {self.epochs}"
            )
        self.network = context.build().requires_grad_(False).eval()
        self.network.to(self.compute.device, self.compute.dtype)
        networks.channels_last(self.network)

    def match(self, iteration: int, clips: Tensor, labels: Tensor) -> tuple[float, Tensor]:
        load(self._drawn, self.experts.weights(*self.drawn(iteration)))
        self.network.load_state_dict(self._drawn.state_dict())
        chunk = self.network.chunk(self.compute)
        real = self.context.real_clips(self.settings, iteration, chunk)
        change = siamese(self.settings.augmentation, self.context, iteration)
        of = compared(self.settings.layers, self.settings.matched, self.context.seed, iteration)
        return distribution_matching(self.network, real, clips, labels, chunk, change, of)

    def drawn(self, iteration: int) -> tuple[int, int]:
        """Which expert an iteration takes, and after how many epochs."""
        rng = np.random.default_rng(derive_seed(self.context.seed, "trained", iteration))
        expert = int(rng.integers(self.experts.count))
        return expert, int(rng.integers(self.settings.first_epoch, self.epochs, endpoint=True))

"""Distribution matching on networks that have learned: experts in place of random networks."""

import numpy as np
from torch import Tensor

from vidcondense import networks
from vidcondense.base.compute import Compute, derive_seed, generator
from vidcondense.base.errors import VidcondenseError
from vidcondense.data.store import ClipStore
from vidcondense.networks.flat import load
from vidcondense.objectives.base import real_clips
from vidcondense.objectives.distribution_matching import distribution_matching
from vidcondense.objectives.on_experts import OnExperts
from vidcondense.recipes.recipe import Recipe


class TrainedDistributionMatching(OnExperts):
    """Mean features of a random expert after a random number of epochs, another one in every iteration.

    The means of random networks' features differ little between classes that motion alone tells apart
    (docs/results.md); those of trained networks are what the classes were told apart by. Ours: the papers
    match with random networks.
    """

    def __init__(self, recipe: Recipe, store: ClipStore, compute: Compute) -> None:
        shape = (recipe.network, len(store.class_names), store.frames, store.size)
        self._drawn = networks.build(*shape)
        networks.initialise(
            self._drawn, generator(recipe.seed)
        )  # fills buffers; weights come from the experts
        super().__init__(recipe, store, compute, self._drawn)
        self.first = recipe.objective.first_epoch
        if self.first > self.epochs:
            raise VidcondenseError(
                f"objective.first_epoch = {self.first} needs experts of that many epochs or more, these have "
                f"{self.epochs}"
            )
        self.network = networks.build(*shape).requires_grad_(False).eval()
        self.network.to(compute.device, compute.dtype)
        networks.channels_last(self.network)

    def match(self, iteration: int, clips: Tensor, labels: Tensor) -> tuple[float, Tensor]:
        """See Objective."""
        load(self._drawn, self.experts.weights(*self.drawn(iteration)))
        self.network.load_state_dict(self._drawn.state_dict())
        chunk = self.network.chunk(self.compute)
        real = real_clips(self.recipe, self.store, self.compute, iteration, chunk)
        return distribution_matching(self.network, real, clips, labels, self.compute, chunk)

    def drawn(self, iteration: int) -> tuple[int, int]:
        """Which expert an iteration takes, and after how many epochs."""
        rng = np.random.default_rng(derive_seed(self.recipe.seed, "trained", iteration))
        expert = int(rng.integers(self.experts.count))
        return expert, int(rng.integers(self.first, self.epochs, endpoint=True))

"""Random selection of real clips."""

from dataclasses import dataclass

import numpy as np

from vidcondense.coresets.selection import Coreset, CoresetSettings, Embed, no_features, refuse_small_classes
from vidcondense.data.batches import RealBatch, sample
from vidcondense.data.store import ClipStore


class Random(Coreset):
    """Training videos of each class at random, each at a random start, not mirrored; no features are read."""

    @dataclass(frozen=True, kw_only=True)
    class Settings(CoresetSettings):
        """Nothing to set."""

        kind: str = "random"

    def select(
        self, store: ClipStore, vpc: int, rng: np.random.Generator, embed: Embed = no_features
    ) -> RealBatch:
        refuse_small_classes(store, vpc)
        return sample(store, vpc, 0.0, rng)

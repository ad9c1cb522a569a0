"""Random selection that takes all of a class that has fewer videos than wanted."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from vidcondense.coresets.selection import Coreset, CoresetSettings, Embed, no_features
from vidcondense.data.batches import RealBatch, sample
from vidcondense.data.store import ClipStore


class AtMost(Coreset):
    """As `Random`, but a class with fewer than `vpc` training videos gives all of them.

    What a budget holds need not end with the smallest class.
    """

    @dataclass(frozen=True, kw_only=True)
    class Settings(CoresetSettings):
        """Nothing to set."""

        takes_fewer: ClassVar[bool] = True

        kind: str = "at_most"

    def select(
        self, store: ClipStore, vpc: int, rng: np.random.Generator, embed: Embed = no_features
    ) -> RealBatch:
        return sample(store, vpc, 0.0, rng)

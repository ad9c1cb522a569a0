"""Random selection of real clips."""

import numpy as np

from vidcondense.coresets.selection import Embed, refuse_small_classes
from vidcondense.data.batches import RealBatch, sample
from vidcondense.data.store import ClipStore


def select_random(
    store: ClipStore, vpc: int, rng: np.random.Generator, embed: Embed | None = None
) -> RealBatch:
    """Choose `vpc` training videos of each class at random, each at a random start, not mirrored.

    Features play no part.

    Raises:
        VidcondenseError: a class has fewer training videos than `vpc`.
    """
    refuse_small_classes(store, vpc)
    return sample(store, vpc, 0.0, rng)

"""Random selection of real clips."""

import numpy as np

from vidcondense.data.batches import RealBatch, sample
from vidcondense.data.store import ClipStore
from vidcondense.errors import VidcondenseError


def select_random(store: ClipStore, vpc: int, rng: np.random.Generator) -> RealBatch:
    """Choose `vpc` training videos of each class at random, each at a random start, not mirrored.

    Raises:
        VidcondenseError: a class has fewer training videos than `vpc`.
    """
    for name, videos in zip(store.class_names, store.by_class("train"), strict=True):
        if len(videos) < vpc:
            raise VidcondenseError(
                f"class {name!r} has {len(videos)} training videos, fewer than vpc {vpc}; "
                f"choose a smaller --vpc"
            )
    return sample(store, vpc, 0.0, rng)

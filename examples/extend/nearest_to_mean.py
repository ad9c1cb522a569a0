"""A coreset of your own: the clips whose features lie nearest to the mean of their class."""

import numpy as np

from vidcondense.coresets.selection import Embed, Floats, Ints, select_by_features, squared_distances
from vidcondense.data.batches import RealBatch
from vidcondense.data.store import ClipStore


def nearest_to_mean(features: Floats, count: int) -> Ints:
    """Rows of features (clip, feature), nearest first; of two equally near the earlier one."""
    distances = squared_distances(features, features.mean(0))
    return np.argsort(distances, kind="stable")[:count].astype(np.int64)


def select_nearest_to_mean(store: ClipStore, vpc: int, rng: np.random.Generator, embed: Embed) -> RealBatch:
    """`vpc` clips of each class."""
    return select_by_features(store, vpc, rng, embed, nearest_to_mean)

"""K-center: clips that leave none of their class far away (Gonzalez, 1985; Sener and Savarese, ICLR 2018)."""

import numpy as np

from vidcondense.coresets.selection import Embed, Floats, Ints, select_by_features, squared_distances
from vidcondense.data.batches import RealBatch
from vidcondense.data.store import ClipStore


def select_k_center(store: ClipStore, vpc: int, rng: np.random.Generator, embed: Embed) -> RealBatch:
    """Choose `vpc` training clips of each class by `k_center` on their features.

    Raises:
        VidcondenseError: a class has fewer training videos than `vpc`.
    """
    return select_by_features(store, vpc, rng, embed, k_center)


def k_center(features: Floats, count: int) -> Ints:
    """Pick the clip nearest to the mean, then again and again the one farthest from all picked so far.

    A clip's distance from those picked is that to the nearest of them. Of equal ones the lowest row is
    picked.

    Args:
        features: (clip, feature).
        count: how many to pick, at least 1 and at most the number of clips.

    Returns:
        (count,) int64, rows in the order in which they were picked.
    """
    rows = [int(squared_distances(features, features.mean(0)).argmin())]
    nearest = squared_distances(features, features[rows[0]])
    while len(rows) < count:
        nearest[rows] = -np.inf  # also among clips that are all alike, none is picked twice
        rows.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, squared_distances(features, features[rows[-1]]))
    return np.array(rows, dtype=np.int64)

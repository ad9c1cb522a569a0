"""K-center: clips that leave none of their class far away (Gonzalez, 1985; Sener and Savarese, ICLR 2018)."""

from dataclasses import dataclass

import numpy as np

from vidcondense.coresets.selection import ByFeatures, FeatureSettings, Floats, Ints, squared_distances


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


class KCenter(ByFeatures):
    """Clips that leave none of their class far away (Sener and Savarese, 2018)."""

    @dataclass(frozen=True, kw_only=True)
    class Settings(FeatureSettings):
        kind: str = "k_center"

    rule = staticmethod(k_center)

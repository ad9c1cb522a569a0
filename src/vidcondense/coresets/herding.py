"""Herding: clips whose mean feature stays near that of their class (Welling, ICML 2009)."""

from dataclasses import dataclass

import numpy as np

from vidcondense.coresets.selection import ByFeatures, FeatureSettings, Floats, Ints, squared_distances


def herding(features: Floats, count: int) -> Ints:
    """Pick clips one after another, so that the mean of those picked stays near the mean of all.

    Step i = 1, 2, ... picks the clip f, not picked before, that minimises ||i m - s - f||, where m is the
    mean of all features and s the sum of those picked; the lowest row of equal ones.

    Args:
        features: (clip, feature).
        count: how many to pick, at most the number of clips.

    Returns:
        (count,) int64, rows in the order in which they were picked.
    """
    mean, picked = features.mean(0), np.zeros(features.shape[1])
    rows: list[int] = []
    for number in range(1, count + 1):
        distances = squared_distances(features, number * mean - picked)
        distances[rows] = np.inf
        rows.append(int(distances.argmin()))
        picked += features[rows[-1]]
    return np.array(rows, dtype=np.int64)


class Herding(ByFeatures):
    """Clips whose mean feature stays near that of their class (Welling, 2009)."""

    @dataclass(frozen=True, kw_only=True)
    class Settings(FeatureSettings):
        kind: str = "herding"

    rule = staticmethod(herding)

"""A coreset of your own: the clips whose features lie nearest to the mean of their class."""

import numpy as np

from vidcondense.coresets.selection import ByFeatures, Floats, Ints, squared_distances


class NearestToMean(ByFeatures):
    """Its settings are those of all coresets that select by features."""

    @staticmethod
    def rule(features: Floats, count: int) -> Ints:
        """Rows of features (clip, feature), nearest first; of two equally near the earlier one."""
        distances = squared_distances(features, features.mean(0))
        return np.argsort(distances, kind="stable")[:count].astype(np.int64)

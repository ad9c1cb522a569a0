"""Coresets: which real clips to keep. One selector per file."""

from collections.abc import Callable

import numpy as np

from vidcondense.coresets.random import select_random
from vidcondense.data.batches import RealBatch
from vidcondense.data.store import ClipStore

CORESETS: dict[str, Callable[[ClipStore, int, np.random.Generator], RealBatch]] = {
    "random": select_random,
}

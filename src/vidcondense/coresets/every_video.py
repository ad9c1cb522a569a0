"""Every training video: the whole dataset, a clip of each."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from vidcondense.coresets.selection import Coreset, CoresetSettings, Embed, no_features
from vidcondense.data.batches import RealBatch, windows_by_class
from vidcondense.data.store import ClipStore


class EveryVideo(Coreset):
    """Every training video, each at a random start, not mirrored; classes have as many as the store."""

    @dataclass(frozen=True, kw_only=True)
    class Settings(CoresetSettings):
        """Nothing to set."""

        chooses: ClassVar[bool] = False

        kind: str = "every_video"

    def select(
        self, store: ClipStore, vpc: int, rng: np.random.Generator, embed: Embed = no_features
    ) -> RealBatch:
        classes = windows_by_class(store, rng)
        videos, starts = (
            np.concatenate([getattr(windows, name) for windows in classes]) for name in ("videos", "starts")
        )
        return RealBatch.unflipped(store, videos, starts)

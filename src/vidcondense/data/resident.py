"""A store whose frames lie in the memory of a GPU, so that clips need not travel there in every iteration."""

import numpy as np
import torch
from torch import Tensor

from vidcondense.base.compute import Compute
from vidcondense.data import sampling
from vidcondense.data.shards import CHANNELS, frames_path
from vidcondense.data.store import ClipStore, Ints

SHARE = 2
"""Frames may take one part in so many of the device's memory; networks and activations need the rest."""


class ResidentStore(ClipStore):
    """A ClipStore that gathers its clips on a device.

    Args:
        store: whose frames to copy; its split and classes stay.
        device: where to.
    """

    def __init__(self, store: ClipStore, device: torch.device) -> None:
        self.__dict__.update(store.__dict__)
        self._before: Ints = np.cumsum(store.lengths) - store.lengths
        shape = (int(store.lengths.sum()), store.size, store.size, CHANNELS)
        self._pixels = torch.empty(shape, dtype=torch.uint8, device=device)
        flat, filled = self._pixels.flatten(), 0
        for number in range(int(self._shards.max()) + 1):
            shard = torch.from_numpy(np.fromfile(frames_path(store.path, number), dtype=np.uint8))
            flat[filled : filled + len(shard)].copy_(shard)
            filled += len(shard)

    def read(self, videos: Ints, starts: Ints, out: Tensor | None = None) -> Tensor:
        """As ClipStore.read, on the device."""
        videos, starts = np.asarray(videos, dtype=np.int64), np.asarray(starts, dtype=np.int64)
        rows = sampling.frame_indices(self.lengths[videos], starts, self.frames, self.stride)
        rows += self._before[videos][:, None]
        index = torch.from_numpy(rows.reshape(-1)).to(self._pixels.device)
        clips: Tensor = self._pixels.index_select(0, index).unflatten(0, (len(videos), self.frames))
        self.bytes_read += clips.numel()
        if out is not None:
            clips = out.copy_(clips)
        return clips.permute(0, 1, 4, 2, 3)


def resident(store: ClipStore, compute: Compute) -> ClipStore:
    """The store with its frames on the GPU, where there is one and a share of its memory holds them."""
    size = int(store.lengths.sum()) * store.size**2 * CHANNELS
    if compute.device.type != "cuda" or size > compute.memory() // SHARE:
        return store
    return ResidentStore(store, compute.device)

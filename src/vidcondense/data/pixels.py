"""The frames of a store: in its files, or copied to the memory of a device."""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vidcondense.base.compute import Compute
from vidcondense.base.errors import VidcondenseError
from vidcondense.data.index import remedy
from vidcondense.data.shards import CHANNELS, frame_bytes, frames_path

# Every open file holds a descriptor, of which a process often has no more than 1024.
OPEN_SHARDS = 128

SHARE = 2
"""Frames may take one part in so many of a GPU's memory; networks and activations need the rest."""


class Pixels(ABC):
    """All frames of a store, numbered through its shards.

    Attributes:
        bytes_read: so far.
    """

    bytes_read = 0

    def read(self, rows: NDArray[np.int64], out: Tensor | None) -> Tensor:
        """Read the frames `rows` (clip, time), those of a clip from one shard.

        Returns:
            uint8 (clip, time, height, width, 3), contiguous: `out` if it is given.
        """
        clips = self._gather(rows, out)
        self.bytes_read += clips.numel()
        return clips

    @abstractmethod
    def _gather(self, rows: NDArray[np.int64], out: Tensor | None) -> Tensor: ...


class FilePixels(Pixels):
    """Frames in the files of a store.

    Not by a memory map: pages that it has touched count as this process's memory, up to all pixels.

    Args:
        store: the folder.
        shard_frames: frames in each shard.
        size: height and width of frames.
    """

    def __init__(self, store: Path, shard_frames: Sequence[int], size: int) -> None:
        self.store, self.shards, self.size = store, len(shard_frames), size
        self.frames = sum(shard_frames)
        self._ends = np.cumsum(np.asarray(shard_frames, dtype=np.int64))
        self._begins = self._ends - shard_frames
        self._opened = lru_cache(maxsize=OPEN_SHARDS)(lambda number: _Shard(store, number))

    def _gather(self, rows: NDArray[np.int64], out: Tensor | None) -> Tensor:
        if out is None:
            out = torch.empty((*rows.shape, self.size, self.size, CHANNELS), dtype=torch.uint8)
        size, place = frame_bytes(self.size), 0
        buffer = memoryview(out.numpy().reshape(-1).data)
        shards = np.searchsorted(self._ends, rows[:, 0], side="right")
        offsets = (rows - self._begins[shards][:, None]) * size
        for number, clip in zip(shards.tolist(), offsets.tolist(), strict=True):
            shard = self._opened(number)
            for offset in clip:
                shard.read(buffer[place : place + size], offset)
                place += size
        return out


class DevicePixels(Pixels):
    """A copy of all frames in the memory of a device, so that clips need not travel there."""

    def __init__(self, files: FilePixels, device: torch.device) -> None:
        shape = (files.frames, files.size, files.size, CHANNELS)
        self._pixels = torch.empty(shape, dtype=torch.uint8, device=device)
        flat, filled = self._pixels.flatten(), 0
        for number in range(files.shards):
            shard = torch.from_numpy(np.fromfile(frames_path(files.store, number), dtype=np.uint8))
            flat[filled : filled + len(shard)].copy_(shard)
            filled += len(shard)

    def _gather(self, rows: NDArray[np.int64], out: Tensor | None) -> Tensor:
        index = torch.from_numpy(rows.reshape(-1)).to(self._pixels.device)
        clips = self._pixels.index_select(0, index).unflatten(0, rows.shape)
        return clips if out is None else out.copy_(clips)


def near(files: FilePixels, compute: Compute) -> Pixels:
    """The frames on the GPU, where there is one and a share of its memory holds them."""
    if compute.device.type != "cuda" or files.frames * frame_bytes(files.size) > compute.memory() // SHARE:
        return files
    return DevicePixels(files, compute.device)


class _Shard:
    """An open file of frames."""

    def __init__(self, store: Path, number: int) -> None:
        self._handle = -1
        self._path = frames_path(store, number)
        try:
            self._handle = os.open(self._path, os.O_RDONLY)
        except OSError as error:
            raise VidcondenseError(f"cannot read {self._path}: {error.strerror or error}") from error

    def read(self, buffer: memoryview, offset: int) -> None:
        """Fill a buffer from a place in the file; others who share the handle do not disturb it."""
        try:
            found = os.preadv(self._handle, (buffer,), offset)
        except OSError as error:
            raise VidcondenseError(f"cannot read {self._path}: {error.strerror or error}") from error
        if found != len(buffer):
            raise VidcondenseError(
                f"{self._path} was cut short since the store was opened; {remedy(self._path.parent)}"
            )

    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        if self._handle >= 0:  # when the interpreter ends, `os` may be gone before
            close(self._handle)

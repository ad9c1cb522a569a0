"""A store in a device's memory against the store on disk; the CPU's own memory stands in for a GPU's."""

import copy
import os
from dataclasses import replace

import numpy as np
import pytest
import torch

from vidcondense.base.compute import Compute, choose
from vidcondense.data import pixels
from vidcondense.data.batches import sample
from vidcondense.data.pixels import DevicePixels, FilePixels, near
from vidcondense.data.store import ClipStore

CPU = torch.device("cpu")


@pytest.fixture
def resident(tiny_store: ClipStore, monkeypatch: pytest.MonkeyPatch) -> ClipStore:
    """The tiny store with its frames in memory."""
    monkeypatch.setattr("vidcondense.data.store.near", lambda files, compute: DevicePixels(files, CPU))
    return tiny_store.near(choose("cpu"))


def test_the_same_clips_as_from_disk(resident: ClipStore, tiny_store: ClipStore) -> None:
    for part in (range(3), range(1, 2)):
        ours, theirs = resident.only(part), tiny_store.only(part)
        batch = sample(ours, 4, 0.0, np.random.default_rng(0))
        assert torch.equal(ours.read(batch.videos, batch.starts), theirs.read(batch.videos, batch.starts))
    assert all(
        torch.equal(a, b)
        for (a, _), (b, _) in zip(resident.read_all("test", 2), tiny_store.read_all("test", 2), strict=True)
    )


def test_views_stay_in_memory(resident: ClipStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FilePixels, "read", None)
    videos, starts = np.array([3, 0]), np.array([1, 0])
    for view in (resident.stills(), resident.only(range(1)), resident.whole, copy.copy(resident)):
        assert len(view.read(videos, starts)) == 2


def test_it_reads_into_memory_that_is_given(resident: ClipStore, tiny_store: ClipStore) -> None:
    videos, starts = np.array([3, 0]), np.array([1, 0])
    out = torch.empty(2, tiny_store.frames, tiny_store.size, tiny_store.size, 3, dtype=torch.uint8)
    assert resident.read(videos, starts, out).data_ptr() == out.data_ptr()
    assert torch.equal(out.permute(0, 1, 4, 2, 3), tiny_store.read(videos, starts))


def test_it_counts_the_bytes_that_it_and_its_views_read(resident: ClipStore) -> None:
    before = resident.bytes_read
    for view in (resident, resident.only(range(1))):
        view.read(np.array([3, 0]), np.array([1, 0]))
    assert resident.bytes_read - before == 2 * 2 * resident.frames * resident.size**2 * 3


def test_only_a_gpu_with_room_takes_a_store(tiny_store: ClipStore, monkeypatch: pytest.MonkeyPatch) -> None:
    files = FilePixels(tiny_store.path, (10,), tiny_store.size)
    assert near(files, choose("cpu")) is files
    gpu = replace(choose("cpu"), device=torch.device("cuda"))
    monkeypatch.setattr(Compute, "memory", lambda self: 1000)
    assert near(files, gpu) is files


def test_files_are_closed_when_the_interpreter_ends(
    tiny_store: ClipStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Modules that they need may be gone by then; an error in `__del__` fails the test."""
    shard = pixels._Shard(tiny_store.path, 0)
    handle = shard._handle
    with monkeypatch.context() as patch:
        patch.setattr(pixels, "os", None)
        del shard
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(handle)

"""A store in a device's memory against the store on disk; the CPU's own memory stands in for a GPU's."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from vidcondense.base.compute import Compute, choose
from vidcondense.data.batches import sample
from vidcondense.data.resident import ResidentStore, resident
from vidcondense.data.store import ClipStore

CPU = torch.device("cpu")


def test_the_same_clips_as_from_disk(tiny_store: ClipStore) -> None:
    store = ResidentStore(tiny_store, CPU)
    for part in (range(3), range(1, 2)):
        ours, theirs = store.only(part), tiny_store.only(part)
        batch = sample(ours, 4, 0.0, np.random.default_rng(0))
        assert torch.equal(ours.read(batch.videos, batch.starts), theirs.read(batch.videos, batch.starts))
    assert all(
        torch.equal(a, b)
        for (a, _), (b, _) in zip(store.read_all("test", 2), tiny_store.read_all("test", 2), strict=True)
    )


def test_it_reads_into_memory_that_is_given(tiny_store: ClipStore) -> None:
    videos, starts = np.array([3, 0]), np.array([1, 0])
    out = torch.empty(2, tiny_store.frames, tiny_store.size, tiny_store.size, 3, dtype=torch.uint8)
    assert ResidentStore(tiny_store, CPU).read(videos, starts, out).data_ptr() == out.data_ptr()
    assert torch.equal(out.permute(0, 1, 4, 2, 3), tiny_store.read(videos, starts))


def test_it_counts_the_bytes_that_it_reads(tiny_store: ClipStore) -> None:
    store = ResidentStore(tiny_store, CPU)
    before = store.bytes_read
    store.read(np.array([3, 0]), np.array([1, 0]))
    assert store.bytes_read - before == 2 * tiny_store.frames * tiny_store.size**2 * 3


def test_only_a_gpu_with_room_takes_a_store(tiny_store: ClipStore, monkeypatch: pytest.MonkeyPatch) -> None:
    assert resident(tiny_store, choose("cpu")) is tiny_store
    gpu = replace(choose("cpu"), device=torch.device("cuda"))
    monkeypatch.setattr(Compute, "memory", lambda self: 1000)
    assert resident(tiny_store, gpu) is tiny_store

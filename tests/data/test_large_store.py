"""What reading a store costs does not depend on how many videos it has: counted, not timed."""

import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from vidcondense.base.compute import Compute
from vidcondense.data.batches import sample
from vidcondense.data.index import FORMAT_VERSION, StoreIndex, fingerprint, video_table, write_index
from vidcondense.data.pixels import OPEN_SHARDS
from vidcondense.data.shards import block_size, frame_bytes, frames_path
from vidcondense.data.store import ClipStore
from vidcondense.evaluation.clips import StoreClips

CLASSES, SIZE, FRAMES = 10, 8, 2
SMALL, LARGE = 1_000, 40_000
EXACT = Compute(torch.device("cpu"), torch.float32)


def written(path: Path, videos: int) -> ClipStore:
    """A store of videos of two black frames, without what `prepare` needs to make one."""
    path.mkdir()
    table, block = video_table(videos, 1), block_size(videos)
    table["label"] = np.arange(videos) * CLASSES // videos
    table["frames"] = FRAMES
    table["shard"] = np.arange(videos) // block
    sizes = [FRAMES * min(block, videos - first) for first in range(0, videos, block)]
    for number, frames in enumerate(sizes):
        frames_path(path, number).write_bytes(bytes(frames * frame_bytes(SIZE)))
    names = tuple(map(str, range(CLASSES)))
    shape = {"frames": FRAMES, "stride": 1, "size": SIZE}
    index = StoreIndex(
        format_version=FORMAT_VERSION,
        name="black",
        class_names=names,
        split_names=("1",),
        **shape,
        source={},
        decoder={},
        fingerprint=fingerprint({}, table),
        videos=videos,
        shard_frames=tuple(sizes),
        skipped=(),
    )
    write_index(path, index, table, [])
    return ClipStore.open(path)


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> list[ClipStore]:
    folder = tmp_path_factory.mktemp("large")
    return [written(folder / str(videos), videos) for videos in (SMALL, LARGE)]


def allocated(function: Callable[[], object]) -> int:
    """Bytes of Python and NumPy that a call holds at most."""
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_drawing_and_reading_a_batch(stores: list[ClipStore], monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    real = os.open
    monkeypatch.setattr(os, "open", lambda path, *rest: opened.append(str(path)) or real(path, *rest))
    memory, read, files = [], [], []
    for store in stores:
        sample(store, 16, 0.5, np.random.default_rng(0))  # looks the classes up
        batch = sample(store, 16, 0.5, np.random.default_rng(1))
        memory.append(allocated(lambda store=store: sample(store, 16, 0.5, np.random.default_rng(1))))
        opened.clear()
        before = store.bytes_read
        store.read(batch.videos, batch.starts)
        read.append(store.bytes_read - before)
        files.append(len(opened))
    assert memory[1] < 1.2 * memory[0]
    assert memory[1] < 100 * len(batch.videos) + 20_000
    assert read[0] == read[1] == 160 * FRAMES * frame_bytes(SIZE)
    assert max(files) <= 160


def test_a_store_takes_a_few_bytes_a_video(stores: list[ClipStore]) -> None:
    held = []
    for store in stores:
        ClipStore.open(store.path)
        tracemalloc.start()
        again = ClipStore.open(store.path)
        held.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
        assert again.videos == store.videos
    assert (held[1] - held[0]) / (LARGE - SMALL) < 40
    assert len(list(stores[1].path.iterdir())) < 520  # shards grow, not their number


def test_an_epoch_reads_each_clip_once_and_holds_a_batch(stores: list[ClipStore]) -> None:
    store = stores[1]
    clips = StoreClips(store, 0.5, EXACT)
    clips.read(torch.arange(1), 0, 0)  # draws the epoch's windows
    before = store.bytes_read
    order = torch.randperm(len(clips))
    needed = allocated(lambda: clips.read(order[:64], 0, 0))
    assert store.bytes_read - before == 64 * FRAMES * frame_bytes(SIZE)
    assert needed < 100_000


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_few_files_are_open_at_a_time(stores: list[ClipStore]) -> None:
    store, before = stores[1], open_files()
    store.read(np.arange(0, LARGE, 70), np.zeros(len(range(0, LARGE, 70)), np.int64))
    assert open_files() - before <= OPEN_SHARDS

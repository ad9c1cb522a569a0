"""Batches of real clips: which videos, and what networks get."""

import numpy as np
import pytest
import torch

from vidcondense.base.compute import Compute
from vidcondense.data.batches import IMAGENET_MEAN, IMAGENET_STD, RealBatch, sample
from vidcondense.data.store import ClipStore

EXACT = Compute(torch.device("cpu"), torch.float32)


@pytest.mark.parametrize(("per_class", "expected"), [(1, 1), (4, 4), (5, 5), (64, 5)])
def test_up_to_per_class_training_videos_without_replacement(
    per_class: int, expected: int, tiny_store: ClipStore
) -> None:
    batch = sample(tiny_store, per_class, 0.5, np.random.default_rng(0))
    assert batch.labels.tolist() == sorted([0, 1, 2] * expected)
    assert tiny_store.labels[batch.videos].tolist() == batch.labels.tolist()
    assert len(set(batch.videos.tolist())) == len(batch.videos)
    assert set(batch.videos.tolist()) <= set(tiny_store.select("train").tolist())
    assert ((batch.starts >= 0) & (batch.starts < tiny_store.lengths[batch.videos])).all()


def test_flips_follow_their_probability(tiny_store: ClipStore) -> None:
    rng = np.random.default_rng(0)
    assert not sample(tiny_store, 5, 0.0, rng).flips.any()
    assert sample(tiny_store, 5, 1.0, rng).flips.all()
    shares = [sample(tiny_store, 5, 0.5, rng).flips.mean() for _ in range(100)]
    assert abs(np.mean(shares) - 0.5) < 0.05


@pytest.mark.parametrize("chunk", [1, 2, 100])
def test_clips_are_normalised_and_mirrored_in_chunks(chunk: int, tiny_store: ClipStore) -> None:
    videos = np.array([0, 9, 3, 20])
    batch = RealBatch(
        videos, np.array([0, 1, 2, 3]), np.array([False, True, False, True]), tiny_store.labels[videos]
    )
    parts = list(batch.read(tiny_store, EXACT, chunk))
    assert [len(clips) for clips, _ in parts] == ([chunk] * (4 // chunk) if chunk < 100 else [4])
    assert torch.cat([labels for _, labels in parts]).tolist() == tiny_store.labels[videos].tolist()
    clips = torch.cat([clips for clips, _ in parts])
    raw = tiny_store.read(videos, batch.starts) / 255
    mean, std = (torch.tensor(x).view(3, 1, 1) for x in (IMAGENET_MEAN, IMAGENET_STD))
    for made, plain, flip in zip(clips, (raw - mean) / std, batch.flips, strict=True):
        torch.testing.assert_close(made, plain.flip(-1) if flip else plain, rtol=1e-4, atol=1e-5)

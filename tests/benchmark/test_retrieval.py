"""Retrieval: recall against a sorted list, and what is kept of it."""

import numpy as np
import pytest
import torch

from vidcondense.base.compute import choose
from vidcondense.benchmark import retrieval
from vidcondense.data.store import ClipStore


def test_recall_by_sorting() -> None:
    rng = np.random.default_rng(0)
    queries, gallery = rng.normal(size=(300, 6)), rng.normal(size=(50, 6)) * rng.uniform(0.1, 9, (50, 1))
    classes, known = rng.integers(5, size=300), rng.integers(5, size=50)
    expected = []
    for most in (1, 5, 10):
        hits = 0
        for query, wanted in zip(queries, classes, strict=True):
            cosines = [query @ one / np.linalg.norm(query) / np.linalg.norm(one) for one in gallery]
            nearest = sorted(range(50), key=lambda index: -cosines[index])[:most]
            hits += any(known[index] == wanted for index in nearest)
        expected.append(100 * hits / 300)
    found = retrieval.recall(*map(torch.from_numpy, (queries, classes, gallery, known)))
    assert found == pytest.approx(expected)
    assert expected[0] < expected[1] < expected[2]


def test_a_gallery_of_fewer_videos_than_are_asked_for() -> None:
    features, classes = torch.eye(3), torch.tensor([0, 1, 2])
    assert retrieval.recall(features, classes, features, classes) == [100, 100, 100]
    assert retrieval.recall(features, classes, features, classes.roll(1)) == [0, 100, 100]


def test_a_video_finds_itself(tiny_store: ClipStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where queries are the videos that are searched, the nearest is the query."""
    by_class = ClipStore.by_class
    compute = choose("cpu", "float32")
    for found in retrieval.untrained(tiny_store, "minic3d", [0, 1], 64, compute):
        assert 0 <= found[0] <= found[1] <= found[2] <= 100
    monkeypatch.setattr(ClipStore, "by_class", lambda self, role: by_class(self, "train"))
    assert retrieval.untrained(tiny_store, "minic3d", [0], 64, compute) == [[100, 100, 100]]

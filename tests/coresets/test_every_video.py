"""Every training video once; and the whole dataset as a run, which has no number of videos to choose."""

from pathlib import Path

import numpy as np
import pytest

from vidcondense.base.errors import VidcondenseError
from vidcondense.coresets.every_video import EveryVideo
from vidcondense.data.store import ClipStore
from vidcondense.recipes.load import load
from vidcondense.run.budget import Samples, fit
from vidcondense.run.loop import condense
from vidcondense.run.shards import condense_in_shards


def test_every_training_video_once_whatever_vpc(tiny_store: ClipStore) -> None:
    chosen = EveryVideo.default().select(tiny_store, 1, np.random.default_rng(0))
    assert sorted(chosen.videos.tolist()) == sorted(tiny_store.select("train").tolist())
    assert chosen.labels.tolist() == sorted(chosen.labels.tolist())
    assert tiny_store.labels[chosen.videos].tolist() == chosen.labels.tolist()
    assert not chosen.flips.any()


def test_classes_of_different_size_fill_a_budget_in_shards_too(
    unbalanced_store: ClipStore, tmp_path: Path
) -> None:
    counts = [len(videos) for videos in unbalanced_store.by_class("train")]
    assert len(set(counts)) > 1
    recipe = load("every_video", overrides={"budget": 6_000})
    held = fit(Samples(unbalanced_store), recipe)
    assert held.recipe == recipe and "every training video" in held.describe()
    whole = condense(unbalanced_store, recipe, tmp_path / "whole", show=False)
    assert np.bincount(whole.labels.numpy()).tolist() == counts
    assert 0.8 * 6_000 < (tmp_path / "whole" / "condensed.safetensors").stat().st_size <= 6_000
    parts = condense_in_shards(unbalanced_store, recipe, tmp_path / "parts", 2, show=False)
    assert parts is not None
    assert parts.labels.tolist() == whole.labels.tolist()
    assert bool((parts.render() == whole.render()).all())


def test_a_number_of_videos_is_refused() -> None:
    with pytest.raises(VidcondenseError, match=r"'vpc' would be read by nothing: .* keeps every training"):
        load("every_video", vpc=2)
    assert "vpc" not in load("every_video").to_dict()

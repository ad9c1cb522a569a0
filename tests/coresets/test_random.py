"""Random selection: training videos only, each once, the same ones from the same seed."""

import numpy as np
import pytest

from vidcondense.base.errors import VidcondenseError
from vidcondense.coresets.random import Random
from vidcondense.data.store import ClipStore


@pytest.mark.parametrize("vpc", [1, 3, 5])
def test_vpc_different_training_videos_of_each_class(vpc: int, tiny_store: ClipStore) -> None:
    chosen = Random.default().select(tiny_store, vpc, np.random.default_rng(0))
    assert chosen.labels.tolist() == sorted([0, 1, 2] * vpc)
    assert tiny_store.labels[chosen.videos].tolist() == chosen.labels.tolist()
    assert len(set(chosen.videos.tolist())) == 3 * vpc
    assert set(chosen.videos.tolist()) <= set(tiny_store.select("train").tolist())
    assert not chosen.flips.any()
    again = Random.default().select(tiny_store, vpc, np.random.default_rng(0))
    assert chosen.videos.tolist() == again.videos.tolist()
    assert chosen.starts.tolist() == again.starts.tolist()


def test_every_video_has_its_turn(tiny_store: ClipStore) -> None:
    rng = np.random.default_rng(0)
    seen = {video for _ in range(60) for video in Random.default().select(tiny_store, 1, rng).videos.tolist()}
    assert seen == set(tiny_store.select("train").tolist())


def test_a_class_with_too_few_videos_is_named(tiny_store: ClipStore) -> None:
    name = tiny_store.class_names[0]
    with pytest.raises(VidcondenseError, match=f"class '{name}' has 5 training videos, fewer than vpc 6"):
        Random.default().select(tiny_store, 6, np.random.default_rng(0))

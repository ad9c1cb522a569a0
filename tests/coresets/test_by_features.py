"""Herding and k-center: against hand-computed cases and slow loops, and on a store."""

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from vidcondense.base.errors import VidcondenseError
from vidcondense.coresets import CORESETS
from vidcondense.coresets.herding import herding
from vidcondense.coresets.k_center import k_center
from vidcondense.data.batches import RealBatch
from vidcondense.data.store import ClipStore

Floats = NDArray[np.float64]
Rule = Callable[[Floats, int], NDArray[np.int64]]
SELECTORS = ("herding", "k_center")


def line(*values: float) -> Floats:
    """One feature per clip."""
    return np.array(values, dtype=np.float64)[:, None]


def test_herding_by_hand() -> None:
    # The mean is 3. Step 1 wants 3: the 2 is nearest. Step 2 wants 6 - 2 = 4: the 6 is 2 away, the 1 is 3
    # away and the 2 is taken. Step 3 wants 9 - 8 = 1: the 1. Step 4 wants 12 - 9 = 3: the 0 and the other 6
    # are equally far, and the 0 comes first.
    assert herding(line(0, 1, 2, 6, 6), 5).tolist() == [2, 3, 1, 0, 4]


def test_k_center_by_hand() -> None:
    # The mean is 3, to which the 2 is nearest. Farthest from it is a 6, and the first is picked. Then the 0
    # is 2 away from the 2, the 1 is 1 away, and the other 6 is where one was picked.
    assert k_center(line(0, 1, 2, 6, 6), 5).tolist() == [2, 3, 0, 1, 4]


def slow_herding(features: Floats, count: int) -> list[int]:
    picked: list[int] = []
    for i in range(1, count + 1):
        best, chosen = math.inf, -1
        for row in range(len(features)):
            gap = [
                i * math.fsum(column) / len(features) - math.fsum(column[picked]) - column[row]
                for column in features.T
            ]
            distance = math.hypot(*gap)
            if row not in picked and distance < best:
                best, chosen = distance, row
        picked.append(chosen)
    return picked


def slow_k_center(features: Floats, count: int) -> list[int]:
    mean = [math.fsum(column) / len(features) for column in features.T]
    picked = [min(range(len(features)), key=lambda row: math.dist(features[row], mean))]
    while len(picked) < count:
        left = [row for row in range(len(features)) if row not in picked]
        picked.append(max(left, key=lambda row: min(math.dist(features[row], features[p]) for p in picked)))
    return picked


@pytest.mark.parametrize("seed", range(5))
def test_against_slow_loops(seed: int) -> None:
    features = np.random.default_rng(seed).normal(3.0, 2.0, (17, 4))
    for count in (1, 2, 6, 17):
        assert herding(features, count).tolist() == slow_herding(features, count)
        assert k_center(features, count).tolist() == slow_k_center(features, count)


@pytest.mark.parametrize("rule", [herding, k_center])
def test_ties_go_to_the_lowest_row_and_no_clip_is_picked_twice(rule: Rule) -> None:
    assert rule(np.ones((4, 3)), 4).tolist() == [0, 1, 2, 3]
    assert rule(line(1, -1, -1, 1), 1).tolist() == [0]
    features = np.random.default_rng(0).normal(size=(6, 2))
    for count in range(1, 7):
        assert rule(features, count).tolist() == rule(features, 6).tolist()[:count]
    assert sorted(rule(features, 6).tolist()) == list(range(6))


def test_at_one_video_per_class_both_are_the_clip_nearest_to_the_mean() -> None:
    features = np.random.default_rng(1).normal(size=(9, 5))
    assert herding(features, 1).tolist() == k_center(features, 1).tolist()


def numbers(batches: Sequence[RealBatch]) -> Iterator[Floats]:
    """A feature that is the video's number, squared so that no two gaps are alike."""
    for batch in batches:
        yield (batch.videos[:, None] ** 2).astype(np.float64)


@pytest.mark.parametrize("name", SELECTORS)
@pytest.mark.parametrize("vpc", [1, 3, 5])
def test_vpc_different_training_videos_of_each_class(name: str, vpc: int, tiny_store: ClipStore) -> None:
    chosen = CORESETS.member(name).default().select(tiny_store, vpc, np.random.default_rng(0), numbers)
    assert chosen.labels.tolist() == sorted([0, 1, 2] * vpc)
    assert tiny_store.labels[chosen.videos].tolist() == chosen.labels.tolist()
    assert len(set(chosen.videos.tolist())) == 3 * vpc
    assert set(chosen.videos.tolist()) <= set(tiny_store.select("train").tolist())
    assert not chosen.flips.any()
    rule = {"herding": herding, "k_center": k_center}[name]
    expected = [
        videos[rule((videos[:, None] ** 2).astype(np.float64), vpc)]
        for videos in tiny_store.by_class("train")
    ]
    assert chosen.videos.tolist() == np.concatenate(expected).tolist()


@pytest.mark.parametrize("name", SELECTORS)
def test_the_windows_kept_are_those_that_were_embedded(name: str, tiny_store: ClipStore) -> None:
    tiny_store.stride = 1  # 16 frames have room for many windows of 4
    seen: dict[int, int] = {}

    def embed(batches: Sequence[RealBatch]) -> Iterator[Floats]:
        for batch in batches:
            seen.update(zip(batch.videos.tolist(), batch.starts.tolist(), strict=True))
            yield batch.starts[:, None].astype(np.float64)

    few = CORESETS.member(name).default().select(tiny_store, 1, np.random.default_rng(3), embed)
    many = CORESETS.member(name).default().select(tiny_store, 4, np.random.default_rng(3), embed)
    assert set(seen) == set(tiny_store.select("train").tolist())
    assert len(set(seen.values())) > 1
    for chosen in (few, many):
        assert [seen[video] for video in chosen.videos.tolist()] == chosen.starts.tolist()
    assert few.videos.tolist() == many.videos[::4].tolist()  # more videos per class only add to fewer


@pytest.mark.parametrize("name", SELECTORS)
def test_a_shard_embeds_its_own_classes_and_keeps_the_same_clips(name: str, tiny_store: ClipStore) -> None:
    embedded: list[int] = []

    def embed(batches: Sequence[RealBatch]) -> Iterator[Floats]:
        for batch in batches:
            embedded.extend(np.unique(batch.labels).tolist())
            yield ((batch.videos[:, None] * 7 + batch.starts[:, None]) ** 2).astype(np.float64)

    whole = (
        CORESETS.member(name).default().select(tiny_store, 2, np.random.default_rng(0), embed).of(range(1, 3))
    )
    embedded.clear()
    part = (
        CORESETS.member(name)
        .default()
        .select(tiny_store.only(range(1, 3)), 2, np.random.default_rng(0), embed)
    )
    assert embedded == [1, 2]
    for column in ("videos", "starts", "flips", "labels"):
        assert getattr(part, column).tolist() == getattr(whole, column).tolist()


@pytest.mark.parametrize("name", SELECTORS)
def test_a_class_with_too_few_videos_is_named_before_anything_is_embedded(
    name: str, tiny_store: ClipStore
) -> None:
    def embed(batches: Sequence[RealBatch]) -> Iterator[Floats]:
        raise AssertionError

    with pytest.raises(VidcondenseError, match=f"class '{tiny_store.class_names[0]}' has 5 training videos"):
        CORESETS.member(name).default().select(tiny_store, 6, np.random.default_rng(0), embed)

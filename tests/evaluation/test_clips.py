"""What networks are trained on: condensed clips never change, real ones are drawn anew in each epoch."""

import numpy as np
import pytest
import torch

from vidcondense.base.compute import Compute
from vidcondense.data.batches import IMAGENET_MEAN, IMAGENET_STD
from vidcondense.data.store import ClipStore
from vidcondense.evaluation.clips import MemoryClips, StoreClips
from vidcondense.networks.loss import Labels

EXACT = Compute(torch.device("cpu"), torch.float32)


@pytest.fixture
def store(tiny_store: ClipStore) -> ClipStore:
    """Videos of 16 frames with room for 13 windows of 4."""
    tiny_store.stride = 1
    return tiny_store


def test_fixed_clips_are_the_same_in_every_epoch() -> None:
    clips, labels = torch.randn(5, 2, 3, 4, 4), torch.tensor([0, 1, 2, 0, 1])
    fixed = MemoryClips(clips, Labels(labels))
    assert len(fixed) == 5
    chosen = torch.tensor([3, 0, 3])
    for seed, epoch in ((0, 0), (7, 4)):
        got, of = fixed.read(chosen, seed, epoch)
        assert torch.equal(got, clips[chosen])
        assert of.values.tolist() == [0, 0, 0]


def test_varied_clips_show_one_clip_of_each_video_per_epoch() -> None:
    clips, labels = torch.arange(24.0).view(24, 1, 1, 1, 1), torch.arange(6).repeat_interleave(4)
    varied = MemoryClips(clips, Labels(labels), 4)
    assert len(varied) == 6
    counts = torch.zeros(24)
    for epoch in range(400):
        got, of = varied.read(torch.arange(6), 0, epoch)
        shown = got.flatten().long()
        assert of.values.tolist() == list(range(6))
        assert (shown // 4).tolist() == list(range(6))
        counts[shown] += 1
        part, of = varied.read(torch.tensor([4, 1]), 0, epoch)  # the batch does not change what a video shows
        assert part.flatten().tolist() == shown[[4, 1]].tolist()
        assert of.values.tolist() == [4, 1]
    assert (counts - 100).abs().max() < 6 * (400 * 3 / 16) ** 0.5
    assert not torch.equal(varied.read(torch.arange(6), 1, 0)[0], varied.read(torch.arange(6), 0, 0)[0])


def test_a_real_clip_is_a_window_of_its_training_video(store: ClipStore) -> None:
    real = StoreClips(store, 0.5, EXACT)
    videos = store.select("train")
    assert len(real) == len(videos) == 15
    mean, std = (torch.tensor(x).view(3, 1, 1) for x in (IMAGENET_MEAN, IMAGENET_STD))
    starts, mirrored = set(), set()
    for epoch in range(4):
        chosen = torch.tensor([14, 0, 7, 3])
        clips, labels = real.read(chosen, 0, epoch)
        assert labels.values.tolist() == store.labels[videos[chosen.numpy()]].tolist()
        assert clips.dtype == torch.float32
        for clip, video in zip(clips, videos[chosen.numpy()], strict=True):
            windows = (store.read(np.full(13, video), np.arange(13)) / 255 - mean) / std
            both = torch.stack([windows, windows.flip(-1)])
            gaps = (both - clip).abs().flatten(2).amax(2)
            assert gaps.min() < 1e-5
            flip, start = divmod(int(gaps.argmin()), 13)
            starts.add(start)
            mirrored.add(flip)
    assert len(starts) > 3
    assert mirrored == {0, 1}


def test_windows_change_with_epoch_and_seed_and_not_with_the_batch(store: ClipStore) -> None:
    whole = torch.arange(15)
    first, labels = StoreClips(store, 0.5, EXACT).read(whole, 3, 2)
    real = StoreClips(store, 0.5, EXACT)
    for other in ((3, 1), (4, 2)):
        assert not torch.equal(real.read(whole, *other)[0], first)
    for chosen in (torch.tensor([5, 2]), torch.tensor([11]), whole):
        clips, of = real.read(chosen, 3, 2)
        assert torch.equal(clips, first[chosen])
        assert torch.equal(of.values, labels.values[chosen])


@pytest.mark.parametrize("flip", [0.0, 1.0])
def test_flip_is_a_probability(flip: float, store: ClipStore) -> None:
    whole = torch.arange(15)
    plain, _ = StoreClips(store, 0.0, EXACT).read(whole, 0, 0)
    clips, _ = StoreClips(store, flip, EXACT).read(whole, 0, 0)
    assert torch.equal(clips, plain.flip(-1) if flip else plain)


def test_only_the_batch_in_hand_is_read(store: ClipStore, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    original = ClipStore.read
    monkeypatch.setattr(
        ClipStore,
        "read",
        lambda self, videos, *rest: asked.append(len(videos)) or original(self, videos, *rest),
    )
    real = StoreClips(store, 0.5, EXACT)
    for chosen in torch.randperm(15).split(4):
        real.read(chosen, 0, 0)
    assert asked == [4, 4, 4, 3]

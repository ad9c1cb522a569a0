"""Classes told from motion alone: features of known motions, ridge regression against its formula."""

import numpy as np
import pytest
import torch
from moving import SIZE, moving
from torch import Tensor

from vidcondense.base.errors import VidcondenseError
from vidcondense.benchmark import motion
from vidcondense.data.store import ClipStore

WAYS = ((1, 0), (-1, 0), (0, 1), (0, -1))


def crops(label: int, seed: int, size: int = 32) -> Tensor:
    """A clip (1, time, 3, size, size) of texture that moves in one of four ways, cut out somewhere."""
    rng = np.random.default_rng(seed)
    y, x = rng.integers(SIZE - size, size=2)
    contrast = rng.uniform(0.4, 1)
    clip = moving(*WAYS[label])[..., y : y + size, x : x + size]
    return (clip * contrast).to(torch.uint8)


def test_directions_are_where_they_belong() -> None:
    """The normal flow of vertical stripes that move right by a pixel, in a quarter of the picture."""
    stripes = (127 + 100 * torch.sin(torch.arange(64) / 2)).to(torch.uint8)
    clip = torch.full((1, 4, 3, 64, 64), 127, dtype=torch.uint8)
    for time in range(4):
        clip[0, time, :, :16, :] = stripes.roll(time)
    flow = motion.features(clip)[0, : 3 * motion.DIRECTIONS * 16].reshape(3, motion.DIRECTIONS, 4, 4).square()
    assert flow[:, 0, 0].sum() > 0.8 * flow.sum(), "direction 0 is right, row 0 of cells is the quarter"
    left = motion.features(clip.flip(1))[0, : 3 * motion.DIRECTIONS * 16].reshape(3, motion.DIRECTIONS, 4, 4)
    assert left[:, motion.DIRECTIONS // 2].square().sum() > 0.8 * left.square().sum()


def test_features_are_of_motion_alone() -> None:
    clip = crops(0, 0)
    found = motion.features(clip)
    assert found.dtype == torch.float64
    np.testing.assert_allclose(found.square().sum().item(), 2)
    still = clip[:, :1].expand_as(clip)
    assert not motion.features(still).any()
    noise = torch.from_numpy(np.random.default_rng(0).integers(0, 2, clip.shape)).to(torch.uint8)
    assert not motion.features(still // 2 + noise).any(), "a grey level is rounding"
    np.testing.assert_allclose(motion.features(clip // 2 + 100), found, atol=0.15)
    with pytest.raises(VidcondenseError, match="at least two frames"):
        motion.features(clip[:, :1])


def test_ridge_regression_by_its_formula() -> None:
    rng = np.random.default_rng(0)
    inputs, labels = rng.normal(size=(12, 30)), np.arange(12) % 3
    inputs[:, 0] += labels
    found = motion.fit(torch.from_numpy(inputs), torch.from_numpy(labels), 3)
    targets = np.eye(3)[labels] - 1 / 3

    def solved(rows: np.ndarray, penalty: float) -> np.ndarray:
        some = inputs[rows]
        return np.linalg.solve(some.T @ some + penalty * np.eye(30), some.T @ targets[rows])

    def left_out(penalty: float) -> float:
        scores = [inputs[one] @ solved(np.delete(np.arange(12), one), penalty) for one in range(12)]
        return float(np.mean(np.argmax(scores, 1) == labels))

    best = max(motion.PENALTIES, key=lambda penalty: (left_out(penalty), penalty))
    assert found.penalty == best
    np.testing.assert_allclose(found.weights, solved(np.arange(12), best), atol=1e-9)


def test_real_clips_pass_and_shuffled_and_still_ones_do_not() -> None:
    known = torch.cat([motion.features(crops(way, seed)) for seed in range(8) for way in range(4)])
    classifier = motion.fit(known, torch.arange(32) % 4, 4)

    def clips():  # type: ignore[no-untyped-def]
        for seed in range(100, 110):
            for way in range(4):
                yield crops(way, seed), torch.tensor([way])

    shares = motion.shares(classifier, clips)
    assert shares["as they are"] > 90
    assert shares["frames shuffled"] < 70
    assert shares["stilled"] == pytest.approx(25), "guessed among four"


def test_classes_weigh_the_same_however_many_clips_they_have() -> None:
    known = torch.cat([motion.features(crops(way, seed)) for seed in range(8) for way in range(4)])
    classifier = motion.fit(known, torch.arange(32) % 4, 4)
    right = [(crops(0, seed), torch.tensor([0])) for seed in range(100, 103)]
    wrong = [(crops(1, 100), torch.tensor([2]))]
    assert classifier.recognised(iter([*right, *wrong])) == pytest.approx(50)


def test_a_store_gives_at_most_so_many_clips_of_each_class(tiny_store: ClipStore) -> None:
    labels = torch.cat([labels for _, labels in motion.real_clips(tiny_store, "train", 2)])
    assert labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert motion.train(tiny_store, 64).weights.shape[1] == 3

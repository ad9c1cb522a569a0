"""The batched objective against a loop over classes and autograd."""

from types import SimpleNamespace
from typing import cast

import pytest
import torch

from vidcondense.base.compute import Compute, generator
from vidcondense.networks import build, initialise
from vidcondense.objectives.base import Context
from vidcondense.objectives.distribution_matching import (
    class_groups,
    distribution_matching,
    mean_features,
    siamese,
)

EXACT = Compute(torch.device("cpu"), torch.float32)


@pytest.mark.parametrize("chunk", [1, 3, 100])
@pytest.mark.parametrize("vpc", [1, 2])
def test_agrees_with_a_loop_over_classes(chunk: int, vpc: int) -> None:
    classes, frames, size = 3, 4, 32
    network = build("minic3d", classes, frames, size).requires_grad_(False)
    initialise(network, generator(0))
    draw = torch.Generator().manual_seed(1)
    real = torch.randn(7, frames, 3, size, size, generator=draw)
    real_labels = torch.tensor([0, 0, 0, 1, 1, 2, 2])
    clips = torch.randn(classes * vpc, frames, 3, size, size, generator=draw)
    labels = torch.arange(classes).repeat_interleave(vpc)

    leaf = clips.clone().requires_grad_()
    expected = torch.zeros(())
    for c in range(classes):
        difference = network.embed(leaf[labels == c]).mean(0) - network.embed(real[real_labels == c]).mean(0)
        expected = expected + difference.square().sum()
    expected.backward()

    loss, gradient = distribution_matching(
        network, zip(real.split(2), real_labels.split(2), strict=True), clips, labels, chunk
    )
    assert loss == pytest.approx(expected.item(), rel=1e-4)
    assert leaf.grad is not None
    torch.testing.assert_close(gradient, leaf.grad, rtol=1e-3, atol=1e-6)


def test_real_and_synthetic_clips_of_a_class_change_alike() -> None:
    """With augmentation too, clips that are the real ones are at the goal, and others are drawn there."""
    network = build("convnet3d", 2, 4, 32).requires_grad_(False)
    initialise(network, generator(0))
    real, labels = torch.randn(2, 4, 3, 32, 32, generator=generator(1)), torch.arange(2)
    context = SimpleNamespace(seed=3, store=SimpleNamespace(class_names=("a", "b")))
    change = siamese(1.0, cast(Context, context), iteration=5)

    changed = change(real, labels)
    assert not torch.allclose(changed, real, atol=0.1)
    assert not torch.allclose(change(real[[0, 0]], labels)[0], change(real[[0, 0]], labels)[1], atol=0.1)
    torch.testing.assert_close(change(real[[1]], labels[1:]), changed[1:])
    other = siamese(1.0, cast(Context, context), iteration=6)
    assert not torch.allclose(other(real, labels), changed, atol=0.1)

    loss, gradient = distribution_matching(network, [(real, labels)], real, labels, change=change)
    assert loss == 0
    noisy = real + 0.3 * torch.randn(real.shape, generator=generator(2))
    start, gradient = distribution_matching(network, [(real, labels)], noisy, labels, change=change)
    nearer, _ = distribution_matching(
        network, [(real, labels)], noisy - 0.1 * gradient / gradient.abs().max(), labels, change=change
    )
    assert 0 < nearer < start


def test_without_augmentation_clips_are_not_touched() -> None:
    clips = torch.randn(1, 2, 3, 8, 8)
    context = SimpleNamespace(seed=0, store=SimpleNamespace(class_names=("a",)))
    assert siamese(0.0, cast(Context, context), 0)(clips, torch.zeros(1, dtype=torch.int64)) is clips


def test_a_class_without_real_clips_is_refused() -> None:
    network = build("minic3d", 2, 4, 32)
    initialise(network, generator(0))
    with pytest.raises(ValueError, match="every class"):
        mean_features(network, [(torch.zeros(1, 4, 3, 32, 32), torch.tensor([0]))], 2)


def test_groups_hold_whole_classes() -> None:
    labels = torch.tensor([0, 0, 1, 2, 2, 2, 2, 3])
    assert class_groups(labels, 3) == [(0, 3), (3, 7), (7, 8)]
    assert class_groups(labels, 100) == [(0, 8)]
    assert class_groups(labels, 1) == [(0, 2), (2, 3), (3, 7), (7, 8)]

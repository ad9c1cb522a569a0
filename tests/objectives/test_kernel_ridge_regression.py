"""Kernel ridge regression against numpy and autograd in float64; the pool; learned targets."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from vidcondense.base.compute import Compute, generator
from vidcondense.base.errors import VidcondenseError
from vidcondense.data.store import ClipStore
from vidcondense.networks import build, initialise
from vidcondense.networks.base import VideoNetwork
from vidcondense.objectives import Context
from vidcondense.objectives.kernel_ridge_regression import (
    KernelRidgeRegression,
    kernel_ridge_regression,
    margin_loss,
    predict,
    start_targets,
)

EXACT = Compute(torch.device("cpu"), torch.float32)
CLASSES, FRAMES, SIZE = 3, 4, 32


def network() -> VideoNetwork:
    made = build("minic3d", CLASSES, FRAMES, SIZE)
    initialise(made, generator(0))
    return made.eval()


def test_predictions_are_those_of_numpy() -> None:
    rng = np.random.default_rng(0)
    features, targets, others = (rng.normal(size=shape) for shape in ((6, 4), (6, 3), (5, 4)))
    kernel = features @ features.T
    ridge = 0.01 * np.trace(kernel) / 6 * np.eye(6)
    expected = others @ features.T @ np.linalg.solve(kernel + ridge, targets)
    found = predict(*(torch.from_numpy(value) for value in (features, targets, others)), 0.01)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-9)


def test_features_that_are_all_zero_give_a_loss_that_is_not_finite() -> None:
    found = predict(torch.zeros(2, 4), torch.zeros(2, 3), torch.zeros(1, 4), 1e-6)
    assert not torch.isfinite(found).all()


@pytest.mark.parametrize("vpc", [1, 2])
@pytest.mark.parametrize("regularisation", [1e-6, 0.1])
def test_agrees_with_autograd_through_the_whole_loss(vpc: int, regularisation: float) -> None:
    draw = torch.Generator().manual_seed(1)
    real = torch.randn(7, FRAMES, 3, SIZE, SIZE, generator=draw)
    real_labels = torch.tensor([0, 0, 0, 1, 1, 2, 2])
    clips = torch.randn(CLASSES * vpc, FRAMES, 3, SIZE, SIZE, generator=draw)
    targets = torch.randn(CLASSES * vpc, CLASSES, generator=draw)

    exact = network().double()
    leaf, goal = clips.double().requires_grad_(), targets.double().requires_grad_()
    ours, theirs = exact.embed(leaf), exact.embed(real.double()).detach()
    n = len(ours)
    kernel = ours @ ours.T
    inverse = torch.linalg.inv(kernel + regularisation * kernel.diagonal().sum() / n * torch.eye(n))
    scores = theirs @ ours.T @ inverse @ goal
    wanted = torch.full((7, CLASSES), -1 / 3, dtype=torch.float64)
    wanted[torch.arange(7), real_labels] = 2 / 3
    expected = 0.5 * (scores - wanted).square().sum(1).mean()
    ordered = goal.sort(dim=1).values
    expected = expected - 2.0 * torch.minimum(ordered[:, 2] - ordered[:, 1], torch.tensor(1 / 3)).mean()
    expected.backward()
    assert leaf.grad is not None and goal.grad is not None

    for chunk in (1, 2, 100):
        chunks = zip(real.split(chunk), real_labels.split(chunk), strict=True)
        loss, gradient, targets_gradient = kernel_ridge_regression(
            network(), chunks, clips, targets, regularisation, 2.0, chunk
        )
        assert loss == pytest.approx(expected.item(), rel=1e-4)
        for found, reference in ((gradient, leaf.grad), (targets_gradient, goal.grad)):
            assert found.dtype == torch.float32
            assert (found - reference).norm() / reference.norm() < 1e-3, chunk


def test_targets_start_as_scaled_centred_labels() -> None:
    found = start_targets(40, 2)
    assert found.shape == (80, 40)
    assert found[2, 1].item() == pytest.approx((1 - 1 / 40) / 2)
    assert found[3, 0].item() == pytest.approx(-1 / 40 / 2)


def test_the_margin_counts_up_to_one_over_the_classes() -> None:
    targets = torch.tensor([[0.5, 0.4, 0.0], [1.0, 0.0, 0.0], [0.2, 0.2, 0.1]])
    assert margin_loss(targets).item() == pytest.approx(-(0.1 + 1 / 3 + 0) / 3)


def load(store: ClipStore, **settings: float) -> KernelRidgeRegression:
    few: dict[str, Any] = {"batch_real": 2, "pool": 2, "pool_updates": 4}
    return KernelRidgeRegression(KernelRidgeRegression.Settings(**few | settings), Context(store, EXACT))


def test_the_pool_is_trained_towards_the_targets_and_drawn_afresh(tiny_store: ClipStore) -> None:
    made = load(tiny_store, pool=1, pool_updates=3, network_learning_rate=1e-4)
    member = made.pool[0].network
    clips = torch.randn(3, FRAMES, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(3)

    def error() -> float:
        return (member(clips) - made.targets.detach()).square().sum().item()

    first, loss = error(), made.match(0, clips, labels)[0]
    assert made.match(0, clips, labels)[0] == loss
    made.advance(0, lambda: clips, labels)
    assert error() < first
    assert made.match(0, clips, labels)[0] != loss
    second = error()
    made.advance(1, lambda: clips, labels)
    assert error() < second
    assert made.updates.tolist() == [2]
    made.advance(2, lambda: clips, labels)
    assert made.updates.tolist() == [0]
    assert not made.pool[0].optimiser.state()
    assert error() != first and error() > second


def test_ages_are_staggered_and_every_network_is_taken(tiny_store: ClipStore) -> None:
    made = load(tiny_store, pool=3, pool_updates=100)
    assert made.updates.tolist() == [0, 33, 66]
    chosen = [made._chosen(iteration) for iteration in range(30)]
    assert set(chosen) == {0, 1, 2}
    drawn = [next(member.network.parameters()) for member in made.pool]
    assert not torch.equal(drawn[0], drawn[1])


def test_state_restores_pool_targets_and_ages(tiny_store: ClipStore) -> None:
    clips = torch.randn(3, FRAMES, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(3)
    made, other = load(tiny_store), load(tiny_store)
    for iteration in range(5):
        made.advance(iteration, lambda: clips, labels)
    other.advance(0, lambda: -clips, labels)  # has a past of its own
    with torch.no_grad():
        made.targets += 1
    other.restore({name: value.clone() for name, value in made.state().items()})
    assert other.updates.tolist() == made.updates.tolist()
    assert torch.equal(other.targets, made.targets)
    for iteration in range(5, 8):
        assert other.match(iteration, clips, labels)[0] == made.match(iteration, clips, labels)[0]
        for one in (made, other):
            one.advance(iteration, lambda: clips, labels)


def test_learning_lowers_the_loss_and_moves_the_targets(tiny_store: ClipStore) -> None:
    made = load(tiny_store, pool=1, batch_real=5)
    generator = torch.Generator().manual_seed(0)
    clips = torch.randn(3, FRAMES, 3, SIZE, SIZE, generator=generator).requires_grad_()
    adam = torch.optim.Adam([clips, made.targets], lr=0.05)
    start, losses = made.targets.detach().clone(), []
    for _ in range(12):
        loss, clips.grad = made.match(0, clips.detach(), torch.arange(3))
        losses.append(loss)
        adam.step()
    assert losses[-1] < losses[0] - 0.1
    assert math.isfinite(losses[-1])
    assert not torch.equal(start, made.targets.detach())


def test_one_class_is_refused(tiny_store: ClipStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiny_store, "class_names", ["only"])
    with pytest.raises(VidcondenseError, match="two classes or more"):
        load(tiny_store)

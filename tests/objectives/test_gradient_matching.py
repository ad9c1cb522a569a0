"""Gradient matching against autograd through the whole loss in float64, and its networks between matches."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from vidcondense.base.compute import Compute, generator
from vidcondense.data.store import ClipStore
from vidcondense.networks import build, initialise
from vidcondense.networks.base import VideoNetwork
from vidcondense.objectives import Context
from vidcondense.objectives.gradient_matching import (
    DISTANCES,
    GradientMatching,
    class_gradients,
    cosine,
    gradient_matching,
    squared,
)

EXACT = Compute(torch.device("cpu"), torch.float32)
CLASSES, FRAMES, SIZE = 3, 4, 32


def network() -> VideoNetwork:
    made = build("minic3d", CLASSES, FRAMES, SIZE)
    initialise(made, generator(0))
    return made.eval()


def gradients(made: VideoNetwork, clips: Tensor, label: int) -> list[Tensor]:
    """Of the mean cross-entropy of all clips at once, with a graph."""
    loss = F.cross_entropy(made(clips), torch.full((len(clips),), label))
    return list(torch.autograd.grad(loss, list(made.parameters()), create_graph=True))


def slow_distance(name: str, ours: list[Tensor], theirs: list[Tensor]) -> Tensor:
    """Unit by unit."""
    total = torch.zeros((), dtype=torch.float64)
    for a, b in zip(ours, theirs, strict=True):
        if name == "squared":
            total = total + ((a - b) ** 2).sum()
        elif a.ndim > 1:
            for x, y in zip(a, b, strict=True):
                total = total + 1
                if (x != 0).any() and (y != 0).any():  # a dead unit has no direction
                    norms = (x**2).sum().sqrt() * (y**2).sum().sqrt()
                    total = total - (x * y).sum() / (norms + 1e-6)
    return total


@pytest.mark.parametrize("name", ["squared", "cosine"])
@pytest.mark.parametrize("vpc", [1, 2])
def test_agrees_with_autograd_through_the_whole_loss(name: str, vpc: int) -> None:
    draw = torch.Generator().manual_seed(1)
    real = torch.randn(7, FRAMES, 3, SIZE, SIZE, generator=draw)
    real_labels = torch.tensor([0, 0, 0, 1, 1, 2, 2])
    clips = torch.randn(CLASSES * vpc, FRAMES, 3, SIZE, SIZE, generator=draw)
    labels = torch.arange(CLASSES).repeat_interleave(vpc)

    exact = network().double()
    leaf = clips.double().requires_grad_()
    expected = torch.zeros((), dtype=torch.float64)
    for c in range(CLASSES):
        theirs = [value.detach() for value in gradients(exact, real[real_labels == c].double(), c)]
        expected = expected + slow_distance(name, gradients(exact, leaf[labels == c], c), theirs)
    expected.backward()
    assert leaf.grad is not None

    for chunk in (1, 2, 100):
        chunks = zip(real.split(chunk), real_labels.split(chunk), strict=True)
        loss, gradient = gradient_matching(network(), chunks, clips, labels, DISTANCES[name], chunk)
        assert loss == pytest.approx(expected.item(), rel=1e-5)
        error = (gradient - leaf.grad).norm() / leaf.grad.norm()
        assert error < 1e-4, (chunk, error)


def test_distances_by_hand() -> None:
    ours = [torch.tensor([[3.0, 4.0], [1.0, 0.0]]), torch.tensor([1.0, 1.0])]
    theirs = [torch.tensor([[4.0, 3.0], [0.0, 2.0]]), torch.tensor([0.0, 3.0])]
    assert squared(ours, theirs).item() == pytest.approx(2 + 5 + 5)
    assert cosine(ours, theirs).item() == pytest.approx(1 - 24 / 25 + 1, rel=1e-5)
    assert cosine(ours, ours).item() == pytest.approx(0, abs=1e-5)


def test_classes_must_agree() -> None:
    clip = torch.zeros(1, FRAMES, 3, SIZE, SIZE)
    found = [label for label, _ in class_gradients(network(), [(clip, torch.tensor([2]))])]
    assert found == [2]
    with pytest.raises(ValueError, match="class 2 where those of class 0"):
        gradient_matching(
            network(), [(clip, torch.tensor([2]))], clip, torch.tensor([0]), DISTANCES["squared"], 1
        )


def weights(objective: GradientMatching) -> Tensor:
    return torch.cat([value.flatten().clone() for value in objective.trained.network.state_dict().values()])


def objective(store: ClipStore, **settings: int) -> GradientMatching:
    chosen = GradientMatching.Settings(**{"batch_real": 2, **settings})  # type: ignore[arg-type]
    return GradientMatching(chosen, Context(store, EXACT))


def test_a_network_is_trained_between_matches_and_then_drawn_anew(tiny_store: ClipStore) -> None:
    made = objective(tiny_store, outer_steps=2, inner_steps=3)
    clips = torch.randn(3, FRAMES, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(3)

    first = made.match(0, clips, labels)
    assert made.match(0, clips, labels)[0] == first[0]
    drawn = weights(made)
    before = F.cross_entropy(made.trained.network(clips), labels).item()

    slow = network()  # three steps of SGD with momentum 0.5, by hand
    slow.load_state_dict(made.trained.network.state_dict())
    momentum = [torch.zeros_like(value) for value in slow.parameters()]
    for _ in range(3):
        loss = F.cross_entropy(slow(clips), labels)
        for value, speed, gradient in zip(
            slow.parameters(), momentum, torch.autograd.grad(loss, list(slow.parameters())), strict=True
        ):
            speed.mul_(0.5).add_(gradient)
            value.data -= 0.01 * speed

    made.advance(0, lambda: clips, labels)
    trained = weights(made)
    expected = torch.cat([value.flatten() for value in slow.state_dict().values()])
    assert not torch.equal(trained, drawn)
    torch.testing.assert_close(trained, expected, rtol=1e-3, atol=1e-6)
    assert F.cross_entropy(made.trained.network(clips), labels).item() < before

    made.match(1, clips, labels)
    assert torch.equal(weights(made), trained)
    made.advance(1, lambda: clips, labels)
    assert torch.equal(weights(made), trained)  # the next iteration draws another
    made.match(2, clips, labels)
    again = weights(made)
    assert not torch.equal(again, drawn)
    made.match(0, clips, labels)
    assert torch.equal(weights(made), drawn)


def test_iterations_share_a_network_without_training(tiny_store: ClipStore) -> None:
    made = objective(tiny_store, outer_steps=2)
    clips, labels = torch.zeros(3, FRAMES, 3, SIZE, SIZE), torch.arange(3)
    drawn = []
    for iteration in (3, 2, 4):
        made.match(iteration, clips, labels)
        drawn.append(weights(made))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[1], drawn[2])
    assert made.state() == {}


def test_it_runs_in_float32_whatever_was_asked_for(tiny_store: ClipStore) -> None:
    asked = Compute(torch.device("cpu"), torch.bfloat16)
    made = GradientMatching(GradientMatching.Settings(), Context(tiny_store, asked))
    assert made.compute.dtype == torch.float32
    assert {value.dtype for value in made.trained.network.parameters()} == {torch.float32}

"""What networks are trained towards: losses by hand, and what guessing gives."""

import math

import pytest
import torch

from vidcondense.networks.loss import Goals, Labels, SoftLabels, Targets

SCORES = [[1.0, 2.0], [0.0, 4.0]]


def _log_sum(row: list[float]) -> float:
    return math.log(sum(map(math.exp, row)))


def test_the_loss_of_targets_is_half_the_squared_distance() -> None:
    scores = torch.tensor(SCORES, requires_grad=True)
    targets = torch.tensor([[0.0, 2.5], [1.0, 1.0]])
    loss = Targets(targets).loss(scores)
    assert loss.item() == pytest.approx(0.5 * (1 + 0.25 + 1 + 9))
    (gradient,) = torch.autograd.grad(loss, scores)
    torch.testing.assert_close(gradient, scores.detach() - targets)


def test_the_loss_of_labels_is_cross_entropy() -> None:
    scores, labels = torch.tensor(SCORES), Labels(torch.tensor([0, 1]))
    exact = [_log_sum(row) - row[label] for label, row in enumerate(SCORES)]
    assert labels.loss(scores).item() == pytest.approx(sum(exact))
    spread = [_log_sum(row) - sum(row) / 2 for row in SCORES]
    assert labels.loss(scores, 0.3).item() == pytest.approx(0.7 * sum(exact) + 0.3 * sum(spread))


def test_soft_labels_are_learned_as_they_are() -> None:
    soft = [[0.9, 0.1], [0.25, 0.75]]
    expected = sum(_log_sum(row) - sum(p * x for p, x in zip(ps, row, strict=True))
                   for ps, row in zip(soft, SCORES, strict=True))  # fmt: skip
    for smoothing in (0.0, 0.3):
        assert SoftLabels(torch.tensor(soft)).loss(torch.tensor(SCORES), smoothing).item() == pytest.approx(
            expected
        )
    scores = torch.tensor(SCORES, requires_grad=True)
    (gradient,) = torch.autograd.grad(SoftLabels(torch.tensor(soft)).loss(scores), scores)
    torch.testing.assert_close(gradient, scores.detach().softmax(1) - torch.tensor(soft))


@pytest.mark.parametrize(
    ("goals", "best"),
    [
        (Targets(torch.tensor([[0.0, 2.0], [1.0, 1.0], [2.0, 3.0]])), torch.tensor([1.0, 2.0])),
        (SoftLabels(torch.tensor([[0.9, 0.1], [0.5, 0.5], [0.1, 0.9]])), torch.tensor([0.5, 0.5]).log()),
        (SoftLabels(torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.4, 0.6]])), torch.tensor([0.8, 0.2]).log()),
        (Labels(torch.tensor([0, 1])), torch.zeros(2)),
    ],
)
def test_guessing_is_the_best_constant_answer(goals: Goals, best: torch.Tensor) -> None:
    def loss(answer: torch.Tensor) -> float:
        return goals.loss(answer.expand(len(goals), -1)).item() / len(goals)

    assert goals.guessing(2) == pytest.approx(loss(best), rel=1e-5)
    for other in (best + torch.tensor([0.1, 0.0]), best - torch.tensor([0.1, 0.0])):
        assert loss(other) > goals.guessing(2)


def test_goals_are_chosen_and_cut_by_clip() -> None:
    labels = Labels(torch.tensor([4, 5, 6, 7, 8]))
    assert labels[torch.tensor([3, 0])].values.tolist() == [7, 4]
    parts = labels.split(2)
    assert [part.values.tolist() for part in parts] == [[4, 5], [6, 7], [8]]
    assert all(isinstance(part, Labels) for part in parts)

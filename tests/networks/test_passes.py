"""Passes in pieces against passes of a whole batch."""

import pytest
import torch
import torch.nn.functional as F

from vidcondense import networks
from vidcondense.base.compute import Compute, generator
from vidcondense.networks.loss import Labels
from vidcondense.networks.passes import backward, scored

EXACT = Compute(torch.device("cpu"), torch.float32)


def test_gradient_in_pieces_is_the_gradient_of_the_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    network = networks.build("minic3d", 3, 4, 32)
    networks.initialise(network, generator(0))
    network.dropout.p = 0.0  # type: ignore[union-attr]
    clips = torch.randn(5, 4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 1, 2, 0, 1])
    whole = F.cross_entropy(network(clips), labels)
    whole.backward()
    expected = [p.grad.clone() for p in network.parameters() if p.grad is not None]
    network.zero_grad()
    monkeypatch.setattr(Compute, "chunk", lambda *_: 2)
    assert backward(network, clips, Labels(labels), EXACT) == pytest.approx(whole.item(), rel=1e-5)
    for parameter, gradient in zip(network.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-3, atol=1e-6)


def test_scores_in_pieces_are_those_of_the_whole_without_dropout_and_gradients(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = networks.draw("minic3d", (3, 4, 32), generator(0))
    clips = torch.randn(5, 4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    whole = network.eval()(clips)
    sizes: list[int] = []
    network.train().register_forward_pre_hook(lambda module, inputs: sizes.append(len(inputs[0])))
    monkeypatch.setattr(Compute, "chunk", lambda *_: 2)
    scores = scored(network, clips, EXACT)
    assert sizes == [2, 2, 1]
    assert not scores.requires_grad
    torch.testing.assert_close(scores, whole.detach(), rtol=1e-4, atol=1e-6)

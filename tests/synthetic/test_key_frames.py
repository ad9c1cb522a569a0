"""Key frames: the start, the gradient's way back, and insertion."""

import pytest
import torch

from vidcondense.synthetic import EveryFrame, KeyFrames


def make(frames: int = 6, initial: int = 2, *, through: bool = False) -> KeyFrames:
    values = torch.randn(2, frames, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    return KeyFrames(values, torch.tensor([0, 1]), initial, through=through)


@pytest.mark.parametrize(
    ("initial", "expected"),
    [(2, [0, 7]), (3, [0, 4, 7]), (4, [0, 2, 5, 7]), (8, list(range(8))), (20, list(range(8)))],
)
def test_initial_key_frames_are_evenly_spread(initial: int, expected: list[int]) -> None:
    assert make(8, initial).is_key[0].nonzero().flatten().tolist() == expected


def test_detached_gradient_is_the_key_frames_own() -> None:
    made, gradient = make(), torch.randn(2, 6, 3, 2, 2)
    made.pull_back(gradient)
    assert made.values.grad is not None
    assert torch.equal(made.values.grad[:, [0, 5]], gradient[:, [0, 5]])
    assert not made.values.grad[:, 1:5].any()


def test_through_gradient_is_what_autograd_gives() -> None:
    made, gradient = make(through=True), torch.randn(2, 6, 3, 2, 2)
    made.pull_back(gradient)
    ends = made.values.detach()[:, [0, 5]].requires_grad_()
    times = torch.arange(6) / 5
    rendered = (1 - times).view(1, 6, 1, 1, 1) * ends[:, :1] + times.view(1, 6, 1, 1, 1) * ends[:, 1:]
    rendered.backward(gradient)
    assert made.values.grad is not None
    assert ends.grad is not None
    torch.testing.assert_close(made.values.grad[:, [0, 5]], ends.grad)
    assert not made.values.grad[:, 1:5].any()


def test_an_inserted_frame_starts_as_its_interpolation() -> None:
    made = make()
    before = made.render()
    chosen = torch.zeros(2, 6, dtype=torch.bool)
    chosen[0, 3] = True
    made.insert(chosen)
    torch.testing.assert_close(made.render(), before)
    assert made.is_key.sum().item() == 5
    made.pull_back(torch.ones(2, 6, 3, 2, 2))
    assert made.values.grad is not None
    assert made.values.grad[0, 3].all()
    assert not made.values.grad[1, 3].any()


def test_momentum_of_an_inserted_frame_starts_at_zero() -> None:
    made = make()
    made.values.requires_grad_()
    optimiser = torch.optim.SGD([made.values], lr=0.1, momentum=0.95)
    for _ in range(3):
        made.pull_back(torch.ones(2, 6, 3, 2, 2))
        optimiser.step()
    momentum = optimiser.state[made.values]["momentum_buffer"]
    assert momentum[:, 0].all()
    assert not momentum[:, 1:5].any()


def test_every_frame_is_stored_and_updated() -> None:
    values = torch.randn(2, 4, 3, 2, 2)
    made = EveryFrame(values, torch.tensor([0, 1]))
    gradient = torch.randn_like(values)
    made.pull_back(gradient)
    assert made.is_key.all()
    assert torch.equal(made.render(), values)
    assert made.values.grad is gradient

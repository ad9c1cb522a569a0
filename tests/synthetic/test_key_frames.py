"""Key frames: the start, the gradient's way back, and insertion."""

from pathlib import Path
from typing import Any

import pytest
import torch

from vidcondense.condensed import CondensedVideos, KeyFrameVideos
from vidcondense.synthetic import EveryFrame, KeyFrames

ABOUT = {"class_names": ("a", "b"), "mean": (0.4, 0.4, 0.4), "std": (0.2, 0.2, 0.2)}


def make(frames: int = 6, initial: int = 2, **how: Any) -> KeyFrames:
    values = torch.randn(2, frames, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    return KeyFrames(values, torch.tensor([0, 1]), initial, **how)


@pytest.mark.parametrize(
    ("initial", "expected"),
    [(1, [3]), (2, [0, 7]), (3, [0, 4, 7]), (4, [0, 2, 5, 7]), (8, list(range(8))), (20, list(range(8)))],
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


def catmull_rom(keys: torch.Tensor) -> torch.Tensor:
    """The textbook's uniform spline through key frames two apart; phantom ends continue the line."""
    ends = (2 * keys[:, :1] - keys[:, 1:2], 2 * keys[:, -1:] - keys[:, -2:-1])
    p = torch.cat([ends[0], keys, ends[1]], 1)
    middle = [(-p[:, i] + 9 * p[:, i + 1] + 9 * p[:, i + 2] - p[:, i + 3]) / 16 for i in range(3)]
    return torch.stack([keys[:, 0], *(x for i in range(3) for x in (middle[i], keys[:, i + 1]))], 1)


def nearest(keys: torch.Tensor) -> torch.Tensor:
    return keys[:, [0, 0, 1, 1, 2, 2, 3]]


@pytest.mark.parametrize(
    ("interpolation", "slow"),
    [("smooth", catmull_rom), ("nearest", nearest)],
)
def test_other_interpolations_and_their_gradients_are_what_autograd_gives(
    interpolation: Any, slow: Any
) -> None:
    made, gradient = make(7, 4, through=True, interpolation=interpolation), torch.randn(2, 7, 3, 2, 2)
    keys = made.values.detach()[:, ::2].clone().requires_grad_()
    rendered = slow(keys)
    rendered.backward(gradient)
    torch.testing.assert_close(made.render(), rendered.detach())
    made.pull_back(gradient)
    assert made.values.grad is not None
    assert keys.grad is not None
    torch.testing.assert_close(made.values.grad[:, ::2], keys.grad)
    assert not made.values.grad[:, 1::2].any()


def test_one_repeated_frame_gets_the_sum_of_all_gradients() -> None:
    made, gradient = make(6, 1, through=True, interpolation="nearest"), torch.randn(2, 6, 3, 2, 2)
    assert torch.equal(made.render(), made.values.detach()[:, 2:3].expand(2, 6, 3, 2, 2))
    made.pull_back(gradient)
    assert made.values.grad is not None
    torch.testing.assert_close(made.values.grad[:, 2], gradient.sum(1))


@pytest.mark.parametrize("interpolation", ["linear", "nearest", "smooth"])
@pytest.mark.parametrize(("initial", "segments"), [(1, (0,)), (2, (0, 4)), (4, (0,)), (8, (0, 4))])
def test_the_artifact_renders_the_same_clips(
    tmp_path: Path, interpolation: Any, initial: int, segments: tuple[int, ...]
) -> None:
    made = make(9, initial, interpolation=interpolation, segments=segments)
    made.is_key[1, 6] = True  # videos differ
    stored = made.condensed(labels=made.labels, frames=9, **ABOUT)
    torch.testing.assert_close(stored.render(), made.render(), rtol=1e-5, atol=1e-5)
    assert torch.equal(stored.render([1])[0], stored.render()[1])
    stored.save(tmp_path / "file")
    loaded = CondensedVideos.load(tmp_path / "file")
    assert isinstance(loaded, KeyFrameVideos)
    assert (loaded.interpolation, loaded.segments) == (interpolation, segments)
    assert torch.equal(loaded.render(), stored.render())


def test_insertion_leaves_the_clips_of_segments_as_they_are() -> None:
    made = make(9, 2, segments=(0, 4))  # key frames 1 and 6
    before = made.render()
    chosen = torch.zeros(2, 9, dtype=torch.bool)
    chosen[0, [0, 3, 5]] = chosen[1, [4, 8]] = True
    made.insert(chosen)
    assert made.key_frames == 9
    torch.testing.assert_close(made.render(), before)
    chosen[1, 7] = True
    made.insert(chosen)
    torch.testing.assert_close(made.render(), before)


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


def test_a_dropped_frame_is_interpolated_again() -> None:
    made = make(9, 3)
    chosen = torch.zeros(2, 9, dtype=torch.bool)
    chosen[1, 4] = True
    made.drop(chosen)
    assert made.initial == 3
    assert [keys.nonzero().flatten().tolist() for keys in made.is_key] == [[0, 4, 8], [0, 8]]
    ends = made.values.detach()[1, [0, 8]]
    torch.testing.assert_close(made.render()[1, 4], ends.mean(0))


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

"""Rewritten convolutions against plain ones in float64, forward, backward and twice backward."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from vidcondense.base.compute import choose
from vidcondense.networks import cpu
from vidcondense.networks.cpu import column_pairs, convolve, winograd_in_time


def layer(channels: int, kernel: tuple[int, int, int], stride: int, dtype: torch.dtype) -> nn.Conv3d:
    torch.manual_seed(0)
    half = [side // 2 for side in kernel]
    return nn.Conv3d(channels, 4, kernel, stride=(1, stride, stride), padding=half, dtype=dtype)  # type: ignore[arg-type]


def clip(channels: int, steps: int, rows: int, columns: int, dtype: torch.dtype) -> torch.Tensor:
    made = torch.randn(2, channels, steps, rows, columns, generator=torch.Generator().manual_seed(1))
    return made.to(dtype).contiguous(memory_format=torch.channels_last_3d).requires_grad_()


@settings(deadline=None, max_examples=25)
@given(st.sampled_from([1, 3, 5, 7]), st.integers(1, 6), st.integers(4, 9), st.integers(4, 13))
def test_column_pairs_equal_the_plain_convolution(side: int, steps: int, rows: int, columns: int) -> None:
    plain = layer(3, (3, 7, side), 2, torch.float64)
    x = clip(3, steps, rows, columns, torch.float64)
    torch.testing.assert_close(column_pairs(plain, x), plain(x), rtol=1e-10, atol=1e-10)


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 9), st.integers(4, 9), st.sampled_from([1, 2]))
def test_winograd_equals_the_plain_convolution(steps: int, rows: int, stride: int) -> None:
    plain = layer(5, (3, 3, 3), stride, torch.float64)
    x = clip(5, steps, rows, rows, torch.float64)
    torch.testing.assert_close(winograd_in_time(plain, x), plain(x), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("rewritten", [column_pairs, winograd_in_time])
def test_gradients_and_their_gradients_are_those_of_the_plain_one(rewritten: object) -> None:
    assert callable(rewritten)
    plain = layer(3, (3, 3, 3), 2, torch.float64)
    assert plain.bias is not None
    x = clip(3, 5, 6, 6, torch.float64)
    found = []
    for forward in (plain, lambda x: rewritten(plain, x)):
        wanted = [x, plain.weight, plain.bias]
        first = torch.autograd.grad(forward(x).pow(3).sum(), wanted, create_graph=True)
        second = torch.autograd.grad(sum((g * g).sum() for g in first), [x, plain.weight])
        found.append([*first, *second])
    for expected, got in zip(*found, strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-9)


def test_in_bfloat16_they_lose_no_more_than_a_few_roundings() -> None:
    if choose("cpu").dtype != torch.bfloat16:
        pytest.skip("this processor has no bfloat16 arithmetic")
    for rewritten, channels in ((column_pairs, 3), (winograd_in_time, 32)):
        plain = layer(channels, (3, 7, 7), 2, torch.bfloat16)
        x = clip(channels, 8, 16, 16, torch.bfloat16).detach()
        with torch.no_grad():
            exact = plain.double()(x.double())
            plain.bfloat16()
            errors = [
                ((y.double() - exact).norm() / exact.norm()).item() for y in (plain(x), rewritten(plain, x))
            ]
        assert errors[1] < 4 * errors[0] < 0.02


@pytest.mark.parametrize(
    ("channels", "kernel", "stride", "shape", "expected"),
    [
        (3, (3, 7, 7), 2, (4, 32, 32), "column_pairs"),
        (3, (3, 7, 7), 2, (4, 33, 33), "column_pairs"),
        (3, (3, 7, 7), 1, (4, 32, 32), "winograd_in_time"),
        (64, (3, 7, 7), 2, (8, 16, 16), "winograd_in_time"),
        (64, (3, 7, 7), 2, (2, 16, 16), None),
        (64, (3, 7, 7), 2, (8, 8, 8), None),
        (64, (1, 7, 7), 2, (8, 16, 16), None),
    ],
)
def test_which_convolutions_are_rewritten(
    channels: int,
    kernel: tuple[int, int, int],
    stride: int,
    shape: tuple[int, int, int],
    expected: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    used: list[str] = []
    for name in ("column_pairs", "winograd_in_time"):
        monkeypatch.setattr(cpu, name, lambda layer, x, name=name: used.append(name) or layer(x))
    plain = layer(channels, kernel, stride, torch.float32).requires_grad_(False)
    x = clip(channels, *shape, torch.float32)
    assert convolve(plain, x).shape == plain(x).shape
    assert used == ([expected] if expected else [])


@pytest.mark.parametrize("rewritten", [column_pairs, winograd_in_time])
def test_no_clips_give_no_clips(rewritten: object) -> None:
    assert callable(rewritten)
    plain = layer(3, (3, 7, 7), 2, torch.float32)
    empty = torch.zeros(0, 3, 4, 32, 32)
    assert rewritten(plain, empty).shape == plain(empty).shape

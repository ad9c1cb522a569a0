"""Compiled convolutions against plain ones in float64: values, gradients, and gradients of gradients."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from vidcondense.networks import cpu, winograd
from vidcondense.networks.cpu import convolve, stage
from vidcondense.networks.winograd import kernels, library, operators

pytestmark = pytest.mark.skipif(
    not winograd.built(), reason="the compiled convolutions were not built, or this processor has no AVX2"
)


def layer(channels: int, out: int) -> nn.Conv3d:
    torch.manual_seed(0)
    made = nn.Conv3d(channels, out, (3, 7, 7), stride=(1, 2, 2), padding=(1, 3, 3))
    return made.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload, no-any-return]


def clips(channels: int, *shape: int, videos: int = 2) -> Tensor:
    made = torch.randn(videos, channels, *shape, generator=torch.Generator().manual_seed(1))
    return made.contiguous(memory_format=torch.channels_last_3d)


def plain(one: nn.Conv3d, x: Tensor) -> Tensor:
    """In float64, differentiable with respect to the float32 tensors."""
    assert one.bias is not None
    return F.conv3d(x.double(), one.weight.double(), one.bias.double(), one.stride, one.padding)  # type: ignore[arg-type]


def close(got: Tensor, expected: Tensor, tolerance: float = 1e-4) -> None:
    """The largest error in standard deviations of the expected values."""
    torch.testing.assert_close(
        got.double(), expected.double(), rtol=0, atol=tolerance * float(expected.std())
    )


@settings(deadline=None, max_examples=30)
@given(
    st.sampled_from([(3, 64), (3, 128), (64, 64), (64, 128)]),
    st.integers(1, 3),
    st.integers(1, 6),
    st.integers(16, 27),
    st.integers(16, 27),
)
def test_of_any_shape(channels: tuple[int, int], videos: int, steps: int, rows: int, columns: int) -> None:
    one, x = layer(*channels), clips(channels[0], steps, rows, columns, videos=videos)
    assert winograd.fits(one, x)
    with torch.no_grad():
        close(winograd.convolve(one, x), plain(one, x))


@pytest.mark.parametrize(("channels", "out", "size"), [(3, 64, 33), (64, 128, 16), (64, 64, 18)])
def test_gradients_and_their_gradients(channels: int, out: int, size: int) -> None:
    one, x = layer(channels, out), clips(channels, 5, size, size + 3).requires_grad_()
    assert one.bias is not None
    found = []
    for forward in (plain, winograd.convolve):
        wanted = [x, one.weight, one.bias]
        y = forward(one, x)
        first = torch.autograd.grad(y.sin().sum(), wanted, create_graph=True)
        second = torch.autograd.grad(sum(g.square().sum() for g in first), wanted)
        found.append([y, *first, *second])
    for expected, got in zip(*found, strict=True):
        close(got, expected, 2e-4)


@pytest.mark.parametrize("operator", ["convolution", "first_convolution"])
def test_the_three_operators_are_adjoint_to_each_other(operator: str) -> None:
    first = operator.startswith("first")
    one = layer(3 if first else 64, 64)
    x, side = (
        clips(one.in_channels, 4, 12, 20).movedim(1, -1),
        kernels.first_kernel if first else kernels.kernel,
    )
    kernel = side(one.weight.detach())
    y = getattr(operators, operator)(x, kernel, torch.zeros(64))
    given_ = torch.randn(y.shape, generator=torch.Generator().manual_seed(2))
    prefix = "first_" if first else ""
    to_clips = getattr(operators, f"{prefix}to_clips")(given_, kernel, 12, 20)
    to_kernel = getattr(operators, f"{prefix}to_kernel")(x, given_)
    expected = float((y.double() * given_.double()).sum())
    assert float((to_clips.double() * x.double()).sum()) == pytest.approx(expected, rel=1e-4)
    assert float((to_kernel.double() * kernel.double()).sum()) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("size", [32, 37])
def test_a_first_layer_with_its_pooling_has_the_same_bits(size: int) -> None:
    one, x = layer(3, 64), clips(3, 5, size, size)
    x[0, 0, 2, 10, 10] = math.nan
    with torch.no_grad():
        together = stage(one, x, (1, 2, 2))
        apart = F.relu(cpu.max_pool(convolve(one, x), (1, 2, 2)))
    assert together.isnan().any()
    assert torch.equal(together.nan_to_num(-1.0), apart.nan_to_num(-1.0))
    with_gradient = stage(one, x.requires_grad_(), (1, 2, 2))
    assert torch.equal(with_gradient.nan_to_num(-1.0), apart.nan_to_num(-1.0))


@pytest.mark.parametrize("channels", [3, 64])
def test_threads_change_no_bit(channels: int) -> None:
    if library.lanes() < 16:
        pytest.skip("with AVX2 alone PyTorch's products have other bits with other numbers of threads")
    one, before, found = layer(channels, 128), torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            x = clips(channels, 6, 24, 24, videos=3).requires_grad_()
            y = winograd.convolve(one, x)
            found.append([y, *torch.autograd.grad(y.sin().sum(), [x, one.weight])])
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))


def test_without_pytorchs_threads_it_has_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    one, x, before = layer(64, 64), clips(64, 4, 24, 24), torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        with torch.no_grad():
            expected = winograd.convolve(one, x)
            monkeypatch.setattr(library, "_pytorchs", lambda: None)
            assert torch.equal(winograd.convolve(one, x), expected)
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("channels", [3, 64])
def test_a_clip_is_the_same_whatever_is_beside_it(channels: int) -> None:
    one, x = layer(channels, 128), clips(channels, 2, 16, 24, videos=20)

    def both(part: Tensor) -> tuple[Tensor, Tensor]:
        y = winograd.convolve(one, part.requires_grad_())
        return y, torch.autograd.grad(y.sin().sum(), part)[0]

    whole = both(x.clone())
    for size in (1, 3, 7):
        parts = [both(part) for part in x.clone().split(size)]
        for expected, found in zip(whole, zip(*parts, strict=True), strict=True):
            assert torch.equal(expected, torch.cat(found))


def test_changed_weights_are_noticed() -> None:
    one, x = layer(64, 64), clips(64, 2, 16, 16)
    with torch.no_grad():
        winograd.convolve(one, x)
        one.weight.mul_(2)
        close(winograd.convolve(one, x), plain(one, x))
        one.load_state_dict(layer(64, 64).state_dict())
        close(winograd.convolve(one, x), plain(one, x))


def test_what_does_not_fit_goes_another_way(monkeypatch: pytest.MonkeyPatch) -> None:
    one, x = layer(64, 64), clips(64, 4, 16, 16)
    assert winograd.fits(one, x)
    assert not winograd.fits(one, x[:, :, :, :15])
    assert not winograd.fits(one.to(torch.bfloat16), x.bfloat16())
    assert not winograd.fits(layer(64, 64).double(), x.double())
    assert not winograd.fits(layer(64, 72), x)
    assert not winograd.fits(nn.Conv3d(64, 64, 3), x)
    assert not winograd.fits(nn.Conv3d(64, 64, (3, 7, 7), (1, 2, 2), (1, 3, 3), bias=False), x)
    with torch.autocast("cpu", torch.bfloat16):
        assert not winograd.fits(layer(64, 64), x)
    monkeypatch.setattr(winograd, "lanes", lambda: 0)  # not built
    assert not winograd.fits(layer(64, 64), x)
    with torch.no_grad():
        close(convolve(layer(64, 64), x), plain(layer(64, 64), x))

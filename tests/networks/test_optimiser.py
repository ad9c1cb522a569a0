"""Step sizes, optimisers and the low-pass filter."""

import itertools
import math

import pytest
import torch

from vidcondense.networks.optimiser import OPTIMISERS, Adam, Optimiser, Sgd, low_pass


def test_cosine_schedule_ends_near_zero() -> None:
    rates = moves(Sgd.Settings(schedule="cosine", learning_rate=2.0, momentum=0.0))
    assert rates[0] == 2.0
    assert rates[5] == pytest.approx(1.0, abs=1e-6)
    assert rates == sorted(rates, reverse=True)
    assert moves(Sgd.Settings(learning_rate=2.0, momentum=0.0)) == [2.0] * 10


def moves(settings: Sgd.Settings) -> list[float]:
    """How far plain SGD goes along a gradient of 1 in each of ten iterations."""
    value = torch.zeros(1, requires_grad=True)
    optimiser, places = Sgd(settings, {"frames": value}, 10), [0.0]
    for iteration in range(10):
        value.grad = torch.full((1,), -1.0)
        optimiser.step(iteration)
        places.append(value.item())
    return [after - before for before, after in itertools.pairwise(places)]


@pytest.mark.parametrize("kind", [Sgd, Adam])
def test_a_parameter_may_have_a_step_size_of_its_own(kind: type[Optimiser]) -> None:
    settings = kind.Settings(learning_rate=0.5, momentum=0.0, schedule="cosine")
    values = {name: torch.zeros(1, requires_grad=True) for name in ("frames", "targets", "still")}
    optimiser = kind(settings, values, 4, {"targets": 0.125, "still": 0.0, "absent": 3.0})
    for iteration, share in ((0, 1.0), (2, 0.5)):
        before = [value.item() for value in values.values()]
        for value in values.values():
            value.grad = torch.ones(1)
        optimiser.step(iteration)
        went = [old - value.item() for old, value in zip(before, values.values(), strict=True)]
        assert went == pytest.approx([0.5 * share, 0.125 * share, 0.0], rel=1e-5)


def test_optimisers_are_those_named() -> None:
    values = torch.zeros(1, requires_grad=True)
    assert OPTIMISERS.members() == {"adam": Adam, "sgd": Sgd}
    sgd = Sgd(Sgd.Settings(momentum=0.95), {"frames": values}, 10).torch
    adam = Adam(Adam.Settings(momentum=0.9), {"frames": values}, 10).torch
    assert isinstance(sgd, torch.optim.SGD)
    assert sgd.defaults["momentum"] == 0.95
    assert isinstance(adam, torch.optim.Adam)
    assert adam.defaults["betas"] == (0.9, 0.999)


@pytest.mark.parametrize(("down", "across"), [(0, 0), (0, 3), (5, 0), (2, 4)])
@pytest.mark.parametrize("size", [16, 33])
def test_low_pass_scales_each_wave_by_the_formula(size: int, down: int, across: int) -> None:
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    wave = torch.cos(2 * math.pi * (down * y + across * x) / size).expand(2, 3, size, size)
    expected = wave / (1 + (down**2 + across**2) / 4.0**2)
    torch.testing.assert_close(low_pass(wave, 4.0), expected, rtol=1e-4, atol=1e-5)


def test_low_pass_off_changes_nothing_and_frames_do_not_mix() -> None:
    gradient = torch.randn(1, 2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    assert low_pass(gradient, 0.0) is gradient
    gradient[:, 1] = 0
    filtered = low_pass(gradient, 2.0)
    assert not filtered[:, 1].any()
    assert filtered[:, 0].any()


@pytest.mark.parametrize("kind", [Sgd, Adam])
def test_a_restored_optimiser_goes_on_with_several_parameters(kind: type[Optimiser]) -> None:
    settings = kind.Settings(learning_rate=0.1, schedule="cosine")

    def start() -> tuple[Optimiser, dict[str, torch.Tensor]]:
        parameters = {name: torch.ones(2, requires_grad=True) for name in ("a", "b")}
        return kind(settings, parameters, 6), parameters

    def step(optimiser: Optimiser, parameters: dict[str, torch.Tensor], iteration: int) -> None:
        for number, value in enumerate(parameters.values()):
            value.grad = torch.full((2,), 1.0 + number + iteration)
        optimiser.step(iteration)

    whole, expected = start()
    for iteration in range(6):
        step(whole, expected, iteration)
        if iteration == 2:
            saved = {name: value.clone() for name, value in whole.state().items()}
            values = {name: value.detach().clone() for name, value in expected.items()}
    resumed, parameters = start()
    resumed.restore(saved)
    with torch.no_grad():
        for name, value in parameters.items():
            value.copy_(values[name])
    for iteration in range(3, 6):
        step(resumed, parameters, iteration)
    assert all(torch.equal(parameters[name], expected[name]) for name in expected)
    assert not torch.equal(parameters["a"], parameters["b"])


@pytest.mark.parametrize("kind", [Sgd, Adam])
def test_what_is_forgotten_starts_as_what_never_moved(kind: type[Optimiser]) -> None:
    value = torch.zeros(2, 3, 4, requires_grad=True)
    optimiser = kind(kind.Settings(learning_rate=0.1, momentum=0.9), {"frames": value}, 9)
    optimiser.forget("frames", [(0, 1)])  # nothing to forget yet
    for iteration in range(3):
        value.grad = torch.ones_like(value)
        value.grad[1, 0] = 0.0
        optimiser.step(iteration)
    optimiser.forget("frames", [(0, 1), (1, 2)])
    before = value.detach().clone()
    value.grad = torch.zeros_like(value)
    optimiser.step(3)
    still = (value.detach() == before).all(2)
    assert still.tolist() == [[False, True, False], [True, False, True]]
    value.grad = torch.ones_like(value)
    before = value.detach().clone()
    optimiser.step(4)
    went = before - value.detach()
    torch.testing.assert_close(went[0, 1], went[1, 0])
    assert not torch.allclose(went[0, 1], went[0, 0])

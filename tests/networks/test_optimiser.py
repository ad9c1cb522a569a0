"""Step sizes, optimisers and the low-pass filter."""

import math

import pytest
import torch
from vidcondense.recipes.settings import OptimiserSettings

from vidcondense.networks.optimiser import Optimiser, learning_rate, low_pass


def test_cosine_schedule_ends_near_zero() -> None:
    settings = OptimiserSettings(schedule="cosine", learning_rate=2.0)
    rates = [learning_rate(settings, "frames", i, 10) for i in range(10)]
    assert rates[0] == 2.0
    assert rates[5] == pytest.approx(1.0)
    assert rates == sorted(rates, reverse=True)
    assert learning_rate(OptimiserSettings(learning_rate=2.0), "frames", 9, 10) == 2.0


def test_optimisers_are_those_named() -> None:
    values = torch.zeros(1, requires_grad=True)
    sgd = Optimiser(OptimiserSettings(momentum=0.95), {"frames": values}, 10).torch
    adam = Optimiser(OptimiserSettings(kind="adam", momentum=0.9), {"frames": values}, 10).torch
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


@pytest.mark.parametrize("kind", ["sgd", "adam"])
def test_a_restored_optimiser_goes_on_with_several_parameters(kind: str) -> None:
    settings = OptimiserSettings(kind=kind, learning_rate=0.1, schedule="cosine")  # type: ignore[arg-type]

    def start() -> tuple[Optimiser, dict[str, torch.Tensor]]:
        parameters = {name: torch.ones(2, requires_grad=True) for name in ("a", "b")}
        return Optimiser(settings, parameters, 6), parameters

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

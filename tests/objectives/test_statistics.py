"""What of the features is matched, against formulas written out."""

import math

import pytest
import torch

from vidcondense.base.compute import generator
from vidcondense.networks import build, initialise
from vidcondense.objectives.distribution_matching import distribution_matching
from vidcondense.objectives.layers import Embedding
from vidcondense.objectives.statistics import FREQUENCIES, mapped

FEATURES = torch.randn(50, 6, generator=torch.Generator().manual_seed(0))


def test_moments_are_means_and_mean_squares() -> None:
    found = mapped("moments", 0, 0)(FEATURES).mean(0)
    torch.testing.assert_close(found, torch.cat([FEATURES.mean(0), (FEATURES**2).mean(0)]))
    assert mapped("mean", 0, 0)(FEATURES) is FEATURES


def test_the_characteristic_function_is_that_of_the_features() -> None:
    of = mapped("distribution", 3, 5)
    found = of(FEATURES).mean(0)
    spread = (FEATURES - FEATURES.mean(0)).norm(dim=1).square().mean().sqrt()
    drawn = torch.randn(6, FREQUENCIES, generator=generator(3, "frequencies", 5)) / spread
    expected = torch.exp(1j * (FEATURES @ drawn)).mean(0) / math.sqrt(FREQUENCIES)
    torch.testing.assert_close(found, torch.cat([expected.real, expected.imag]))
    assert of(FEATURES[:1]).norm().item() == pytest.approx(1, rel=1e-5), "a single point has modulus 1"
    assert not torch.equal(mapped("distribution", 3, 6)(FEATURES), of(FEATURES))


def test_only_the_distribution_tells_mirrored_skewed_features_apart() -> None:
    """Of one mean and variance, and another third moment."""
    skewed = torch.distributions.Exponential(torch.ones(4000, 1)).sample() - 1
    skewed = (skewed - skewed.mean()) / skewed.std()
    apart = {}
    for matched in ("mean", "moments", "distribution"):
        of = mapped(matched, 0, 0)  # type: ignore[arg-type]
        apart[matched] = (of(skewed).mean(0) - of(-skewed).mean(0)).square().sum().item()
    assert apart["mean"] < 1e-6 and apart["moments"] < 1e-6
    assert apart["distribution"] > 0.01


@pytest.mark.parametrize("matched", ["mean", "moments", "distribution"])
def test_the_gradient_leads_to_the_real_clips(matched: str) -> None:
    network = build("convnet3d", 2, 4, 32).requires_grad_(False)
    initialise(network, generator(0))
    real, labels = torch.randn(4, 4, 3, 32, 32, generator=generator(1)), torch.tensor([0, 0, 1, 1])
    noisy = real + 0.3 * torch.randn(real.shape, generator=generator(2))

    def loss(clips: torch.Tensor) -> tuple[float, torch.Tensor]:
        of = mapped(matched, 0, 0)  # type: ignore[arg-type]
        return distribution_matching(network, [(real, labels)], clips, labels, of=Embedding(of))

    assert loss(real)[0] == pytest.approx(0, abs=1e-9)
    start, gradient = loss(noisy)
    nearer, _ = loss(noisy - 0.05 * gradient / gradient.abs().max())
    assert 0 < nearer < start

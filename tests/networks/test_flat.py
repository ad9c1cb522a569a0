"""A network called with weights from a flat vector is the network with these weights."""

import pytest
import torch

from vidcondense.base.compute import generator
from vidcondense.networks import NETWORKS, build, channels_last, initialise
from vidcondense.networks.flat import FlatNetwork, flatten, load


@pytest.mark.parametrize("name", ["minic3d"])
def test_flat_weights_are_the_networks(name: str) -> None:
    assert name in NETWORKS
    first, second = build(name, 3, 4, 32).eval(), build(name, 3, 4, 32).eval()
    initialise(first, generator(1))
    initialise(second, generator(2))
    clips = torch.randn(2, 4, 3, 32, 32, generator=generator(3))
    flat = flatten(first)
    torch.testing.assert_close(FlatNetwork(second)(flat, clips), first(clips))
    channels_last(first)
    assert torch.equal(flatten(first), flat)
    load(second, flat)
    assert torch.equal(flatten(second), flat)
    torch.testing.assert_close(second(clips), first(clips))


def test_the_vector_is_a_copy() -> None:
    network = torch.nn.Linear(2, 1, bias=False)  # a single parameter: nothing to join
    flat = flatten(network)
    before = flat.clone()
    with torch.no_grad():
        network.weight.add_(1)
    assert torch.equal(flat, before)
    load(network, flat)
    flat += 1
    assert not torch.equal(flatten(network), flat)

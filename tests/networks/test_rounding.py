"""Weights of 8 bits: how far they are off, what does not change, and that the bytes are those of a file."""

import torch
from safetensors.torch import save
from torch import nn

from vidcondense import networks
from vidcondense.base.compute import generator
from vidcondense.networks.rounding import round_weights


def test_weights_are_off_by_half_a_level_at_most() -> None:
    network = nn.Sequential(nn.Conv3d(3, 4, 3), nn.BatchNorm3d(4))
    nn.init.normal_(network[0].bias)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    round_weights(network)
    after = network.state_dict()
    highest = before["0.weight"].abs().amax((1, 2, 3, 4), keepdim=True)
    error = (after["0.weight"] - before["0.weight"]).abs()
    assert (
        0 < float((error / highest).max()) <= 0.5 / 127 * 1.1
    )  # a tenth for the scale, which is rounded too
    assert torch.equal(after["0.bias"], before["0.bias"].half().float())
    assert torch.equal(after["1.num_batches_tracked"], before["1.num_batches_tracked"])


def test_the_size_is_a_byte_for_each_weight_and_little_more() -> None:
    network = networks.draw("minic3d", (10, 8, 32), generator(0, "weights"), torch.device("cpu"))
    weights = sum(parameter.numel() for parameter in network.parameters())
    size = round_weights(network)
    assert weights < size < 1.1 * weights + 4000
    whole = len(save({name: tensor.contiguous() for name, tensor in network.state_dict().items()}))
    assert size < 0.3 * whole


def test_what_is_rounded_stays_so_and_zeros_stay_zeros() -> None:
    network = nn.Linear(5, 3)
    with torch.no_grad():
        network.weight[1] = 0
    round_weights(network)
    once = network.weight.clone()
    assert bool((once[1] == 0).all())
    round_weights(network)
    assert torch.allclose(network.weight, once, atol=1e-4)

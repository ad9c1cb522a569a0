"""Fresh weights: PyTorch's defaults in distribution, nothing left out, buffers included."""

import copy
import math

import pytest
import torch
from torch import nn

from vidcondense.base.compute import generator
from vidcondense.networks import NETWORKS, initialise, outline


def emptied(layer: nn.Module) -> nn.Module:
    """A copy in which every parameter and buffer is NaN, or as large as an integer gets."""
    made = copy.deepcopy(layer)
    for tensor in (*made.parameters(), *made.buffers()):
        tensor.data.fill_(math.nan if tensor.is_floating_point() else 2**40)
    return made


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(16, 64, 3),
        nn.Conv2d(16, 64, (3, 1), bias=False),
        nn.Conv2d(64, 64, 3, groups=8),
        nn.Conv3d(8, 64, (3, 7, 7)),
        nn.Linear(100, 400),
        nn.RNN(64, 100),
        nn.GRU(32, 100, num_layers=2, bidirectional=True),
        nn.LSTM(64, 100),
        nn.RNNCell(64, 100),
        nn.GRUCell(64, 100),
        nn.LSTMCell(64, 100),
        nn.GroupNorm(4, 16),
        nn.GroupNorm(4, 16, affine=False),
        nn.LayerNorm(16),
        nn.BatchNorm1d(16),
        nn.BatchNorm2d(16),
        nn.BatchNorm3d(16, track_running_stats=False),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_layers_are_drawn_as_pytorch_draws_them(layer: nn.Module) -> None:
    torch.manual_seed(0)
    if hasattr(layer, "reset_parameters"):
        layer.reset_parameters()
    made = emptied(layer)
    initialise(made, generator(1))
    for (name, drawn), default in zip(made.state_dict().items(), layer.state_dict().values(), strict=True):
        if default.numel() < 20 or default.min() == default.max():
            assert torch.equal(drawn, default) or drawn.numel() < 20, name
        else:
            for measure in (torch.std, lambda x: x.abs().max()):
                assert measure(drawn).item() == pytest.approx(measure(default).item(), rel=0.2), name
            assert drawn.mean().abs() < 4 * default.std() / default.numel() ** 0.5, name


class Own(nn.Module):
    """A layer with a parameter and a buffer of its own, and a child."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.empty(3))
        self.register_buffer("steps", torch.empty(3))
        self.child = nn.Linear(3, 3)


class Drawn(Own):
    def draw_weights(self, generator: torch.Generator) -> None:
        self.scale.normal_(generator=generator)
        self.steps.zero_()  # type: ignore[operator]


def test_a_layer_that_is_not_known_is_refused_and_can_speak_for_itself() -> None:
    with pytest.raises(NotImplementedError, match=r"Own; give it a method draw_weights\(generator\)"):
        initialise(Own(), generator(0))
    with pytest.raises(NotImplementedError, match="MultiheadAttention"):
        initialise(nn.MultiheadAttention(4, 2), generator(0))
    first, second = (emptied(Drawn()) for _ in range(2))
    initialise(first, generator(0))
    initialise(second, generator(0))
    assert all(bool(value.isfinite().all()) for value in first.state_dict().values())
    for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("name", list(NETWORKS))
def test_nothing_of_a_network_is_left_out(name: str) -> None:
    network = emptied(outline(name, 5, 8, 32).to_empty(device="cpu"))
    initialise(network, generator(0))
    assert all(bool(value.isfinite().all()) for value in network.state_dict().values())


def test_the_mlp_head_starts_standard_normal_and_positions_small() -> None:
    head = outline("cnn_mlp", 5, 16, 64).to_empty(device="cpu")
    initialise(head, generator(0))
    weight = head.get_parameter("head.weight")
    assert weight.std().item() == pytest.approx(1, rel=0.02)
    assert weight.abs().max() > 3
    assert head.get_parameter("head.bias").std().item() == pytest.approx(1, rel=0.05)
    transformer = outline("video_transformer", 5, 8, 64).to_empty(device="cpu")
    initialise(transformer, generator(0))
    assert transformer.get_parameter("positions.values").std().item() == pytest.approx(0.02, rel=0.02)

"""The CNN with heads over time against obvious rebuilds and PyTorch's own recurrent layers."""

import pytest
import torch
from torch import Tensor, nn

from vidcondense.base.compute import generator
from vidcondense.networks import build, channels_last, heads, initialise
from vidcondense.networks.base import VideoNetwork

NAMES = ("cnn_mean", "cnn_mlp", "cnn_rnn", "cnn_gru", "cnn_lstm")


def made(name: str, frames: int = 3, size: int = 16) -> VideoNetwork:
    network = build(name, 5, frames, size).eval()
    initialise(network, generator(0))
    return network


def noise(*shape: int) -> Tensor:
    return torch.randn(shape, generator=generator(1))


@pytest.mark.parametrize(("name", "width"), [*zip(NAMES, (8192, 8192, 1024, 1024, 8192), strict=True)])
def test_embedding_sizes_at_64_pixels(name: str, width: int) -> None:
    with torch.device("meta"):
        head = {"mean": heads.Mean, "mlp": heads.MLP, "rnn": heads.RNN, "gru": heads.GRU, "lstm": heads.LSTM}
        assert head[name.removeprefix("cnn_")](8192, 16).width == width


@pytest.mark.parametrize(("size", "features"), [(8, 128), (15, 128), (44, 3200), (64, 8192), (112, 8192)])
def test_embedding_of_the_mean_at_every_size(size: int, features: int) -> None:
    with torch.no_grad():
        assert made("cnn_mean", 1, size).embed(noise(2, 1, 3, size, size)).shape == (2, features)


@pytest.mark.parametrize("gradients", [False, True])
def test_backbone_is_the_published_stack(gradients: bool) -> None:
    network, clips = made("cnn_mean"), noise(2, 3, 3, 16, 16)
    convolutions = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    parts: list[nn.Module] = []
    for convolution in convolutions:
        parts += [convolution, nn.InstanceNorm2d(128, affine=True), nn.ReLU(), nn.AvgPool2d(2)]
    published = nn.Sequential(*parts)
    norms = [layer for layer in network.modules() if isinstance(layer, nn.GroupNorm)]
    for theirs, ours in zip(parts[1::4], norms, strict=True):
        ours.weight.data.uniform_(0.5, 2, generator=generator(2))
        ours.bias.data.uniform_(-1, 1, generator=generator(3))
        theirs.load_state_dict(ours.state_dict())
    expected = torch.stack([published(clips[:, t]).flatten(1) for t in range(3)]).mean(0)
    channels_last(network)
    with torch.set_grad_enabled(gradients):
        torch.testing.assert_close(network.embed(clips), expected, rtol=1e-4, atol=1e-5)
        with torch.autocast("cpu", torch.bfloat16):
            torch.testing.assert_close(network.embed(clips).float(), expected, rtol=0.05, atol=0.1)


@pytest.mark.parametrize("name", ["cnn_mean", "cnn_mlp", "cnn_gru"])
@pytest.mark.parametrize("size", [65, 80, 112])
def test_larger_clips_are_cropped_to_the_middle_64(name: str, size: int) -> None:
    cropping, plain = made(name, 2, size), made(name, 2, 64)
    clips = noise(1, 2, 3, size, size)
    edge = (size - 64) // 2
    with torch.no_grad():
        expected = plain(clips[..., edge : edge + 64, edge : edge + 64])
        assert torch.equal(cropping(clips), expected)


@pytest.mark.parametrize("frames", [1, 2, 7])
@pytest.mark.parametrize("name", ["cnn_rnn", "cnn_gru", "cnn_lstm"])
def test_recurrent_heads_are_the_mean_of_pytorchs_outputs(name: str, frames: int) -> None:
    head = made(name, frames).head
    assert isinstance(head, heads.Recurrent)
    layer = {"cnn_rnn": nn.RNN, "cnn_gru": nn.GRU, "cnn_lstm": nn.LSTM}[name]
    theirs = layer(512, head.width, batch_first=True)
    theirs.load_state_dict({f"{key}_l0": value for key, value in head.cell.state_dict().items()})
    x = noise(4, frames, 512)
    outputs, _ = theirs(x)
    torch.testing.assert_close(head(x), outputs.mean(1), rtol=1e-4, atol=1e-6)


def test_gru_against_its_equations_in_a_slow_loop() -> None:
    head = made("cnn_gru", 3).head.double()
    x = noise(1, 3, 512).double()
    cell = head.cell
    (w_r, w_z, w_n), (u_r, u_z, u_n) = cell.weight_ih.chunk(3), cell.weight_hh.chunk(3)
    (b_r, b_z, b_n), (c_r, c_z, c_n) = cell.bias_ih.chunk(3), cell.bias_hh.chunk(3)
    h, total = torch.zeros(64).double(), torch.zeros(64).double()
    for t in range(3):
        r = 1 / (1 + torch.exp(-(w_r @ x[0, t] + b_r + u_r @ h + c_r)))
        z = 1 / (1 + torch.exp(-(w_z @ x[0, t] + b_z + u_z @ h + c_z)))
        n = torch.tanh(w_n @ x[0, t] + b_n + r * (u_n @ h + c_n))
        h = (1 - z) * n + z * h
        total += h
    torch.testing.assert_close(head(x)[0], total / 3)


def test_mlp_head_weighs_the_frames_of_each_feature() -> None:
    head = made("cnn_mlp", 3).head
    x = noise(2, 3, 512)
    expected = torch.stack(
        [sum(x[:, t, f] * head.weight[t, f] for t in range(3)) + head.bias[f] for f in range(512)], 1
    )
    torch.testing.assert_close(head(x), expected, rtol=1e-4, atol=1e-5)


def test_order_of_frames_matters_to_every_head_but_the_mean() -> None:
    clips = noise(1, 3, 3, 16, 16)
    for name in NAMES:
        network = made(name)
        with torch.no_grad():
            same = torch.allclose(network(clips), network(clips.flip(1)), atol=1e-6)
        assert same == (name == "cnn_mean"), name

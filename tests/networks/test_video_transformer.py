"""The video transformer against PyTorch's encoder layer and a strided 3D convolution."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from vidcondense.base.compute import generator
from vidcondense.networks import build, initialise, outline
from vidcondense.networks.video_transformer import Layer, VideoTransformer


def made(frames: int, size: int) -> VideoTransformer:
    network = build("video_transformer", 5, frames, size).eval()
    initialise(network, generator(0))
    assert isinstance(network, VideoTransformer)
    return network


def test_a_layer_is_pytorchs_encoder_layer() -> None:
    layer = Layer()
    initialise(layer, generator(0))
    theirs = nn.TransformerEncoderLayer(
        192, 3, 768, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
    )
    state = layer.state_dict()
    names = {
        "self_attn.in_proj_": "query_key_value.",
        "self_attn.out_proj.": "projection.",
        "linear1.": "widen.",
        "linear2.": "narrow.",
        "norm1.": "norm_attention.",
        "norm2.": "norm_perceptron.",
    }
    theirs.load_state_dict(
        {a + kind: state[b + kind] for a, b in names.items() for kind in ("weight", "bias")}
    )
    x = torch.randn(2, 10, 192, generator=generator(1))
    torch.testing.assert_close(layer(x), theirs(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("frames", "size"), [(2, 8), (4, 16), (8, 64)])
def test_tubelets_are_a_strided_convolution(frames: int, size: int) -> None:
    network, patch = made(frames, size), size // 8
    clips = torch.randn(2, frames, 3, size, size, generator=generator(1))
    weight = network.tubelets.weight.view(192, 2, 3, patch, patch).transpose(1, 2)
    grid = F.conv3d(clips.transpose(1, 2), weight, network.tubelets.bias, stride=(2, patch, patch))
    tokens = grid.flatten(2).transpose(1, 2)  # time first, then rows, then columns
    torch.testing.assert_close(network.tubelets(network._cut(clips)), tokens, rtol=1e-4, atol=1e-5)


def test_number_of_tokens_and_size() -> None:
    for shape, tokens in (((8, 64), 256), ((16, 112), 512), ((7, 64), 256), ((1, 8), 64)):
        network = outline("video_transformer", 50, *shape)
        assert network.get_parameter("positions.values").shape == (tokens, 192)
        assert 3e6 < network.weights < 6e6


def test_the_last_frame_of_an_odd_number_counts_twice() -> None:
    odd, even = made(3, 16), made(4, 16)
    clips = torch.randn(1, 3, 3, 16, 16, generator=generator(1))
    with torch.no_grad():
        assert torch.equal(odd(clips), even(torch.cat([clips, clips[:, -1:]], 1)))


def test_pixels_that_8_does_not_divide_are_cropped_around_the_centre() -> None:
    larger, plain = made(2, 21), made(2, 16)
    clips = torch.randn(1, 2, 3, 21, 21, generator=generator(1))
    with torch.no_grad():
        assert torch.equal(larger(clips), plain(clips[..., 2:18, 2:18]))


def test_place_and_time_of_a_token_matter() -> None:
    network = made(4, 16)
    clips = torch.randn(1, 4, 3, 16, 16, generator=generator(1))
    turned = clips.unflatten(1, (2, 2)).flip(1).flatten(1, 2)  # the same tubelets in the other order
    with torch.no_grad():
        assert not torch.allclose(network(clips), network(turned), atol=1e-5)
        network.positions.values.zero_()
        torch.testing.assert_close(network(clips), network(turned), rtol=1e-4, atol=1e-5)

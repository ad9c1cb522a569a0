"""R(2+1)D-18 against 3D convolutions and the published sizes."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidcondense.base.compute import generator
from vidcondense.networks import initialise, outline
from vidcondense.networks.r2plus1d import Block, Factorised


def test_parameters_are_as_published() -> None:
    assert outline("r2plus1d_18", 400, 16, 112).weights == 31_505_325
    assert outline("r2plus1d_18", 400, 8, 64).weights == 31_505_325


def factorised(layer: Factorised, x: Tensor) -> Tensor:
    """As in the paper: 3D convolutions 1xkxk and 3x1x1, statistics over time and space of a clip."""
    k, stride = layer.space.kernel_size[0], layer.space.stride[0]
    y = F.conv3d(x, layer.space.weight[:, :, None], None, (1, stride, stride), (0, k // 2, k // 2))
    y = F.relu(layer.norm(y))
    y = F.conv3d(y, layer.time.weight[..., None], None, (layer.time.stride[0], 1, 1), (1, 0, 0))
    return layer.norm_out(y)  # type: ignore[no-any-return]


def uneven(layer: nn.Module) -> None:
    """Weights drawn, and scales and shifts of the normalisation that show when they are swapped."""
    initialise(layer, generator(0))
    for norm in layer.modules():
        if isinstance(norm, nn.GroupNorm):
            norm.weight.data.uniform_(0.5, 2, generator=generator(1))
            norm.bias.data.uniform_(-1, 1, generator=generator(2))


@pytest.mark.parametrize(("frames", "size"), [(1, 8), (2, 7), (5, 9)])
@pytest.mark.parametrize("stride", [1, 2])
def test_a_block_is_made_of_3d_convolutions(frames: int, size: int, stride: int) -> None:
    block = Block(64, 128 if stride == 2 else 64, stride)
    uneven(block)
    x = torch.randn(2, 64, frames, size, size, generator=generator(3))
    y = factorised(block.second, F.relu(factorised(block.first, x)))
    shortcut = x
    if stride == 2:
        shortcut = block.norm(F.conv3d(x, block.shortcut.weight[..., None], None, 2))
    expected = F.relu(y + shortcut)
    for layout in (torch.contiguous_format, torch.channels_last_3d):
        found = block(x.contiguous(memory_format=layout))
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


def test_the_stem_halves_space_only() -> None:
    stem = Factorised(3, 45, 64, kernel=7, strides=(2, 1))
    uneven(stem)
    x = torch.randn(1, 3, 4, 15, 15, generator=generator(3))
    assert stem(x).shape == (1, 64, 4, 8, 8)
    torch.testing.assert_close(stem(x), factorised(stem, x), rtol=1e-3, atol=1e-4)


def test_channels_between_space_and_time_are_as_in_the_paper() -> None:
    found = [b.first.space.out_channels for b in outline("r2plus1d_18", 5, 8, 64).blocks]  # type: ignore
    assert found == [144, 144, 230, 288, 460, 576, 921, 1152]

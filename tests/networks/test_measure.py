"""Operations and bytes of a piece of work, against arithmetic by hand."""

import pytest
import torch
from torch import Tensor

from vidcondense import networks
from vidcondense.data.store import ClipStore
from vidcondense.networks.measure import flops_of_embedding, measure


def convolutions(frames: int, size: int) -> int:
    """Operations of miniC3D's three convolutions, layer by layer from its description."""
    total, channels = 0, 3
    for number, filters in enumerate((64, 128, 128)):
        size = -(-size // 2)
        total += 2 * 3 * 7 * 7 * channels * filters * frames * size * size
        channels, size = filters, max(1, size // 2)
        frames = frames if number == 0 else max(1, frames // 2)
    return total


@pytest.mark.parametrize(("frames", "size"), [(4, 32), (8, 64), (16, 112)])
def test_operations_of_minic3d(frames: int, size: int) -> None:
    counted = flops_of_embedding(networks.outline("minic3d", 5, frames, size), frames, size)
    assert counted == pytest.approx(convolutions(frames, size), rel=0.4)  # however it computes them
    assert counted >= convolutions(frames, size)


def test_a_call_is_counted_once_and_timed_as_long_as_wanted(tiny_store: ClipStore) -> None:
    calls: list[Tensor] = []
    one = measure(lambda: calls.append(torch.ones(2, 3) @ torch.ones(3, 5)), tiny_store, 0.05)
    assert (one.flops, one.read) == (2 * 2 * 3 * 5, 0)
    assert len(calls) > 10
    assert one.seconds < 0.01

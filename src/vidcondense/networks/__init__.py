"""Networks by name. A network has `embed` (features, what matching compares) and `forward` (class scores)."""

import math
from collections.abc import Callable

import torch
from torch import nn

from vidcondense.errors import VidcondenseError
from vidcondense.networks.base import VideoNetwork
from vidcondense.networks.minic3d import MiniC3D

NETWORKS: dict[str, Callable[[int, int, int], VideoNetwork]] = {
    "minic3d": MiniC3D,
}


def build(name: str, classes: int, frames: int, size: int) -> VideoNetwork:
    """A network for clips (video, frames, 3, size, size) with uninitialised weights; see `initialise`.

    Raises:
        VidcondenseError: the name is unknown, or the network cannot take clips of this shape.
    """
    if name not in NETWORKS:
        raise VidcondenseError(f"unknown network {name!r}; known: {', '.join(NETWORKS)}")
    with torch.device("meta"):
        network = NETWORKS[name](classes, frames, size)
    return network.to_empty(device="cpu")


@torch.no_grad()
def initialise(network: nn.Module, generator: torch.Generator) -> None:
    """Draw fresh weights as PyTorch's defaults do, from an explicit generator.

    Convolutions and linear layers: Kaiming uniform with a = sqrt(5) for weights, which is uniform within
    1 / sqrt(fan_in), and the same bound for biases.

    Raises:
        NotImplementedError: a layer with parameters that this function does not know.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Conv3d | nn.Linear):
            bound = 1 / math.sqrt(layer.weight[0].numel())
            layer.weight.uniform_(-bound, bound, generator=generator)
            if layer.bias is not None:
                layer.bias.uniform_(-bound, bound, generator=generator)
        elif next(layer.parameters(recurse=False), None) is not None:
            raise NotImplementedError(f"no initialisation for {type(layer).__name__}")


def channels_last(network: nn.Module) -> None:
    """Lay the weights of convolutions out channels-last, in place: the fast order on CPUs and GPUs alike."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv3d):
            layer.weight.data = layer.weight.data.contiguous(memory_format=torch.channels_last_3d)
        elif isinstance(layer, nn.Conv2d):
            layer.weight.data = layer.weight.data.contiguous(memory_format=torch.channels_last)

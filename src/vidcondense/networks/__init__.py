"""Networks by name. A network has `embed` (features, what matching compares) and `forward` (class scores)."""

from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from vidcondense.base.compute import Compute
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.members import is_extension, load_class
from vidcondense.base.units import mebibytes
from vidcondense.networks import heads
from vidcondense.networks.base import VideoNetwork
from vidcondense.networks.cnn import CNN
from vidcondense.networks.convnet3d import ConvNet3D
from vidcondense.networks.initialisation import initialise
from vidcondense.networks.minic3d import MiniC3D
from vidcondense.networks.r2plus1d import R2Plus1D18
from vidcondense.networks.video_transformer import VideoTransformer

__all__ = [
    "NETWORKS",
    "build",
    "channels_last",
    "draw",
    "initialise",
    "is_known",
    "outline",
    "turns",
    "weights_memory",
]

NETWORKS: dict[str, Callable[[int, int, int], VideoNetwork]] = {
    "minic3d": MiniC3D,
    "convnet3d": ConvNet3D,
    "cnn_mean": partial(CNN, heads.Mean),
    "cnn_mlp": partial(CNN, heads.MLP),
    "cnn_rnn": partial(CNN, heads.RNN),
    "cnn_gru": partial(CNN, heads.GRU),
    "cnn_lstm": partial(CNN, heads.LSTM),
    "r2plus1d_18": R2Plus1D18,
    "video_transformer": VideoTransformer,
}


def turns(name: str) -> tuple[str, ...]:
    """The networks that take turns under a name: one, or those that "+" joins."""
    parts = tuple(name.split("+"))
    return parts if all(map(_is_one, parts)) else (name,)


def build(name: str, classes: int, frames: int, size: int) -> VideoNetwork:
    """A network for clips (video, frames, 3, size, size) with uninitialised weights; see `initialise`.

    Raises:
        VidcondenseError: the name is unknown, or the network cannot take clips of this shape.
    """
    return outline(name, classes, frames, size).to_empty(device="cpu")


def outline(name: str, classes: int, frames: int, size: int) -> VideoNetwork:
    """The network of `build` without memory for its weights (on PyTorch's meta device): sizes only."""
    if not _is_one(name):
        raise VidcondenseError(f"unknown network {name!r}; known: {', '.join(NETWORKS)}, or FILE.py:CLASS")
    network = load_class(name, VideoNetwork) if is_extension(name) else NETWORKS[name]
    with torch.device("meta"):
        return network(classes, frames, size)


def draw(
    name: str, shape: tuple[int, int, int], rng: torch.Generator, device: torch.device | str = "cpu"
) -> VideoNetwork:
    """A float32 network with fresh random weights, its convolutions laid out channels-last.

    Args:
        name: which one.
        shape: classes, frames and size of its clips (`ClipStore.shape`).
        rng: gives the weights, on the CPU, so that devices agree.
        device: where it goes.
    """
    network = build(name, *shape)
    initialise(network, rng)
    channels_last(network.to(device))
    return network


def is_known(name: str) -> bool:
    """Whether it names networks here, or has the form of one in a file; see `turns`."""
    return all(map(_is_one, turns(name)))


def _is_one(name: str) -> bool:
    return name in NETWORKS or is_extension(name)


def weights_memory(name: str, network: VideoNetwork, copies: int, compute: Compute) -> str:
    """One line on the memory that a network's weights take, for the user to read before they are made.

    What cannot fit into the memory of the device is refused.

    Args:
        name: what the network is called.
        network: an `outline` will do.
        copies: float32 values kept per weight: itself, its gradient, moments of the optimiser.
        compute: where.
    """
    needed, there = 4 * copies * network.weights, compute.memory()
    line = (
        f"{name} has {network.weights:,} parameters: {mebibytes(4 * network.weights)}, "
        f"at least {mebibytes(needed)} with the copies that this needs"
    )
    if needed > there:
        raise VidcondenseError(
            f"{line}, but {compute.device} has {mebibytes(there)} of memory; "
            "choose a smaller network, or a larger machine"
        )
    return line


def channels_last(network: nn.Module) -> None:
    """Lay the weights of convolutions out channels-last, in place: the fast order on CPUs and GPUs alike."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv3d):
            layer.weight.data = layer.weight.data.contiguous(memory_format=torch.channels_last_3d)
        elif isinstance(layer, nn.Conv2d):
            layer.weight.data = layer.weight.data.contiguous(memory_format=torch.channels_last)

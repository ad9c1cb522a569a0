"""A network as a function of its weights, all of them in one flat vector."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel

from vidcondense.networks.base import VideoNetwork


class FlatNetwork:
    """Calls a network with weights that are not its own.

    Args:
        network: on its device, in the mode (training or evaluation) to be used; its weights are never read.
    """

    def __init__(self, network: VideoNetwork) -> None:
        self.network = network
        self.shapes = shapes(network)

    def __call__(self, weights: Tensor, clips: Tensor) -> Tensor:
        """Scores (video, class), differentiable in both arguments.

        Args:
            weights: (weight,) as `flatten` orders them.
            clips: (video, time, 3, height, width) normalised.
        """
        parts = weights.split([shape.numel() for shape in self.shapes.values()])
        named = {
            name: part.view(shape) for part, (name, shape) in zip(parts, self.shapes.items(), strict=True)
        }
        scores: Tensor = functional_call(self.network, named, (clips,))
        return scores

    @contextmanager
    def twice_differentiable(self) -> Iterator[None]:
        """Within the block, layers use kernels that can be differentiated twice.

        The fast ones of attention, and cuDNN's of recurrent layers, have a first derivative only.
        """
        with ExitStack() as stack:
            stack.enter_context(sdpa_kernel(SDPBackend.MATH))
            if any(isinstance(layer, nn.RNNBase) for layer in self.network.modules()):
                stack.enter_context(torch.backends.cudnn.flags(enabled=False))
            yield


def shapes(network: nn.Module) -> dict[str, torch.Size]:
    """Shapes of the weights by name, in the order of the flat vector."""
    return {name: value.shape for name, value in network.named_parameters()}


def flatten(network: nn.Module) -> Tensor:
    """A copy of all weights: (weight,) float32 on the CPU, row-major whatever their memory order."""
    flat = torch.cat([value.detach().flatten().float() for value in network.parameters()])
    return flat.cpu() if flat.is_cuda else flat  # torch.cat has copied already


@torch.no_grad()
def load(network: nn.Module, weights: Tensor) -> None:
    """Overwrite a network's weights with those of a flat vector."""
    values = list(network.parameters())
    for value, part in zip(values, weights.split([value.numel() for value in values]), strict=True):
        value.copy_(part.view(value.shape))

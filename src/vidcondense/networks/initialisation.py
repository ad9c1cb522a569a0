"""Fresh random weights from an explicit generator."""

import math
from typing import Protocol, runtime_checkable

import torch
from torch import nn

_NORMALISATION = (nn.GroupNorm, nn.LayerNorm, nn.modules.batchnorm._BatchNorm)


@runtime_checkable
class DrawsWeights(Protocol):
    """A layer with parameters of its own (`nn.Parameter`), for which PyTorch has no default."""

    def draw_weights(self, generator: torch.Generator) -> None:
        """Fill the layer's own parameters and buffers, not those of its children."""


@torch.no_grad()
def initialise(network: nn.Module, generator: torch.Generator) -> None:
    """Draw fresh weights as PyTorch's defaults do, from an explicit generator; fill buffers too.

    Convolutions and linear layers: Kaiming uniform with a = sqrt(5) for weights, which is uniform within
    1 / sqrt(fan_in), and the same bound for biases. Recurrent layers and cells: uniform within
    1 / sqrt(hidden size). Normalisation: scale 1, shift 0, running statistics 0 and 1.

    Raises:
        NotImplementedError: a layer with parameters or buffers that this function does not know.
    """
    for layer in network.modules():
        if isinstance(layer, DrawsWeights):
            layer.draw_weights(generator)
        elif isinstance(layer, nn.Conv2d | nn.Conv3d | nn.Linear):
            _uniform(layer, layer.weight[0].numel(), generator)
        elif isinstance(layer, nn.RNNBase | nn.RNNCellBase):
            _uniform(layer, layer.hidden_size, generator)
        elif isinstance(layer, _NORMALISATION):
            layer.reset_parameters()  # constants: nothing is drawn
        elif [*layer.parameters(recurse=False), *layer.buffers(recurse=False)]:
            raise NotImplementedError(
                f"no initialisation for {type(layer).__name__}; give it a method draw_weights(generator)"
            )


def _uniform(layer: nn.Module, inputs: int, generator: torch.Generator) -> None:
    bound = 1 / math.sqrt(inputs)
    for parameter in layer.parameters(recurse=False):
        parameter.uniform_(-bound, bound, generator=generator)

"""A network with weights of 8 bits: what sending the network takes, in place of clips to train one on."""

import torch
from safetensors.torch import save
from torch import Tensor, nn

LEVELS = 127
"""Of each sign."""
SCALE = ".scale"


@torch.no_grad()
def round_weights(network: nn.Module) -> int:
    """Round a network's weights in place to what a file of 8-bit numbers holds.

    Tensors of two dimensions and more become whole numbers from -127 to 127 times a float16 scale for each
    of their first dimension, an output; vectors, such as biases, float16.

    Returns:
        Bytes of the file: a safetensors file of these numbers.
    """
    held: dict[str, Tensor] = {}
    for name, weight in network.state_dict().items():
        if not weight.is_floating_point():
            held[name] = weight.clone()
        elif weight.ndim < 2:
            held[name] = weight.half()
            weight.copy_(held[name])
        else:
            levels, scale = _rounded(weight.flatten(1))
            held[name], held[name + SCALE] = levels.view(weight.shape), scale
            weight.copy_((levels * scale.float()[:, None]).view(weight.shape))
    return len(save({name: tensor.cpu().contiguous() for name, tensor in held.items()}))


def _rounded(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Levels (output, weight) int8 and scale (output,) float16; an output of zeros has levels 0."""
    scale = (rows.abs().amax(1) / LEVELS).half()
    levels = rows / scale.float().clamp_min(torch.finfo(torch.float16).tiny)[:, None]
    return levels.round().clamp(-LEVELS, LEVELS).to(torch.int8), scale

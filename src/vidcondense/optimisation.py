"""How the synthetic set is updated: optimiser, step size over time, and the low-pass filter of gradients."""

import math

import torch
from torch import Tensor

from vidcondense.recipe import OptimiserSettings


def build_optimiser(settings: OptimiserSettings, values: Tensor) -> torch.optim.Optimizer:
    """The optimiser that a recipe's [optimiser] table names, for one parameter tensor."""
    if settings.kind == "adam":
        return torch.optim.Adam([values], lr=settings.learning_rate, betas=(settings.momentum, 0.999))
    return torch.optim.SGD([values], lr=settings.learning_rate, momentum=settings.momentum)


def learning_rate(settings: OptimiserSettings, iteration: int, iterations: int) -> float:
    """The step size of one iteration, counted from 0, under the recipe's schedule."""
    if settings.schedule == "constant":
        return settings.learning_rate
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * iteration / iterations))


def low_pass(gradient: Tensor, cutoff: float) -> Tensor:
    """Damp the fine detail of each frame's gradient: multiply frequency f by 1 / (1 + (f / cutoff)^2).

    A single random network's gradient is mostly fine detail that lowers the loss of that network alone; what
    networks agree on is coarse. This is ours, not the papers' (docs/results.md has the figures).

    Args:
        gradient: (..., height, width) float32.
        cutoff: the frequency that is halved, in cycles per frame; 0 returns the gradient as it is.
    """
    if cutoff == 0:
        return gradient
    height, width = gradient.shape[-2:]
    vertical = torch.fft.fftfreq(height, 1 / height, device=gradient.device)
    horizontal = torch.fft.rfftfreq(width, 1 / width, device=gradient.device)
    damping = 1 + (vertical[:, None].square() + horizontal.square()) / cutoff**2
    filtered: Tensor = torch.fft.irfft2(torch.fft.rfft2(gradient) / damping, s=(height, width))
    return filtered

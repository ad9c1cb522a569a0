"""How the synthetic set is updated: optimiser, step sizes over time, and the low-pass filter of gradients."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from vidcondense.recipes.settings import OptimiserSettings

RATES: dict[str, str] = {
    "static": "static_learning_rate",
    "hallucinator_weight": "hallucinator_learning_rate",
    "hallucinator_bias": "hallucinator_learning_rate",
    "step_size": "step_size_learning_rate",
    "targets": "targets_learning_rate",
}
"""Parameters by name whose step size is another key of [optimiser] than `learning_rate`."""


PIECE = 16
"""Videos whose gradients are filtered at a time: their spectra take twice the memory of the gradients."""


class Optimiser:
    """The optimiser that a recipe's [optimiser] table names, for parameters by name.

    Args:
        settings: the table.
        parameters: float32 leaves by name.
        iterations: N, the length of the run, or of its stage, which the schedule spans.
    """

    def __init__(
        self, settings: OptimiserSettings, parameters: Mapping[str, Tensor], iterations: int
    ) -> None:
        self.settings = settings
        self.parameters = dict(parameters)
        self.iterations = iterations
        groups = [{"params": [value], "name": name} for name, value in parameters.items()]
        rate = settings.learning_rate
        if settings.kind == "adam":
            self.torch: torch.optim.Optimizer = torch.optim.Adam(
                groups, lr=rate, betas=(settings.momentum, 0.999)
            )
        else:
            self.torch = torch.optim.SGD(groups, lr=rate, momentum=settings.momentum)

    def step(self, iteration: int) -> None:
        """Update every parameter from its `grad` with the step size of this iteration, counted from 0."""
        for group in self.torch.param_groups:
            group["lr"] = learning_rate(self.settings, group["name"], iteration, self.iterations)
        self.torch.step()

    def state(self) -> dict[str, Tensor]:
        """Moments and step counts as "parameter.moment", for a checkpoint."""
        return {
            f"{name}.{moment}": torch.as_tensor(value)
            for name, parameter in self.parameters.items()
            for moment, value in self.torch.state.get(parameter, {}).items()
            if value is not None
        }

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take over what `state` returned."""
        for name, parameter in self.parameters.items():
            prefix = f"{name}."
            self.torch.state[parameter] = {
                key.removeprefix(prefix): value if key.endswith(".step") else _laid_out_as(parameter, value)
                for key, value in state.items()
                if key.startswith(prefix)
            }


def _laid_out_as(parameter: Tensor, moment: Tensor) -> Tensor:
    """A moment where and in the memory order in which the optimiser itself would have made it.

    Raises:
        RuntimeError: it is of another shape.
    """
    if moment.shape != parameter.shape:
        raise RuntimeError(f"a moment of shape {tuple(moment.shape)}, not {tuple(parameter.shape)}")
    return torch.empty_like(parameter, requires_grad=False).copy_(moment)


def rate_key(name: str) -> str:
    """The key of [optimiser] that holds a parameter's step size."""
    return RATES.get(name, "learning_rate")


def learning_rate(settings: OptimiserSettings, name: str, iteration: int, iterations: int) -> float:
    """The step size of a parameter in one iteration, counted from 0, under the recipe's schedule."""
    rate = float(getattr(settings, rate_key(name)))
    if settings.schedule == "constant":
        return rate
    return rate * 0.5 * (1 + math.cos(math.pi * iteration / iterations))


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
    filtered = torch.empty_like(gradient)
    for ours, theirs in zip(filtered.split(PIECE), gradient.split(PIECE), strict=True):
        torch.fft.irfft2(torch.fft.rfft2(theirs).div_(damping), s=(height, width), out=ours)
    return filtered

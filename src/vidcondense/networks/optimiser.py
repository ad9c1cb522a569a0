"""How parameters are updated: optimisers, step sizes over time, and the low-pass filter of gradients."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from vidcondense.base.members import Family
from vidcondense.base.settings import Decay, NotNegative, Settings, StepSize

PIECE = 16
"""Videos whose gradients are filtered at a time: their spectra take twice the memory of the gradients."""


@dataclass(frozen=True, kw_only=True)
class OptimiserSettings(Settings):
    """What all optimisers read."""

    family: ClassVar[str] = "optimiser"
    kind: str = ""
    learning_rate: StepSize = 1.0
    """Step size, for a loss summed over classes and features."""
    momentum: Decay = 0.95
    """Momentum of sgd; of adam the decay of the first moment."""
    schedule: Literal["constant", "cosine"] = "constant"
    """constant as published; cosine decays the step size to 0 over the iterations."""
    low_pass: NotNegative = 0.0
    """Cycles per frame at which the gradient is halved, finer detail more; 0 leaves it alone (published)."""


class Optimiser(ABC):
    """Updates parameters by name.

    Args:
        settings: of this kind.
        parameters: float32 leaves by name.
        iterations: N, the length of the run, or of its stage, which the schedule spans.
        rates: step sizes of parameters, by name, that have their own; the others have that of `settings`.
    """

    Settings: ClassVar[type[OptimiserSettings]] = OptimiserSettings

    def __init__(
        self,
        settings: OptimiserSettings,
        parameters: Mapping[str, Tensor],
        iterations: int,
        rates: Mapping[str, float] | None = None,
    ) -> None:
        self.settings = settings
        self.parameters = dict(parameters)
        self.iterations = iterations
        self.rates = {name: (rates or {}).get(name, settings.learning_rate) for name in parameters}
        self.torch = self.make([{"params": [value], "name": name} for name, value in parameters.items()])

    @abstractmethod
    def make(self, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
        """PyTorch's optimiser for groups of one parameter each; `step` sets their step sizes."""

    def step(self, iteration: int) -> None:
        """Update every parameter from its `grad` with the step size of this iteration, counted from 0."""
        for group in self.torch.param_groups:
            group["lr"] = self.rates[group["name"]] * self._share(iteration)
        self.torch.step()

    def forget(self, name: str, places: Sequence[tuple[int, ...]]) -> None:
        """Set the moments of a parameter to zero at places that are no longer learned.

        Should they be learned again, they start as those that never were.

        Args:
            name: of the parameter.
            places: its first indices, such as (video, time).
        """
        for place in places:
            for moment in self.torch.state.get(self.parameters[name], {}).values():
                if isinstance(moment, Tensor) and moment.shape == self.parameters[name].shape:
                    moment[place] = 0.0

    def _share(self, iteration: int) -> float:
        """The share of the step sizes in one iteration, under the schedule."""
        if self.settings.schedule == "constant":
            return 1.0
        return 0.5 * (1 + math.cos(math.pi * iteration / self.iterations))

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


class Sgd(Optimiser):
    """SGD with momentum, as published."""

    @dataclass(frozen=True, kw_only=True)
    class Settings(OptimiserSettings):
        kind: str = "sgd"

    def make(self, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
        return torch.optim.SGD(groups, lr=self.settings.learning_rate, momentum=self.settings.momentum)


class Adam(Optimiser):
    """Adam, which converges from noise in hundreds of iterations, whatever the scale of the loss."""

    @dataclass(frozen=True, kw_only=True)
    class Settings(OptimiserSettings):
        kind: str = "adam"

    def make(self, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
        betas = (self.settings.momentum, 0.999)
        return torch.optim.Adam(groups, lr=self.settings.learning_rate, betas=betas)


OPTIMISERS = Family("optimiser", __name__, Optimiser)


def _laid_out_as(parameter: Tensor, moment: Tensor) -> Tensor:
    """A moment where and in the memory order in which the optimiser itself would have made it."""
    if moment.shape != parameter.shape:
        raise RuntimeError(f"a moment of shape {tuple(moment.shape)}, not {tuple(parameter.shape)}")
    return torch.empty_like(parameter, requires_grad=False).copy_(moment)


def low_pass(gradient: Tensor, cutoff: float) -> Tensor:
    """Damp the fine detail of each frame's gradient: multiply frequency f by 1 / (1 + (f / cutoff)^2).

    A single random network's gradient is mostly fine detail that lowers the loss of that network alone; what
    networks agree on is coarse. This is ours, not the papers' (docs/tuning.md has the figures).

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

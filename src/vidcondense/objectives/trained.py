"""Networks that are trained on the synthetic set beside it, and can be checkpointed."""

from collections.abc import Callable, Mapping

from torch import Tensor

from vidcondense import networks
from vidcondense.base.compute import generator
from vidcondense.networks.loss import Goals
from vidcondense.networks.optimiser import Optimiser
from vidcondense.objectives.base import Context


class TrainedNetwork:
    """A network and the optimiser of its weights; dropout is off, so that nothing is random but its start.

    Args:
        context: names the network, its clips, where it runs and the seed.
        optimiser: makes that of its weights, whose step size is constant, from them and a number of steps.
    """

    def __init__(self, context: Context, optimiser: Callable[[Mapping[str, Tensor], int], Optimiser]) -> None:
        self.context = context
        self.network = context.build().eval().to(context.compute.device, context.compute.dtype)
        networks.channels_last(self.network)
        self._make_optimiser = optimiser
        self.optimiser = self._fresh_optimiser()

    @property
    def weights(self) -> int:
        """The number of weights."""
        return sum(value.numel() for value in self.network.parameters())

    def draw(self, *stream: str | int) -> None:
        """Fresh random weights of this stream of the seed; the optimiser forgets the old ones."""
        drawn = self.context.build()
        networks.initialise(drawn, generator(self.context.seed, "network", *stream))
        self.network.load_state_dict(drawn.state_dict())
        self.optimiser = self._fresh_optimiser()

    def step(self, clips: Tensor, goals: Goals, chunk: int) -> None:
        """One step down the mean training loss on all clips, `chunk` at a time.

        Args:
            clips: (video, time, 3, height, width) float32.
            goals: what it is trained towards.
            chunk: clips per forward pass.
        """
        self.network.zero_grad(set_to_none=True)
        dtype = next(self.network.parameters()).dtype
        for part, goal in zip(clips.split(chunk), goals.split(chunk), strict=True):
            loss = goal.loss(self.network(part.to(dtype))) / len(clips)
            loss.backward()
        self.optimiser.step(0)
        self.network.zero_grad(set_to_none=True)

    def state(self) -> dict[str, Tensor]:
        """Weights and moments."""
        weights = {f"weight.{name}": value for name, value in self.network.state_dict().items()}
        return weights | {f"moment.{name}": value for name, value in self.optimiser.state().items()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take over what `state` returned."""
        self.network.load_state_dict(with_prefix(state, "weight."))
        self.optimiser = self._fresh_optimiser()
        self.optimiser.restore(with_prefix(state, "moment."))

    def _fresh_optimiser(self) -> Optimiser:
        return self._make_optimiser(dict(self.network.named_parameters()), 1)


def with_prefix(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The entries whose name begins with `prefix`, without it."""
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}

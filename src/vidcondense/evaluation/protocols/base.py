"""What every protocol has: a training rule and a test rule."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

import torch

from vidcondense import networks
from vidcondense.base.compute import Compute, derive_seed, generator
from vidcondense.base.errors import VidcondenseError
from vidcondense.data.store import ClipStore
from vidcondense.evaluation.clips import TrainingClips
from vidcondense.evaluation.testing import Order, Outcome
from vidcondense.evaluation.training import Advance
from vidcondense.networks.base import VideoNetwork


@dataclass(frozen=True)
class Protocol(ABC):
    """A training rule and a test rule."""

    usual_network: ClassVar[str] = "minic3d"
    """What is trained unless one says otherwise; of several, joined by "+", they take turns."""
    usual_count: ClassVar[int] = 3
    """How many networks of each kind are trained unless one says otherwise."""
    mirrors: ClassVar[bool] = False
    """Whether the rule mirrors condensed clips: a share `TrainingClips.flip`."""
    orders: ClassVar[Mapping[str, Order]] = {}
    """In which orders of their frames, beside their own, test videos are scored."""
    averages: ClassVar[bool] = False
    """Whether a second copy of the weights is kept, for their mean."""

    name: str

    @abstractmethod
    def length(self, clips: int) -> int:
        """How many optimiser steps a training on so many clips has."""

    @abstractmethod
    def train(
        self, network: VideoNetwork, clips: TrainingClips, compute: Compute, seed: int, advance: Advance
    ) -> float:
        """Train in place; `advance` is called after each step.

        Returns the mean loss over the last tenth of the steps; not finite when training diverged.
        """

    @abstractmethod
    def test(self, network: VideoNetwork, store: ClipStore, compute: Compute, seed: int) -> Outcome:
        """Scores on the test split; accuracy counts cases."""

    def for_learned_rate(self, learning_rate: float | None) -> Self:
        """The rule for a set that has learned a step size (None: it has not): the same for most."""
        return self

    def of_length(self, steps: int) -> Self:
        """The rule with so many optimiser steps, however many clips there are.

        Raises:
            VidcondenseError: the rule counts epochs.
        """
        raise VidcondenseError(f"protocol {self.name} counts epochs: leave --steps out, or use strong")

    def settings(self) -> dict[str, Any]:
        """Every constant of the rule, for the record."""
        return asdict(self)


def train_network(
    name: str,
    store: ClipStore,
    clips: TrainingClips,
    protocol: Protocol,
    compute: Compute,
    seed: int,
    advance: Advance,
) -> tuple[VideoNetwork, float]:
    """A fresh network for clips like those of `store`, trained on `clips`, and its loss at the end."""
    network = networks.draw(name, store.shape, generator(seed, "weights"), compute.device)
    # Dropout draws from the global generator: give it a seed of its own and leave the caller's alone.
    with torch.random.fork_rng():
        torch.manual_seed(derive_seed(seed, "dropout"))
        return network, protocol.train(network, clips, compute, seed, advance)


def diverged(loss: float, clips: TrainingClips, classes: int) -> bool:
    """Whether a training loss is not finite, or no lower than guessing gives."""
    return not math.isfinite(loss) or loss >= clips.goals.guessing(classes)

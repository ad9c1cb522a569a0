"""What every objective offers."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from vidcondense import networks
from vidcondense.base.compute import Compute, derive_seed, generator
from vidcondense.data.batches import RealClips, sample
from vidcondense.data.store import ClipStore
from vidcondense.networks.base import VideoNetwork
from vidcondense.objectives import real_frames
from vidcondense.recipes.recipe import Recipe

Render = Callable[[], Tensor]


class Objective(ABC):
    """How synthetic clips are compared with real ones, and what has to be remembered for it.

    Args:
        recipe: the method.
        store: the real videos.
        compute: where and how precisely networks run.
    """

    def __init__(self, recipe: Recipe, store: ClipStore, compute: Compute) -> None:
        self.recipe = recipe
        self.store = store
        self.compute = compute

    needs_experts: ClassVar[bool] = False
    """Whether it takes networks trained on real clips, and trains them first unless the recipe names some."""

    @staticmethod
    def couples_classes(recipe: Recipe) -> str:
        """Why classes cannot be condensed apart from each other; empty where they can."""
        return ""

    @property
    def parameters(self) -> dict[str, Tensor]:
        """What is learned beside the synthetic set, float32 by name; `match` sets their `grad`."""
        return {}

    def prepare(self, folder: Path, show: bool) -> None:  # noqa: B027
        """Make what has to exist before the first iteration and takes long; nothing for most.

        Args:
            folder: of the run; a resumed run finds there what an earlier call made.
            show: whether to print cost and progress.

        Raises:
            Interrupted: Ctrl-C or SIGTERM; the next call goes on.
        """

    @abstractmethod
    def match(self, iteration: int, clips: Tensor, labels: Tensor) -> tuple[float, Tensor]:
        """The loss, and its gradient with respect to `clips`. Changes nothing but the parameters' `grad`.

        Args:
            iteration: counted from 0; everything drawn at random depends on it and the recipe's seed.
            clips: rendered synthetic clips (video, time, 3, height, width) float32.
            labels: (video,) int64, ascending.

        Returns:
            The loss, and the gradient, float32 of the shape of `clips`.
        """

    def advance(self, iteration: int, render: Render, labels: Tensor) -> None:  # noqa: B027
        """What changes after an update, such as networks that are trained along; nothing for most.

        Args:
            iteration: the one that has just ended.
            render: gives the updated synthetic clips, like those of `match`; costs nothing until called.
            labels: their labels.
        """

    def learned(self) -> dict[str, Any]:
        """Fields of the artifact that this objective learned: `targets`, `learning_rate`."""
        return {}

    def provenance(self) -> dict[str, Any]:
        """What else the result was made from, for its file."""
        return {}

    def state(self) -> dict[str, Tensor]:
        """Everything that a checkpoint must hold."""
        return {name: value.detach() for name, value in self.parameters.items()}

    @torch.no_grad()
    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take over what `state` returned."""
        for name, value in self.parameters.items():
            value.copy_(state[name])


@dataclass(frozen=True)
class RandomNetworks:
    """A network with fresh random weights for every iteration, in the compute dtype on its device."""

    recipe: Recipe
    drawn: VideoNetwork
    network: VideoNetwork

    @staticmethod
    def of(recipe: Recipe, store: ClipStore, compute: Compute) -> "RandomNetworks":
        """Networks as the recipe names them, for the store's clips."""
        shape = (recipe.network, len(store.class_names), store.frames, store.size)
        drawn, network = networks.build(*shape), networks.build(*shape).requires_grad_(False)
        network.to(compute.device, compute.dtype)
        networks.channels_last(network)
        return RandomNetworks(recipe, drawn, network)

    def at(self, iteration: int) -> VideoNetwork:
        """The network of one iteration; the one that an earlier call returned is overwritten."""
        networks.initialise(self.drawn, generator(self.recipe.seed, "network", iteration))
        self.network.load_state_dict(self.drawn.state_dict())
        return self.network


def real_clips(recipe: Recipe, store: ClipStore, compute: Compute, iteration: int, chunk: int) -> RealClips:
    """The real clips of one iteration, `chunk` at a time, and labels; every class has some.

    With `objective.real_frames` each keeps so many frames, and the others are interpolated.
    """
    rng = np.random.default_rng(derive_seed(recipe.seed, "real", iteration))
    batch = sample(store, recipe.objective.batch_real, recipe.flip, rng)
    clips = batch.read(store, compute, chunk)
    weights = real_frames.weights(recipe, store.frames)
    return clips if weights is None else real_frames.reduced(clips, weights)

"""What every objective offers."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from vidcondense import networks
from vidcondense.base.compute import Compute, derive_seed, generator
from vidcondense.base.settings import Count, Positive, Settings
from vidcondense.condensed.interpolation import Interpolation
from vidcondense.data.batches import RealClips, sample
from vidcondense.data.store import ClipStore
from vidcondense.experts.settings import ExpertSettings
from vidcondense.networks.base import VideoNetwork
from vidcondense.objectives import real_frames

Render = Callable[[], Tensor]


@dataclass(frozen=True, kw_only=True)
class ObjectiveSettings(Settings):
    """What all objectives have, and what a recipe wants to know of them."""

    family: ClassVar[str] = "objective"
    rates: ClassVar[Mapping[str, str]] = {}
    """Fields that hold step sizes, by the name of the parameter that the objective learns."""
    needs_experts: ClassVar[bool] = False
    """Whether it takes networks trained on real clips, and trains them first unless `experts` names some."""
    kind: str = ""

    def couples_classes(self) -> str:
        """Why classes cannot be condensed apart from each other; empty where they can."""
        return ""

    def refuses_stills(self) -> str:
        """Why clips that stand still cannot be matched; empty where they can."""
        return ""


@dataclass(frozen=True, kw_only=True)
class RealClipsSettings(ObjectiveSettings):
    """What objectives read that look at real clips in every iteration."""

    batch_real: Positive = 64
    """Real clips per class and iteration, without replacement; all if a class has fewer."""
    real_frames: Count = 0
    """N_real: real clips keep so many frames, and the others are interpolated (Wang et al.); 0: all."""


@dataclass(frozen=True)
class Context:
    """What objectives need besides their own settings.

    Attributes:
        store: the real videos.
        compute: where and how precisely networks run.
        network: the name of the network.
        seed: of networks and real clips.
        vpc: rendered clips per class.
        flip: probability of mirroring a real clip.
        interpolation: how the frames of reduced real clips are made.
        segments: K, which interpolation of reduced real clips does not cross.
        experts: how experts are trained, where the objective needs some and names none.
    """

    store: ClipStore
    compute: Compute
    network: str = "minic3d"
    seed: int = 0
    vpc: int = 1
    flip: float = 0.5
    interpolation: Interpolation = "linear"
    segments: int = 1
    experts: ExpertSettings = field(default_factory=ExpertSettings)

    def build(self) -> VideoNetwork:
        """A network for the store's clips, its weights not drawn yet."""
        return networks.build(self.network, *self.store.shape)

    def real_clips(self, settings: RealClipsSettings, iteration: int, chunk: int) -> RealClips:
        """The real clips of one iteration, `chunk` at a time, and labels; every class has some."""
        rng = np.random.default_rng(derive_seed(self.seed, "real", iteration))
        batch = sample(self.store, settings.batch_real, self.flip, rng)
        clips = batch.read(self.store, self.compute, chunk)
        frames = self.store.frames
        weights = real_frames.weights(settings.real_frames, frames, self.interpolation, self.segments)
        return clips if weights is None else real_frames.reduced(clips, weights)


class Objective(ABC):
    """How synthetic clips are compared with real ones, and what has to be remembered for it.

    Args:
        settings: of this kind.
        context: the real videos, and where networks run.
    """

    Settings: ClassVar[type[ObjectiveSettings]] = ObjectiveSettings

    def __init__(self, settings: ObjectiveSettings, context: Context) -> None:
        self.settings = settings
        self.context = context
        self.compute = context.compute

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
            iteration: counted from 0; everything drawn at random depends on it and the seed.
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


class RandomNetworks:
    """A network with fresh random weights for every iteration, in the compute dtype on its device.

    Args:
        context: names the network, its clips, and the seed.
    """

    def __init__(self, context: Context) -> None:
        self._seed, self._drawn = context.seed, context.build()
        self._network = context.build().requires_grad_(False)
        self._network.to(context.compute.device, context.compute.dtype)
        networks.channels_last(self._network)

    def at(self, iteration: int) -> VideoNetwork:
        """The network of one iteration; the one that an earlier call returned is overwritten."""
        networks.initialise(self._drawn, generator(self._seed, "network", iteration))
        self._network.load_state_dict(self._drawn.state_dict())
        return self._network

"""strong, the default: clips are changed at random, as anyone would who wants a good network."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from vidcondense.base.compute import Compute, generator
from vidcondense.data.augmentation import Augmentation
from vidcondense.data.store import ClipStore
from vidcondense.evaluation.clips import TrainingClips
from vidcondense.evaluation.protocols.base import Protocol
from vidcondense.evaluation.testing import ORDERS, Order, Outcome, score_store
from vidcondense.evaluation.training import Advance, cosine, descend, take_steps
from vidcondense.networks.base import VideoNetwork
from vidcondense.networks.loss import Goals
from vidcondense.networks.passes import backward


@dataclass(frozen=True)
class Strong(Protocol):
    """Augmented clips, smoothed labels and averaged weights; two kinds of networks take turns.

    AdamW with warm-up, cosine decay and clipped gradients, for `steps` steps or `epochs` epochs, whichever is
    longer. Every time a clip is read it is changed anew, all its frames alike (`Augmentation`). A set's own
    soft labels are learned as they are, labels smoothed. The network that is tested has the exponential mean
    of the weights over about the last `averaged` of the steps. Each test video is scored by the mean softmax
    over up to `windows` evenly spread windows, and again with frames shuffled, reversed and stilled, which
    tells whether the network uses time. The constants were chosen on held-out training videos
    (docs/protocol.md).
    """

    usual_network: ClassVar[str] = "minic3d+convnet3d"
    usual_count: ClassVar[int] = 2
    mirrors: ClassVar[bool] = True
    orders: ClassVar[Mapping[str, Order]] = ORDERS
    averages: ClassVar[bool] = True

    name: str = "strong"
    steps: int = 180
    epochs: int = 90
    batch: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    warm_up: float = 0.1
    clip_norm: float = 1.0
    smoothing: float = 0.1
    averaged: float = 0.2
    augmentation: Augmentation = field(default_factory=Augmentation)
    windows: int = 3

    def length(self, clips: int) -> int:
        return max(self.steps, -(-self.epochs * clips // self.batch))

    def of_length(self, steps: int) -> Self:
        return replace(self, steps=steps, epochs=0)

    def train(
        self, network: VideoNetwork, clips: TrainingClips, compute: Compute, seed: int, advance: Advance
    ) -> float:
        highest = self.learning_rate * network.relative_step
        parameters, decay = network.parameters(), self.weight_decay
        optimiser = torch.optim.AdamW(parameters, lr=highest, weight_decay=decay, fused=True)
        steps, changes = self.length(len(clips)), generator(seed, "augmentation")
        kept = 1 - 1 / max(1, self.averaged * steps)
        mean = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(kept))

        def step(number: int, batch: Tensor, goals: Goals) -> float:
            rate = highest * cosine(number, steps, self.warm_up)
            changed = self.augmentation.draw(len(batch), clips.flip, changes).of(batch)
            loss = descend(
                network,
                optimiser,
                rate,
                self.clip_norm,
                lambda: backward(network, changed, goals, compute, self.smoothing),
            )
            mean.update_parameters(network)
            return loss

        loss = take_steps(step, steps, clips, self.batch, seed, advance)
        network.load_state_dict(mean.module.state_dict())
        return loss

    def test(self, network: VideoNetwork, store: ClipStore, compute: Compute, seed: int) -> Outcome:
        """See Protocol; a case is a test video."""
        return score_store(network, store, compute, self.windows, self.orders, seed)

"""strict: no augmentation; what earlier versions judged by."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from vidcondense.base.compute import Compute
from vidcondense.data.store import ClipStore
from vidcondense.evaluation.clips import TrainingClips
from vidcondense.evaluation.protocols.base import Protocol
from vidcondense.evaluation.testing import Outcome, score_store
from vidcondense.evaluation.training import Advance, cosine, descend, take_steps
from vidcondense.networks.base import VideoNetwork
from vidcondense.networks.loss import Goals
from vidcondense.networks.passes import backward


@dataclass(frozen=True)
class Strict(Protocol):
    """Per-channel normalisation only, nothing drawn at test time, nothing chosen on test data.

    AdamW with warm-up, cosine decay and clipped gradients trains noise, interpolations and real clips alike
    without diverging, for `steps` steps or `epochs` epochs, whichever is longer; more steps did not raise
    accuracy (docs/tuning.md has the runs). Each test video is scored by the mean softmax over
    up to `windows` evenly spread windows that overlap by half at most; the network is that of the last step.
    """

    name: str = "strict"
    steps: int = 60
    epochs: int = 30
    batch: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 5e-4
    warm_up: float = 0.1
    clip_norm: float = 1.0
    windows: int = 3

    def length(self, clips: int) -> int:
        return max(self.steps, self.epochs * math.ceil(clips / self.batch))

    def train(
        self, network: VideoNetwork, clips: TrainingClips, compute: Compute, seed: int, advance: Advance
    ) -> float:
        optimiser = torch.optim.AdamW(
            network.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay
        )
        steps = self.length(len(clips))

        def step(number: int, batch: Tensor, goals: Goals) -> float:
            rate = self.learning_rate * cosine(number, steps, self.warm_up)
            return descend(
                network, optimiser, rate, self.clip_norm, lambda: backward(network, batch, goals, compute)
            )

        return take_steps(step, steps, clips, self.batch, seed, advance)

    def test(self, network: VideoNetwork, store: ClipStore, compute: Compute, seed: int) -> Outcome:
        """See Protocol; a case is a test video."""
        return score_store(network, store, compute, self.windows)

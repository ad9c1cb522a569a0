"""vdsd: the rule of the published code."""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from vidcondense.base.compute import Compute, derive_seed
from vidcondense.data.batches import RealBatch
from vidcondense.data.sampling import random_starts
from vidcondense.data.store import ClipStore
from vidcondense.evaluation.clips import TrainingClips
from vidcondense.evaluation.protocols.base import Protocol
from vidcondense.evaluation.testing import Outcome
from vidcondense.evaluation.training import Advance, take_steps
from vidcondense.networks.base import VideoNetwork
from vidcondense.networks.loss import Goals
from vidcondense.networks.passes import backward, scored


@dataclass(frozen=True)
class Vdsd(Protocol):
    """The rule of Wang et al.'s published code, which the papers' figures rest on; for comparison with them.

    Their paper (2024) calls the method video distillation via static-dynamic disentanglement.

    SGD for 501 epochs with one step down at half (by a new optimiser, so momentum restarts). Every batch, in
    training and test, is standardised by its own mean and standard deviation; the test draws a random start
    and flip per clip, three times over, in batches sorted by class, and counts clips, not videos.
    """

    name: str = "vdsd"
    epochs: int = 501
    batch: int = 256
    learning_rate: float = 0.01
    learning_rate_from: str = "protocol"
    momentum: float = 0.9
    weight_decay: float = 5e-4
    test_batch: int = 64
    passes: int = 3
    flip: float = 0.5

    def length(self, clips: int) -> int:
        return self.epochs * math.ceil(clips / self.batch)

    def train(
        self, network: VideoNetwork, clips: TrainingClips, compute: Compute, seed: int, advance: Advance
    ) -> float:
        steps = self.length(len(clips))
        down = steps // self.epochs * (self.epochs // 2 + 2)
        optimiser = self._optimiser(network, self.learning_rate)

        def step(number: int, batch: Tensor, goals: Goals) -> float:
            nonlocal optimiser
            if number == down:
                optimiser = self._optimiser(network, self.learning_rate / 10)
            optimiser.zero_grad(set_to_none=True)
            loss = backward(network, standardise(batch), goals, compute)
            optimiser.step()
            return loss

        return take_steps(step, steps, clips, self.batch, seed, advance)

    def for_learned_rate(self, learning_rate: float | None) -> "Vdsd":
        """See Protocol; as in the code for trajectory matching, SGD starts with the set's own step size."""
        if learning_rate is None:
            return self
        return replace(self, learning_rate=learning_rate, learning_rate_from="condensed set")

    def _optimiser(self, network: VideoNetwork, learning_rate: float) -> torch.optim.Optimizer:
        return torch.optim.SGD(
            network.parameters(), learning_rate, momentum=self.momentum, weight_decay=self.weight_decay
        )

    @torch.no_grad()
    def test(self, network: VideoNetwork, store: ClipStore, compute: Compute, seed: int) -> Outcome:
        """See Protocol; a case is a test clip of one pass."""
        videos = store.select("test")
        videos = videos[np.argsort(store.labels[videos], kind="stable")]
        scores: list[Tensor] = []
        for turn in range(self.passes):
            rng = np.random.default_rng(derive_seed(seed, "test", turn))
            starts = random_starts(store.lengths[videos], store.frames, store.stride, rng)
            flips = store.random_flips(len(videos), self.flip, rng)
            batch = RealBatch(videos, starts, flips, store.labels[videos])
            for clips, _ in batch.read(store, compute.exact, self.test_batch):
                scores.append(scored(network, standardise(clips), compute))
        truth = torch.from_numpy(store.labels[videos]).repeat(self.passes)
        return Outcome(torch.cat(scores).cpu(), truth, {})


def standardise(clips: Tensor) -> Tensor:
    """Subtract the batch's mean and divide by its standard deviation, one number each for the whole batch."""
    return (clips - clips.mean()) / clips.std()

"""How an evaluation network is trained and tested on real clips."""

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vidcondense import networks
from vidcondense.base.compute import Compute, derive_seed, generator
from vidcondense.data.batches import RealBatch
from vidcondense.data.sampling import even_starts, random_starts, step
from vidcondense.data.store import ClipStore
from vidcondense.evaluation.clips import TrainingClips
from vidcondense.networks.base import VideoNetwork
from vidcondense.networks.loss import guessing_loss, summed_loss

# Is told the loss of each training step.
Advance = Callable[[float], None]


@dataclass(frozen=True)
class Protocol(ABC):
    """A training rule and a test rule."""

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
    def test(
        self, network: VideoNetwork, store: ClipStore, compute: Compute, seed: int
    ) -> tuple[Tensor, Tensor]:
        """Scores (case, class) float32 and labels (case,) on the test split; accuracy counts cases."""

    def for_learned_rate(self, learning_rate: float | None) -> "Protocol":
        """The rule for a set that has learned a step size (None: it has not): the same for most."""
        return self

    def settings(self) -> dict[str, Any]:
        """Every constant of the rule, for the record."""
        return asdict(self)


@dataclass(frozen=True)
class Strict(Protocol):
    """The default: per-channel normalisation only, nothing drawn at test time, nothing chosen on test data.

    AdamW with warm-up, cosine decay and clipped gradients trains noise, interpolations and real clips alike
    without diverging, for `steps` steps or `epochs` epochs, whichever is longer; more steps did not raise
    accuracy (docs/results.md has the runs). Each test video is scored by the mean softmax over
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
        losses: list[float] = []
        batches = _shuffled(len(clips), self.batch, generator(seed, "order"))
        steps = self.length(len(clips))
        for number in range(steps):
            for group in optimiser.param_groups:
                group["lr"] = self.learning_rate * self._schedule(number, steps)
            epoch, chosen = next(batches)
            optimiser.zero_grad(set_to_none=True)
            losses.append(backward(network, *clips.read(chosen, seed, epoch), compute))
            torch.nn.utils.clip_grad_norm_(network.parameters(), self.clip_norm)
            optimiser.step()
            advance(losses[-1])
            if not math.isfinite(losses[-1]):
                break
        return _tail(losses)

    def _schedule(self, step: int, steps: int) -> float:
        warm_up = max(1, round(self.warm_up * steps))
        if step < warm_up:
            return (step + 1) / warm_up
        return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))

    @torch.no_grad()
    def test(
        self, network: VideoNetwork, store: ClipStore, compute: Compute, seed: int
    ) -> tuple[Tensor, Tensor]:
        """See Protocol; a case is a test video."""
        videos = store.select("test")
        cases, starts = spread_windows(store.lengths[videos], store.frames, store.stride, self.windows)
        batch = RealBatch.unflipped(store, videos[cases], starts)
        chunk = network.chunk(compute)
        scores = torch.cat(
            [scored(network, clips, compute).softmax(1) for clips, _ in batch.read(store, compute, chunk)]
        ).cpu()
        index = torch.from_numpy(cases)
        sums = scores.new_zeros(len(videos), scores.shape[1]).index_add_(0, index, scores)
        return sums / torch.bincount(index)[:, None], torch.from_numpy(store.labels[videos])


@dataclass(frozen=True)
class Vdsd(Protocol):
    """The rule of Wang et al.'s published code, which the papers' figures rest on; for comparison with them.

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
        losses: list[float] = []
        steps = math.ceil(len(clips) / self.batch)
        batches = _shuffled(len(clips), self.batch, generator(seed, "order"))
        optimiser = self._optimiser(network, self.learning_rate)
        for epoch in range(self.epochs):
            if epoch == self.epochs // 2 + 2:
                optimiser = self._optimiser(network, self.learning_rate / 10)
            for _ in range(steps):
                _, chosen = next(batches)
                batch, labels = clips.read(chosen, seed, epoch)
                optimiser.zero_grad(set_to_none=True)
                losses.append(backward(network, standardise(batch), labels, compute))
                optimiser.step()
                advance(losses[-1])
            if not math.isfinite(losses[-1]):
                break
        return _tail(losses)

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
    def test(
        self, network: VideoNetwork, store: ClipStore, compute: Compute, seed: int
    ) -> tuple[Tensor, Tensor]:
        """See Protocol; a case is a test clip of one pass."""
        videos = store.select("test")
        videos = videos[np.argsort(store.labels[videos], kind="stable")]
        chunk = network.chunk(compute)
        scores: list[Tensor] = []
        for turn in range(self.passes):
            rng = np.random.default_rng(derive_seed(seed, "test", turn))
            starts = random_starts(store.lengths[videos], store.frames, store.stride, rng)
            flips = rng.random(len(videos)) < self.flip
            batch = RealBatch(videos, starts, flips, store.labels[videos])
            for clips, _ in batch.read(store, Compute(compute.device, torch.float32), self.test_batch):
                scores += [scored(network, part, compute) for part in standardise(clips).split(chunk)]
        return torch.cat(scores).cpu(), torch.from_numpy(store.labels[videos]).repeat(self.passes)


PROTOCOLS: dict[str, type[Strict] | type[Vdsd]] = {"strict": Strict, "vdsd": Vdsd}


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
    network = networks.build(name, len(store.class_names), store.frames, store.size)
    networks.initialise(network, generator(seed, "weights"))
    networks.channels_last(network.to(compute.device))
    # Dropout draws from the global generator: give it a seed of its own and leave the caller's alone.
    with torch.random.fork_rng():
        torch.manual_seed(derive_seed(seed, "dropout"))
        return network, protocol.train(network, clips, compute, seed, advance)


def diverged(loss: float, clips: TrainingClips, classes: int) -> bool:
    """Whether a training loss is not finite, or no lower than guessing gives."""
    return not math.isfinite(loss) or loss >= guessing_loss(clips.goals, classes)


def spread_windows(
    lengths: NDArray[np.int64], frames: int, stride: int, windows: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Evenly spread test windows, up to `windows` per video, fewer where they would overlap by over half.

    Returns:
        cases (window,) int64, which video a window is from, ascending, and its start, (window,) int64.
    """
    span = step(lengths, frames, stride) * (frames - 1) + 1
    room = np.maximum(lengths - span, 0)
    counts = np.clip(1 + 2 * room // span, 1, windows)
    cases, starts = [], []
    for count in np.unique(counts).tolist():
        chosen = np.flatnonzero(counts == count)
        cases.append(np.repeat(chosen, count))
        starts.append(even_starts(lengths[chosen], frames, stride, count).reshape(-1))
    order = np.argsort(np.concatenate(cases), kind="stable")
    return np.concatenate(cases)[order].astype(np.int64), np.concatenate(starts)[order].astype(np.int64)


def standardise(clips: Tensor) -> Tensor:
    """Subtract the batch's mean and divide by its standard deviation, one number each for the whole batch."""
    return (clips - clips.mean()) / clips.std()


def backward(network: VideoNetwork, clips: Tensor, labels: Tensor, compute: Compute) -> float:
    """Add the gradient of the mean training loss (`summed_loss`) to the network's; returns the loss.

    Works through the batch in pieces that fit the processor's cache.
    """
    loss = 0.0
    network.train()
    chunk = network.chunk(compute)
    for part, target in zip(clips.split(chunk), labels.split(chunk), strict=True):
        with torch.autocast(compute.device.type, compute.dtype, enabled=compute.dtype != torch.float32):
            scores = network(part)
        piece = summed_loss(scores.float(), target) / len(clips)
        piece.backward()
        loss += piece.item()
    return loss


def scored(network: VideoNetwork, clips: Tensor, compute: Compute) -> Tensor:
    """Scores (video, class) float32 in evaluation mode."""
    network.eval()
    with torch.autocast(compute.device.type, compute.dtype, enabled=compute.dtype != torch.float32):
        return network(clips).float()  # type: ignore[no-any-return]


def _shuffled(count: int, batch: int, rng: torch.Generator) -> Iterator[tuple[int, Tensor]]:
    """Endless batches of indices with their epoch: every index once per epoch, a fresh order each time."""
    for epoch in itertools.count():
        for chosen in torch.randperm(count, generator=rng).split(batch):
            yield epoch, chosen


def _tail(losses: list[float]) -> float:
    tail = losses[-max(1, len(losses) // 10) :]
    return sum(tail) / len(tail)

"""How an evaluation network is trained and tested on real clips."""

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
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
from vidcondense.networks.loss import guessing_loss
from vidcondense.networks.passes import backward, scored

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
        steps = self.length(len(clips))

        def step(number: int, batch: Tensor, goals: Tensor) -> float:
            for group in optimiser.param_groups:
                group["lr"] = self.learning_rate * self._schedule(number, steps)
            optimiser.zero_grad(set_to_none=True)
            loss = backward(network, batch, goals, compute)
            torch.nn.utils.clip_grad_norm_(network.parameters(), self.clip_norm)
            optimiser.step()
            return loss

        return take_steps(step, steps, clips, self.batch, seed, advance)

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
        windows = (clips for clips, _ in batch.read(store, compute, network.chunk(compute)))
        scores = score_videos(network, windows, torch.from_numpy(cases), compute)
        return scores, torch.from_numpy(store.labels[videos])


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

        def step(number: int, batch: Tensor, goals: Tensor) -> float:
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
    def test(
        self, network: VideoNetwork, store: ClipStore, compute: Compute, seed: int
    ) -> tuple[Tensor, Tensor]:
        """See Protocol; a case is a test clip of one pass."""
        videos = store.select("test")
        videos = videos[np.argsort(store.labels[videos], kind="stable")]
        scores: list[Tensor] = []
        for turn in range(self.passes):
            rng = np.random.default_rng(derive_seed(seed, "test", turn))
            starts = random_starts(store.lengths[videos], store.frames, store.stride, rng)
            flips = rng.random(len(videos)) < self.flip
            batch = RealBatch(videos, starts, flips, store.labels[videos])
            for clips, _ in batch.read(store, compute.exact, self.test_batch):
                scores.append(scored(network, standardise(clips), compute))
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
    network = networks.draw(name, store.shape, generator(seed, "weights"), compute.device)
    # Dropout draws from the global generator: give it a seed of its own and leave the caller's alone.
    with torch.random.fork_rng():
        torch.manual_seed(derive_seed(seed, "dropout"))
        return network, protocol.train(network, clips, compute, seed, advance)


def take_steps(
    step: Callable[[int, Tensor, Tensor], float],
    steps: int,
    clips: TrainingClips,
    batch: int,
    seed: int,
    advance: Advance,
) -> float:
    """Train on batches, every clip once per epoch in a fresh order, until a loss is not finite.

    `step` updates the network by the number of the step, clips and their goals, and gives the loss. Returned
    is what `Protocol.train` returns.
    """
    losses: list[float] = []
    batches = _shuffled(len(clips), batch, generator(seed, "order"))
    for number, (epoch, chosen) in enumerate(itertools.islice(batches, steps)):
        losses.append(step(number, *clips.read(chosen, seed, epoch)))
        advance(losses[-1])
        if not math.isfinite(losses[-1]):
            break
    tail = losses[-max(1, len(losses) // 10) :]
    return sum(tail) / len(tail)


def score_videos(
    network: VideoNetwork, windows: Iterable[Tensor], videos: Tensor, compute: Compute
) -> Tensor:
    """The strict test rule on clips of your own: the mean softmax over the windows of each video.

    Args:
        network: trained, on the device of `compute`.
        windows: normalised clips (window, time, 3, height, width) there, in parts: of a tensor `[clips]`.
        videos: (window,) int64 on the CPU, which video a window is from: 0 and on, each at least once.
        compute: where and how precisely.

    Returns:
        (video, class) float32 on the CPU; `results.accuracies` makes top-1, top-5 and the confusion of it.
    """
    scores = torch.cat([scored(network, clips, compute).softmax(1) for clips in windows]).cpu()
    counts = torch.bincount(videos)
    return scores.new_zeros(len(counts), scores.shape[1]).index_add_(0, videos, scores) / counts[:, None]


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


def _shuffled(count: int, batch: int, rng: torch.Generator) -> Iterator[tuple[int, Tensor]]:
    """Endless batches of indices with their epoch: every index once per epoch, a fresh order each time."""
    for epoch in itertools.count():
        for chosen in torch.randperm(count, generator=rng).split(batch):
            yield epoch, chosen

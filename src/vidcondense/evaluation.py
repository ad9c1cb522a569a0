"""Evaluation: fresh networks trained on condensed clips, tested on the store's test split."""

import math
import time
from dataclasses import dataclass
from typing import Any

import torch
from rich.table import Table
from torch import Tensor

from vidcondense import networks
from vidcondense.compute import Compute, Precision, choose, derive_seed, generator
from vidcondense.condensed import CondensedVideos
from vidcondense.data.store import ClipStore
from vidcondense.errors import VidcondenseError
from vidcondense.networks.loss import guessing_loss
from vidcondense.progress import Progress
from vidcondense.protocols import PROTOCOLS, Protocol


@dataclass(frozen=True)
class NetworkResult:
    """What one network scored on the test split.

    Attributes:
        top1: share of cases whose best class is right, 0..1.
        top5: share whose class is among the best five, 0..1.
        confusion: (true class, predicted class) int64 counts.
        loss: training loss at the end.
        diverged: whether training failed: a loss that is not finite, or no better than guessing.
    """

    top1: float
    top5: float
    confusion: Tensor
    loss: float
    diverged: bool


@dataclass(frozen=True)
class Evaluation:
    """Results of several networks under one protocol."""

    protocol: Protocol
    network: str
    class_names: tuple[str, ...]
    results: tuple[NetworkResult, ...]
    test_videos: int
    seconds: float
    seed: int
    precision: str

    @property
    def trained(self) -> list[NetworkResult]:
        """The networks that did not diverge."""
        return [result for result in self.results if not result.diverged]

    @property
    def top1(self) -> tuple[float, float]:
        """Mean and (sample) standard deviation of top-1 accuracy over the networks that trained."""
        return mean_std([result.top1 for result in self.trained])

    @property
    def top5(self) -> tuple[float, float]:
        """Mean and (sample) standard deviation of top-5 accuracy over the networks that trained."""
        return mean_std([result.top5 for result in self.trained])

    def to_dict(self) -> dict[str, Any]:
        """As JSON: accuracies in 0..1; null where no network trained."""
        size = len(self.class_names)
        confusion = sum((r.confusion for r in self.trained), torch.zeros(size, size, dtype=torch.int64))
        per_class = confusion.diagonal() / confusion.sum(1).clamp(min=1)
        return {
            "protocol": self.protocol.name,
            "network": self.network,
            "networks": len(self.results),
            "diverged": len(self.results) - len(self.trained),
            "top1": _summary(self.top1, [None if r.diverged else r.top1 for r in self.results]),
            "top5": _summary(self.top5, [None if r.diverged else r.top5 for r in self.results]),
            "per_class": dict(zip(self.class_names, per_class.tolist(), strict=True)),
            "confusion": confusion.tolist(),
            "train_loss": [r.loss if math.isfinite(r.loss) else None for r in self.results],
            "test_videos": self.test_videos,
            "seconds": round(self.seconds, 3),
            "seed": self.seed,
            "precision": self.precision,
            "settings": self.protocol.settings(),
        }


def evaluate(
    condensed: CondensedVideos,
    store: ClipStore,
    *,
    network: str = "minic3d",
    networks_count: int = 3,
    protocol: Protocol | str = "strict",
    seed: int = 0,
    device: str = "auto",
    precision: Precision = "auto",
    show: bool = True,
) -> Evaluation:
    """Train fresh networks on condensed clips and test them on real ones.

    Args:
        condensed: the training clips.
        store: its test split is what accuracy is measured on.
        network: name of the network to train.
        networks_count: how many, each from other random weights.
        protocol: "strict", "vdsd", or a Protocol with other constants.
        seed: of weights, order and (in vdsd) test windows.
        device: see `condense`.
        precision: of forward and backward passes; weights are float32.
        show: whether to print progress.

    Raises:
        VidcondenseError: set and store do not fit, or a test class is missing.
    """
    rule = _protocol(protocol)
    compute = choose(device, precision)
    check(condensed, store)
    if networks_count < 1:
        raise VidcondenseError(f"networks must be at least 1, not {networks_count}")
    clips = condensed.render().to(compute.device)
    labels = condensed.goals.to(compute.device)
    began = time.perf_counter()
    results: list[NetworkResult] = []
    with Progress(networks_count, enabled=show) as progress:
        for number in range(networks_count):
            results.append(_one(network, clips, labels, store, rule, compute, derive_seed(seed, number)))
            progress.advance(top1=results[-1].top1)
    return Evaluation(
        protocol=rule,
        network=network,
        class_names=tuple(store.class_names),
        results=tuple(results),
        test_videos=len(store.select("test")),
        seconds=time.perf_counter() - began,
        seed=seed,
        precision=compute.precision,
    )


def check(condensed: CondensedVideos, store: ClipStore) -> None:
    """Refuse a condensed set that does not fit a store."""
    if condensed.class_names != tuple(store.class_names):
        raise VidcondenseError(
            f"the condensed set has {len(condensed.class_names)} classes, the store "
            f"{len(store.class_names)} or others; evaluate on a store with the same classes"
        )
    ours = (condensed.frames, *condensed.size)
    theirs = (store.frames, store.size, store.size)
    if ours != theirs:
        raise VidcondenseError(
            f"the condensed clips are {ours[0]} frames of {ours[1]}x{ours[2]}, the store's "
            f"{theirs[0]} of {theirs[1]}x{theirs[2]}; prepare a store with the same"
        )
    for name, videos in zip(store.class_names, store.by_class("test"), strict=True):
        if not len(videos):
            raise VidcondenseError(f"class {name!r} has no test video in split {store.split} of {store.path}")


def _protocol(protocol: Protocol | str) -> Protocol:
    if isinstance(protocol, Protocol):
        return protocol
    if protocol not in PROTOCOLS:
        raise VidcondenseError(f"unknown protocol {protocol!r}; known: {', '.join(PROTOCOLS)}")
    return PROTOCOLS[protocol]()


def _one(
    name: str,
    clips: Tensor,
    labels: Tensor,
    store: ClipStore,
    protocol: Protocol,
    compute: Compute,
    seed: int,
) -> NetworkResult:
    classes = len(store.class_names)
    network = networks.build(name, classes, store.frames, store.size)
    networks.initialise(network, generator(seed, "weights"))
    networks.channels_last(network.to(compute.device))
    # Dropout draws from the global generator: give it a seed of its own and leave the caller's alone.
    with torch.random.fork_rng():
        torch.manual_seed(derive_seed(seed, "dropout"))
        loss = protocol.train(network, clips, labels, compute, seed)
    diverged = not math.isfinite(loss) or loss >= guessing_loss(labels, classes)
    scores, truth = protocol.test(network, store, compute, seed)
    return NetworkResult(*_accuracies(scores, truth), loss=loss, diverged=diverged)


def _accuracies(scores: Tensor, truth: Tensor) -> tuple[float, float, Tensor]:
    """Top-1, top-5 and the confusion matrix (true, predicted) of scores (case, class)."""
    classes = scores.shape[1]
    best = scores.topk(min(5, classes), dim=1).indices
    right = best == truth[:, None]
    confusion = torch.zeros(classes, classes, dtype=torch.int64)
    confusion.index_put_((truth, best[:, 0]), torch.ones_like(truth), accumulate=True)
    return right[:, 0].double().mean().item(), right.any(1).double().mean().item(), confusion


def mean_std(values: list[float]) -> tuple[float, float]:
    """Mean and sample standard deviation; NaN for no values, and a deviation of 0 for one."""
    if not values:
        return math.nan, math.nan
    mean = sum(values) / len(values)
    if len(values) == 1:
        return mean, 0.0
    return mean, math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))


def _summary(summary: tuple[float, float], values: list[float | None]) -> dict[str, Any]:
    mean, std = (None if math.isnan(number) else number for number in summary)
    return {"mean": mean, "std": std, "values": values}


def table(evaluation: Evaluation) -> Table:
    """The result as a table to print."""
    view = Table(title=f"{evaluation.network}, protocol {evaluation.protocol.name}", title_justify="left")
    for heading in ("", "mean", "std", "networks"):
        view.add_column(heading, justify="left" if not heading else "right")
    for name, (mean, std), values in (
        ("top-1 %", evaluation.top1, [result.top1 for result in evaluation.trained]),
        ("top-5 %", evaluation.top5, [result.top5 for result in evaluation.trained]),
    ):
        view.add_row(
            name, f"{100 * mean:.1f}", f"{100 * std:.1f}", "  ".join(f"{100 * value:.1f}" for value in values)
        )
    chance = 100 / len(evaluation.class_names)
    diverged = len(evaluation.results) - len(evaluation.trained)
    view.caption = (
        f"chance {chance:.1f} %; {evaluation.test_videos} test videos; {diverged} of "
        f"{len(evaluation.results)} networks diverged; {evaluation.seconds:.0f} s"
    )
    view.caption_justify = "left"
    return view

"""Evaluation: fresh networks trained on condensed or on all real clips, tested on a store's test split."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NotRequired, TypedDict, Unpack

import torch
from rich.table import Table
from torch import Tensor

from vidcondense import networks
from vidcondense.base.compute import Compute, choose, derive_seed
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.plain import Count, Share
from vidcondense.base.progress import Progress
from vidcondense.base.settings import check_whole
from vidcondense.condensed import CondensedVideos
from vidcondense.data.store import ClipStore
from vidcondense.evaluation.clips import FixedClips, StoreClips, TrainingClips, VariedClips
from vidcondense.evaluation.options import EvaluationFields, EvaluationOptions
from vidcondense.evaluation.protocols import PROTOCOLS, Advance, Protocol, diverged, train_network

FLIP = 0.5
MOST_NETWORKS = 10_000

WEIGHT_COPIES = 4  # weight, gradient, two moments of the optimiser


class Scores(TypedDict):
    """An accuracy over networks as JSON: 0..1; null for a network that diverged, and where none trained."""

    mean: Share | None
    std: Share | None
    values: list[Share | None]


class TrainedOn(TypedDict):
    """Which real clips networks were trained on."""

    fingerprint: str
    videos: Count


class Record(TypedDict):
    """What `Evaluation.to_dict` gives, as far as it is read again."""

    protocol: str
    network: str
    networks: Count
    diverged: Count
    top1: Scores
    top5: Scores
    per_class: dict[str, Share]
    confusion: list[list[Count]]
    test_videos: Count
    seconds: float
    trained_on: NotRequired[TrainedOn]


@dataclass(frozen=True)
class NetworkResult:
    """What one network scored on the test split.

    Attributes:
        top1: share of cases whose best class is right, 0..1.
        top5: share whose class is among the best five, 0..1.
        confusion: (true class, predicted class) int64 counts.
        loss: training loss at the end.
        diverged: whether training failed: a loss or a score that is not finite, or a loss no better than
            guessing.
        seconds: that training and testing took.
    """

    top1: float
    top5: float
    confusion: Tensor
    loss: float
    diverged: bool
    seconds: float


@dataclass(frozen=True)
class Evaluation:
    """Results of several networks under one protocol.

    `trained_on` says which real clips the networks were trained on; it is empty for a condensed set.
    """

    protocol: Protocol
    network: str
    class_names: tuple[str, ...]
    results: tuple[NetworkResult, ...]
    test_videos: int
    seed: int
    precision: str
    trained_on: Mapping[str, Any] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """What all networks took, one after another."""
        return sum(result.seconds for result in self.results)

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
            **({"trained_on": dict(self.trained_on)} if self.trained_on else {}),
        }


def evaluate(
    training: CondensedVideos | ClipStore,
    store: ClipStore,
    *,
    protocol: Protocol | str = "strict",
    show: bool = True,
    **options: Unpack[EvaluationFields],
) -> Evaluation:
    """Train fresh networks on condensed clips, or on all real ones, and test them on real ones.

    Args:
        training: a condensed set; or a store, for the whole dataset: all training videos of its split.
        store: its test split is what accuracy is measured on.
        protocol: "strict", "vdsd", or a Protocol with other constants.
        show: whether to print progress.
        options: the fields of `EvaluationOptions`, which says what they mean.

    Raises:
        VidcondenseError: an option out of range, set and store do not fit, a class is missing, `flip` comes
            with a condensed set, or the network is unknown or too large for the device's memory.
    """
    chosen = EvaluationOptions(**options)
    return Trial.of(training, store, chosen, protocol=protocol).evaluate(chosen.networks_count, show)


@dataclass(frozen=True)
class Trial:
    """What the networks of an evaluation share: arguments as in `evaluate`, checked and worked out."""

    training: CondensedVideos | ClipStore
    clips: TrainingClips
    store: ClipStore
    network: str
    protocol: Protocol
    seed: int
    compute: Compute
    trained_on: Mapping[str, Any]

    @staticmethod
    def of(
        training: CondensedVideos | ClipStore,
        store: ClipStore,
        options: EvaluationOptions,
        *,
        protocol: Protocol | str = "strict",
    ) -> "Trial":
        """See `evaluate`."""
        rule = _protocol(protocol)
        if isinstance(training, CondensedVideos):
            rule = rule.for_learned_rate(training.learning_rate)
        compute = choose(options.device, options.precision)
        check(training, store)
        clips, trained_on = _training_clips(training, options.flip, compute)
        return Trial(training, clips, store, options.network, rule, options.seed, compute, trained_on)

    @property
    def steps(self) -> int:
        """Training steps of each network."""
        return self.protocol.length(len(self.clips))

    def memory(self) -> str:
        """One line on the memory that weights take; refused where it cannot be had."""
        outline = networks.outline(self.network, *self.store.shape)
        return networks.weights_memory(self.network, outline, WEIGHT_COPIES, self.compute)

    def run(self, number: int, advance: Advance) -> NetworkResult:
        """Train and test one network, counted from 0; which others there are changes nothing."""
        began = time.perf_counter()
        own = derive_seed(self.seed, number)
        network, loss = train_network(
            self.network, self.store, self.clips, self.protocol, self.compute, own, advance
        )
        scores, truth = self.protocol.test(network, self.store, self.compute, own)
        # A last step can break a network whose losses were all finite until then.
        broken = not bool(scores.isfinite().all())
        return NetworkResult(
            *_accuracies(scores, truth),
            loss=loss,
            diverged=broken or diverged(loss, self.clips, len(self.store.class_names)),
            seconds=time.perf_counter() - began,
        )

    def evaluate(self, networks_count: int, show: bool) -> Evaluation:
        """Train and test so many networks, one after another."""
        check_count(networks_count)
        results: list[NetworkResult] = []
        with Progress(networks_count * self.steps, enabled=show) as progress:
            progress.say(self.memory())
            for number in range(networks_count):
                results.append(self.run(number, shown_steps(progress, number, results)))
        return self.evaluation(results)

    def evaluation(self, results: Sequence[NetworkResult]) -> Evaluation:
        """What all networks scored together."""
        return Evaluation(
            protocol=self.protocol,
            network=self.network,
            class_names=tuple(self.store.class_names),
            results=tuple(results),
            test_videos=len(self.store.select("test")),
            seed=self.seed,
            precision=self.compute.precision,
            trained_on=self.trained_on,
        )


def check_count(networks_count: int) -> None:
    """Refuse an evaluation of no network, or of more than could ever be trained."""
    check_whole("networks", networks_count, 1, MOST_NETWORKS)


def shown_steps(progress: Progress, number: int, before: list[NetworkResult]) -> Advance:
    """Shows each training step of a network, beside the accuracy of the one before."""
    shown = {"network": number + 1.0} | ({"last top1": before[-1].top1} if before else {})
    return lambda loss: progress.advance(**shown, loss=loss)


def _training_clips(
    training: CondensedVideos | ClipStore, flip: float | None, compute: Compute
) -> tuple[TrainingClips, dict[str, Any]]:
    """What to train on, and for real clips what is recorded of them."""
    if isinstance(training, CondensedVideos):
        if flip is not None:
            raise VidcondenseError("flip is for training on a store: condensed clips are never mirrored")
        clips, labels = training.render().to(compute.device), training.goals.to(compute.device)
        if training.clips_per_video > 1:
            return VariedClips(clips, labels, training.clips_per_video), {}
        return FixedClips(clips, labels), {}
    chance = FLIP if flip is None else flip
    real = StoreClips(training, chance, compute)
    return real, {
        "name": training.name,
        "fingerprint": training.fingerprint,
        "split": training.split,
        "videos": len(real),
        "flip": chance,
    }


def check(training: CondensedVideos | ClipStore, store: ClipStore) -> None:
    """Refuse a condensed set, or a store to train on, that does not fit the store to test on."""
    whole = isinstance(training, ClipStore)
    if tuple(training.class_names) != tuple(store.class_names):
        raise VidcondenseError(
            f"the {'training store' if whole else 'condensed set'} has {len(training.class_names)} classes, "
            f"the store {len(store.class_names)} or others; evaluate on a store with the same classes"
        )
    size = (training.size, training.size) if isinstance(training, ClipStore) else training.size
    ours, theirs = (training.frames, *size), (store.frames, store.size, store.size)
    if ours != theirs:
        raise VidcondenseError(
            f"the {'training' if whole else 'condensed'} clips are {ours[0]} frames of {ours[1]}x{ours[2]}, "
            f"the store's {theirs[0]} of {theirs[1]}x{theirs[2]}; prepare a store with the same"
        )
    _need_each_class(store, "test")
    if isinstance(training, ClipStore):
        _need_each_class(training, "train")
        if training.fingerprint == store.fingerprint and training.split != store.split:
            raise VidcondenseError(
                f"training on split {training.split} and testing on split {store.split} of one store would "
                "test on training videos; use one split"
            )


def _need_each_class(store: ClipStore, role: str) -> None:
    for name, videos in zip(store.class_names, store.by_class(role), strict=True):
        if not len(videos):
            kind = "training" if role == "train" else role
            raise VidcondenseError(
                f"class {name!r} has no {kind} video in split {store.split} of {store.path}"
            )


def _protocol(protocol: Protocol | str) -> Protocol:
    if isinstance(protocol, Protocol):
        return protocol
    if protocol not in PROTOCOLS:
        raise VidcondenseError(f"unknown protocol {protocol!r}; known: {', '.join(PROTOCOLS)}")
    return PROTOCOLS[protocol]()


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
    title = f"{evaluation.network}, protocol {evaluation.protocol.name}"
    if evaluation.trained_on:
        title += f", trained on all {evaluation.trained_on['videos']} training videos"
    view = Table(title=title, title_justify="left")
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
    failed = len(evaluation.results) - len(evaluation.trained)
    view.caption = (
        f"chance {chance:.1f} %; {evaluation.test_videos} test videos; {failed} of "
        f"{len(evaluation.results)} networks diverged; {evaluation.seconds:.0f} s"
    )
    view.caption_justify = "left"
    return view

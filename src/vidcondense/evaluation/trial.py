"""An evaluation: fresh networks trained on condensed or on all real clips, tested on real test videos."""

import hashlib
import json
import math
import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from vidcondense import networks
from vidcondense.base import members
from vidcondense.base.compute import Compute, choose, derive_seed, root_seed
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.names import alike, difference, without
from vidcondense.base.progress import Progress
from vidcondense.base.settings import check_whole
from vidcondense.base.versions import versions
from vidcondense.condensed import CondensedVideos
from vidcondense.data.batches import IMAGENET_MEAN, IMAGENET_STD
from vidcondense.data.store import ClipStore
from vidcondense.evaluation.clips import FLIP, MemoryClips, StoreClips, TrainingClips, goals_of
from vidcondense.evaluation.options import EvaluationOptions
from vidcondense.evaluation.protocols import PROTOCOL, PROTOCOLS, Protocol, diverged, train_network
from vidcondense.evaluation.results import Evaluation, FullRecord, NetworkResult, accuracies, networks_of
from vidcondense.evaluation.training import Advance
from vidcondense.networks.base import VideoNetwork
from vidcondense.networks.rounding import round_weights

MOST_NETWORKS = 10_000

STREAMS = "of seed and split"
"""What random numbers derive from; evaluations of earlier versions do not say: from the seed alone."""
WEIGHT_COPIES = 4  # weight, gradient, two moments of the optimiser


@dataclass(frozen=True)
class Trial:
    """What the networks of an evaluation share: arguments as in `shared.evaluate`, checked and worked out."""

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
        protocol: Protocol | str = PROTOCOL,
    ) -> "Trial":
        """See `shared.evaluate`."""
        rule = _protocol(protocol)
        if isinstance(training, CondensedVideos):
            rule = rule.for_learned_rate(training.learning_rate)
        if options.steps is not None:
            rule = rule.of_length(options.steps)
        compute = choose(options.device, options.precision)
        check(training, store)
        clips, trained_on = _training_clips(training, rule, store, options.flip, compute)
        network = options.network or rule.usual_network
        return Trial(training, clips, store, network, rule, options.seed, compute, trained_on)

    @property
    def steps(self) -> int:
        """Training steps of each network."""
        return self.protocol.length(len(self.clips))

    @cached_property
    def turns(self) -> tuple[str, ...]:
        """The networks that take turns."""
        return networks.turns(self.network)

    def memory(self) -> str:
        """One line on the memory that weights take, of each network; refused where it cannot be had."""
        outlines = {name: networks.outline(name, *self.store.shape) for name in self.turns}
        copies = WEIGHT_COPIES + self.protocol.averages
        return "; ".join(
            networks.weights_memory(name, outline, copies, self.compute) for name, outline in outlines.items()
        )

    def run(self, number: int, advance: Advance) -> NetworkResult:
        """Train and test one network, counted from 0; which others there are changes nothing."""
        began = time.perf_counter()
        network, loss = self.trained(number, advance)
        scores, truth, controls = self.protocol.test(network, self.store, self.compute, self._own(number))
        # A last step can break a network whose losses were all finite until then.
        broken = not bool(scores.isfinite().all())
        size = 0
        if self.trained_on:  # instead of clips one might send the network
            size = round_weights(network)
            rounded = self.protocol.test(network, self.store, self.compute, self._own(number)).scores
        return NetworkResult(
            *accuracies(scores, truth),
            loss=loss,
            diverged=broken or diverged(loss, self.clips, len(self.store.class_names)),
            seconds=time.perf_counter() - began,
            controls={name: accuracies(other, truth)[0] for name, other in controls.items()},
            rounded=accuracies(rounded, truth)[0] if size else math.nan,
            rounded_bytes=size,
        )

    def total(self, networks_count: int) -> int:
        """How many networks so many of each kind are; refused if none, or more than could ever be trained."""
        check_whole("networks", networks_count, 1, MOST_NETWORKS)
        return networks_count * len(self.turns)

    def trained(self, number: int, advance: Advance) -> tuple[VideoNetwork, float]:
        """One network, counted from 0, trained and not tested, and its loss at the end."""
        name, own = self.turns[number % len(self.turns)], self._own(number)
        return train_network(name, self.store, self.clips, self.protocol, self.compute, own, advance)

    def _own(self, number: int) -> int:
        return derive_seed(root_seed(self.seed, self.store.split), number)

    def evaluate(self, networks_count: int, show: bool) -> Evaluation:
        """Train and test so many networks of each kind, one after another."""
        results: list[NetworkResult] = []
        total = self.total(networks_count)
        with Progress(total * self.steps, enabled=show) as progress:
            progress.say(self.memory())
            for number in range(total):
                results.append(self.run(number, shown_steps(progress, number, results)))
        return self.evaluation(results)

    def evaluation(self, results: Sequence[NetworkResult], earlier: FullRecord | None = None) -> Evaluation:
        """What all networks scored together, with those of an earlier evaluation made from the same."""
        return Evaluation(
            protocol=self.protocol,
            network=self.network,
            class_names=tuple(self.store.class_names),
            results=(*(networks_of(earlier) if earlier else ()), *results),
            test_videos=len(self.store.select("test")),
            seed=self.seed,
            precision=self.compute.precision,
            trained_on=self.trained_on,
            made_from=self.made_from,
            earlier=earlier,
        )

    @cached_property
    def made_from(self) -> dict[str, Any]:
        """What decides a network's result beside what a record says anyway, as JSON."""
        store = self.store
        files = [digest for name in self.turns for digest in members.fingerprint(name).values()]
        return {
            **(
                {"condensed_set": _digest(self.training)}
                if isinstance(self.training, CondensedVideos)
                else {}
            ),
            "test_store": {"fingerprint": store.fingerprint, "split": store.split},
            "streams": STREAMS,
            **({"network_file": "+".join(files)} if files else {}),
            **({"flip": self.clips.flip} if self.clips.flip else {}),
            "device": self.compute.device.type,
            "versions": versions(),
        }


def _digest(condensed: CondensedVideos) -> str:
    """SHA-256 of all that networks are trained on."""
    digest = hashlib.sha256(json.dumps(condensed.content_header(), sort_keys=True).encode())
    goals = {"labels": condensed.labels, "goals": goals_of(condensed).values}
    for tensor in {**condensed.tensors(), **goals}.values():
        digest.update(tensor.detach().cpu().contiguous().numpy().data)
    return digest.hexdigest()


def shown_steps(progress: Progress, number: int, before: list[NetworkResult]) -> Advance:
    """Shows each training step of a network, beside the accuracy of the one before."""
    shown = {"network": number + 1.0} | ({"last top1": before[-1].top1} if before else {})
    return lambda loss: progress.advance(**shown, loss=loss)


def _training_clips(
    training: CondensedVideos | ClipStore,
    rule: Protocol,
    store: ClipStore,
    flip: float | None,
    compute: Compute,
) -> tuple[TrainingClips, dict[str, Any]]:
    """What to train on, and what is recorded of real clips."""
    chance = (FLIP if flip is None else flip) * store.mirror
    if isinstance(training, CondensedVideos):
        if flip is not None and not rule.mirrors:
            raise VidcondenseError(f"flip is for training on a store: {rule.name} mirrors no condensed clips")
        clips, goals = _as_real(training).to(compute.device), goals_of(training).to(compute.device)
        return MemoryClips(clips, goals, training.clips_per_video, chance * rule.mirrors), {}
    real = StoreClips(training, chance, compute)
    return real, {
        "name": training.name,
        "fingerprint": training.fingerprint,
        "split": training.split,
        "videos": len(real),
        "flip": chance,
    }


def _as_real(condensed: CondensedVideos) -> Tensor:
    """Its clips (video, time, 3, height, width) float32, normalised as real clips are."""
    clips = condensed.render()
    numbers = (condensed.mean, condensed.std, IMAGENET_MEAN, IMAGENET_STD)
    if numbers[:2] == numbers[2:]:
        return clips
    mean, std, real_mean, real_std = (torch.tensor(one).view(3, 1, 1) for one in numbers)
    return (clips * std + mean - real_mean) / real_std


def check(training: CondensedVideos | ClipStore, store: ClipStore) -> None:
    """Refuse a condensed set, or a store to train on, that does not fit the store to test on."""
    whole = isinstance(training, ClipStore)
    us = "the training store" if whole else "the condensed set"
    if different := difference(training.class_names, store.class_names, us, "the store"):
        raise VidcondenseError(f"{different}; {_mend(training, store)}")
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


def _mend(training: CondensedVideos | ClipStore, store: ClipStore) -> str:
    """What to do where the classes of both differ."""
    ours, theirs = training.class_names, store.class_names
    lacking = without(theirs, {*ours, *alike(ours, theirs).values()})
    if isinstance(training, CondensedVideos) and not lacking:
        return (
            f"adapt the set: vidcondense merge FILE --classes-of {shlex.quote(str(store.path))} --out OTHER"
        )
    if isinstance(training, CondensedVideos) and not without(ours, set(theirs)):
        return (
            "evaluate on a store with the same classes (vidcondense prepare --class NAME, once per class), "
            "or merge a set that has the others (vidcondense merge)"
        )
    return "evaluate on a store with the same classes"


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

"""Video retrieval with features that were learned from a condensed set.

A network is trained on the set by the protocol's rule. Each test video of the store is a query; training
videos are what is searched, by cosine similarity of embeddings of the middle window of each. R@k is the
share of queries with a video of their own class among the k nearest: the protocol by which
self-supervised features are compared on UCF101 and HMDB51 (Xu et al., CVPR 2019).
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from vidcondense import networks
from vidcondense.base import files
from vidcondense.base.compute import Compute, derive_seed, generator
from vidcondense.base.members import label
from vidcondense.base.progress import Progress
from vidcondense.benchmark.flow import spread
from vidcondense.benchmark.tasks import Task
from vidcondense.condensed import CondensedVideos
from vidcondense.data.batches import RealBatch
from vidcondense.data.store import ClipStore, Ints
from vidcondense.evaluation.options import EvaluationOptions
from vidcondense.evaluation.protocols import diverged
from vidcondense.evaluation.trial import Trial, shown_steps
from vidcondense.networks.base import VideoNetwork

NEAREST = (1, 5, 10)
BATCH = 256
"""Queries that are compared at a time."""


class Found(TypedDict):
    """What retrieval with one condensed set found.

    Attributes:
        made_from: set, store, network, rule and numbers that decided it.
        recalls: percent at `NEAREST`, of each network; None where it did not learn.
    """

    made_from: dict[str, Any]
    recalls: list[list[float] | None]


def recall(queries: Tensor, classes: Tensor, gallery: Tensor, gallery_classes: Tensor) -> list[float]:
    """Percent of queries with their own class among the nearest `NEAREST` of the gallery.

    Args:
        queries: (query, feature).
        classes: (query,) int64.
        gallery: (video, feature).
        gallery_classes: (video,) int64.
    """
    searched = functional.normalize(gallery.double(), dim=1).T
    most, hits = min(max(NEAREST), len(gallery)), []
    for rows, wanted in zip(queries.double().split(BATCH), classes.split(BATCH), strict=True):
        similar = functional.normalize(rows, dim=1) @ searched
        nearest = similar.topk(most, 1).indices
        hits.append(gallery_classes[nearest] == wanted[:, None])
    right = torch.cat(hits)
    return [100 * float(right[:, :count].any(1).double().mean()) for count in NEAREST]


def retrieve(task: Task, store: ClipStore, network: str, most: int) -> Found:
    """What networks trained on a task's condensed set find; what its folder has of that is not done again.

    Args:
        task: whose condensed set is finished.
        store: under the task's split.
        network: name of the networks, of which the task's options say how many of each kind.
        most: test and training videos of each class that take part, evenly spread over it.
    """
    options = task.options
    condensed = CondensedVideos.load(task.run.condensed)
    chosen = EvaluationOptions(
        network=network, seed=task.judging_seed, device=options.device, precision=options.precision
    )
    trial = Trial.of(condensed, store, chosen, protocol=options.protocol)
    found: Found = {"made_from": _made_from(trial, most), "recalls": []}
    path = _file(task, network)
    if path.is_file():
        known = files.read_json(path, Found, files.MOST_RECORD_BYTES)
        found = known if known["made_from"] == found["made_from"] else found
    total = trial.total(options.networks)
    left = range(len(found["recalls"]), total)
    with Progress(len(left) * trial.steps, enabled=bool(left)) as progress:
        for number in left:
            progress.say(f"{task.title}: retrieval, network {number + 1} of {total}")
            found["recalls"].append(_of_network(trial, number, most, progress))
            files.write_json(path, found)
    return {**found, "recalls": found["recalls"][:total]}


def untrained(
    store: ClipStore, network: str, seeds: Sequence[int], most: int, compute: Compute
) -> list[list[float]]:
    """Percent at `NEAREST` with random weights of each seed: what needs no condensed set."""
    found = [
        _recalls(
            networks.draw(name, store.shape, generator(derive_seed(seed, 0), "weights"), compute.device),
            store,
            most,
            compute,
        )
        for seed in seeds
        for name in networks.turns(network)
    ]
    return [recalls for recalls in found if recalls is not None]


def _of_network(trial: Trial, number: int, most: int, progress: Progress) -> list[float] | None:
    """Train one network and search with it; None where it did not learn."""
    network, loss = trial.trained(number, shown_steps(progress, number, []))
    if diverged(loss, trial.clips, len(trial.store.class_names)):
        return None
    return _recalls(network, trial.store, most, trial.compute)


def _recalls(network: VideoNetwork, store: ClipStore, most: int, compute: Compute) -> list[float] | None:
    """What a network finds among a store's training videos; None where features are not finite."""
    network.eval()
    (queries, classes), (gallery, known) = (
        _embedded(network, store, role, most, compute) for role in ("test", "train")
    )
    if not bool(queries.isfinite().all() and gallery.isfinite().all()):
        return None
    return recall(queries, classes, gallery, known)


@torch.no_grad()
def _embedded(
    network: VideoNetwork, store: ClipStore, role: str, most: int, compute: Compute
) -> tuple[Tensor, Tensor]:
    """Features of the middle window of a role's videos, on the CPU, and their labels."""
    videos: Ints = np.concatenate([spread(of_class, most) for of_class in store.by_class(role)])
    windows = RealBatch.unflipped(store, videos, store.even_starts(videos, 1).reshape(-1))
    parts = [
        (network.embed(clips).float().cpu(), labels.cpu())
        for clips, labels in windows.read(store, compute.exact, network.chunk(compute.exact))
    ]
    return torch.cat([features for features, _ in parts]), torch.cat([labels for _, labels in parts])


def _made_from(trial: Trial, most: int) -> dict[str, Any]:
    """What decides the result, as JSON gives it back."""
    decided = {
        **trial.made_from,
        "network": trial.network,
        "seed": trial.seed,
        "settings": trial.protocol.settings(),
        "precision": trial.compute.precision,
        "videos_per_class": most,
    }
    values: dict[str, Any] = json.loads(json.dumps(decided))
    return values


def _file(task: Task, network: str) -> Path:
    """Where it is kept: beside the run, of which it is no evaluation."""
    return task.folder / f"retrieval-{task.options.protocol}-{label(network)}-seed-{task.judging_seed}.json"

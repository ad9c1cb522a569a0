"""Evaluation by several processes, or in several goes: each network's result is a file of its own."""

import hashlib
import json
import math
import time
from pathlib import Path
from typing import Any, TypedDict

import torch

from vidcondense.base import files, members
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.progress import Progress
from vidcondense.base.queue import Queue, remove_folder, work
from vidcondense.base.ranks import Ranks
from vidcondense.base.typed import Count, Share, typed
from vidcondense.base.versions import versions
from vidcondense.condensed import CondensedVideos
from vidcondense.evaluation.results import Evaluation, NetworkResult
from vidcondense.evaluation.trial import Trial, check_count, shown_steps


class _Result(TypedDict):
    top1: Share
    top5: Share
    confusion: list[list[Count]]
    loss: float | None  # null for one that is not finite
    diverged: bool
    seconds: float


BEGAN = time.time_ns()


def evaluate_to(out: Path, trial: Trial, networks_count: int, *, show: bool = True) -> Evaluation | None:
    """Evaluate and write the result; networks that an earlier, interrupted call finished are kept.

    Under torchrun call it in every process with the same arguments: they share the networks, and the first
    one gathers. Any number of processes gives the same result, but for `seconds`.

    Args:
        out: the file for the result. Until it is written, single networks are in a folder beside it, of the
            same name with the suffix .networks.
        trial: what is evaluated, and how.
        networks_count: how many networks.
        show: whether to print progress, in the first process.

    Returns:
        The result in the first process, None in the others.

    Raises:
        VidcondenseError: as `evaluate`; the file cannot be written, or another process evaluates to it.
        Interrupted: Ctrl-C or SIGTERM while waiting for other processes.
    """
    check_count(networks_count)
    files.refuse_other(out, lambda begin: b'"protocol"' in begin, "an evaluation")
    trial.memory()  # a network that cannot be had is refused before anything is made
    first, written = Ranks.here().first, _when_written(out)
    if not first and written > BEGAN:  # the others were done before this process was under way
        return None
    folder = files.make_folder(out.parent / f"{out.stem}.networks")
    parts = Parts(folder, _key(trial), len(trial.store.class_names))
    queue = Queue(
        folder,
        range(networks_count),
        name=lambda number: f"network-{number + 1}",
        is_done=parts.holds,
        is_gathered=lambda: _when_written(out) != written,
    )
    if not first:
        _train(queue, trial, parts, False)
        return None
    with files.lock_folder(folder):
        _train(queue, trial, parts, show)
        made = trial.evaluation([parts.read(number) for number in range(networks_count)])
        files.write_json(out, made.to_dict())
        remove_folder(folder)
    return made


def _train(queue: Queue[int], trial: Trial, parts: "Parts", show: bool) -> None:
    before: list[NetworkResult] = []
    with Progress(len(queue.waiting) * trial.steps, enabled=show) as progress:

        def train(number: int) -> None:
            before.append(trial.run(number, shown_steps(progress, number, before)))
            parts.write(number, before[-1])

        progress.say(trial.memory())
        work(queue, train, show=show)


def _when_written(path: Path) -> int:
    return path.stat().st_mtime_ns if path.is_file() else 0


class Parts:
    """Results of single networks in a folder.

    Args:
        folder: where.
        key: of everything that a result depends on; files with another one count as missing.
        classes: number of classes.
    """

    def __init__(self, folder: Path, key: str, classes: int) -> None:
        self._folder, self._key, self._classes = folder, key, classes

    def holds(self, number: int) -> bool:
        """Whether a network's result is there."""
        return self._stored(number) is not None

    def write(self, number: int, result: NetworkResult) -> None:
        """Keep a network's result."""
        loss = result.loss if math.isfinite(result.loss) else None
        values = {**vars(result), "confusion": result.confusion.tolist(), "loss": loss}
        files.write_json(self._path(number), {"key": self._key, "result": values})

    def read(self, number: int) -> NetworkResult:
        """What `write` kept; a VidcondenseError says that it is damaged."""
        stored = self._stored(number)
        if stored is None or [len(row) for row in stored["confusion"]] != [self._classes] * self._classes:
            raise self._damaged(number, "no confusion of each class")
        values: dict[str, Any] = {**stored, "confusion": torch.tensor(stored["confusion"], dtype=torch.int64)}
        values["loss"] = math.nan if stored["loss"] is None else stored["loss"]
        return NetworkResult(**values)

    def _damaged(self, number: int, how: object) -> VidcondenseError:
        return VidcondenseError(f"{self._path(number)} is damaged ({how}); remove it and evaluate again")

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:03d}.json"

    def _stored(self, number: int) -> _Result | None:
        path = self._path(number)
        if not path.is_file():
            return None
        try:
            held = files.read_json(path, dict[str, Any])
            return typed(held.get("result"), _Result) if held.get("key") == self._key else None
        except VidcondenseError as error:
            raise self._damaged(number, error) from error


def _key(trial: Trial) -> str:
    """SHA-256 of everything that a network's result depends on, but for its number."""
    store, training = trial.store, trial.training
    about = {
        "trained_on": dict(trial.trained_on),
        "tested_on": [store.fingerprint, store.split],
        "network": [trial.network, members.fingerprint(trial.network)],
        "protocol": trial.protocol.settings(),
        "seed": trial.seed,
        "compute": [trial.compute.device.type, trial.compute.precision],
        "versions": versions(),
    }
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    if isinstance(training, CondensedVideos):
        digest.update(json.dumps(training.content_header(), sort_keys=True).encode())
        goals = {"labels": training.labels, "goals": training.goals}
        for tensor in {**training.tensors(), **goals}.values():
            digest.update(tensor.detach().cpu().contiguous().numpy().data)
    return digest.hexdigest()

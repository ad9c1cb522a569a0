"""Evaluation by several processes, or in several goes: each network's result is a file of its own."""

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NotRequired, TypedDict, Unpack, overload

import torch

from vidcondense.base import files, members
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.progress import Progress
from vidcondense.base.queue import Queue, remove_folder, work
from vidcondense.base.ranks import Ranks, refuse_force
from vidcondense.base.repeats import MEND, refuse_difference
from vidcondense.base.typed import Count, Share, typed
from vidcondense.base.units import plural
from vidcondense.condensed import CondensedVideos
from vidcondense.data.store import ClipStore
from vidcondense.evaluation.options import EvaluationFields, EvaluationOptions
from vidcondense.evaluation.protocols import PROTOCOL, Protocol
from vidcondense.evaluation.results import Evaluation, FullRecord, NetworkResult, networks_of
from vidcondense.evaluation.trial import Trial, shown_steps


class _Result(TypedDict):
    top1: Share
    top5: Share
    confusion: list[list[Count]]
    loss: float | None  # null for one that is not finite
    diverged: bool
    seconds: float
    controls: NotRequired[dict[str, Share]]
    rounded: NotRequired[Share | None]
    rounded_bytes: NotRequired[Count]


@overload
def evaluate(
    training: CondensedVideos | ClipStore,
    store: ClipStore,
    *,
    protocol: Protocol | str = PROTOCOL,
    show: bool = True,
    **options: Unpack[EvaluationFields],
) -> Evaluation: ...


@overload
def evaluate(
    training: CondensedVideos | ClipStore,
    store: ClipStore,
    *,
    out: Path | str,
    force: bool = False,
    protocol: Protocol | str = PROTOCOL,
    show: bool = True,
    **options: Unpack[EvaluationFields],
) -> Evaluation | None: ...


def evaluate(
    training: CondensedVideos | ClipStore,
    store: ClipStore,
    *,
    out: Path | str | None = None,
    force: bool = False,
    protocol: Protocol | str = PROTOCOL,
    show: bool = True,
    **options: Unpack[EvaluationFields],
) -> Evaluation | None:
    """Train fresh networks on condensed clips, or on all real ones, and test them on real ones.

    Args:
        training: a condensed set; or a store, for the whole dataset: all training videos of its split.
        store: its test split is what accuracy is measured on.
        out: a file for the result, see `evaluate_to`; without one nothing is written.
        force: see `evaluate_to`.
        protocol: "strong", "strict", "vdsd", or a Protocol with other constants.
        show: whether to print progress.
        options: the fields of `EvaluationOptions`, which says what they mean.

    Returns:
        The result; with `out`, None in all processes of torchrun but the first.

    Raises:
        VidcondenseError: an option out of range, set and store do not fit, a class is missing, `flip` comes
            with a condensed set, or the network is unknown or too large for the device's memory.
    """
    chosen = EvaluationOptions(**options)
    trial = Trial.of(training, store, chosen, protocol=protocol)
    if out is None:
        return trial.evaluate(chosen.count(trial.protocol), show)
    return evaluate_to(Path(out), trial, chosen.count(trial.protocol), show=show, force=force)


def evaluate_to(
    out: Path, trial: Trial, networks_count: int, *, show: bool = True, force: bool = False
) -> Evaluation | None:
    """Evaluate and write the result; networks that are there are kept, of a finished and of a cut evaluation.

    Under torchrun call it in every process with the same arguments: they share the networks, and the first
    one gathers. Any number of processes gives the same result, but for `seconds`.

    Args:
        out: the file for the result; one that is there must have been made from the same. Until it is
            written, single networks are in a folder beside it, of the same name with the suffix .networks.
        trial: what is evaluated, and how.
        networks_count: how many networks of each kind; where more are there, the result is of all of them.
        show: whether to print progress, in the first process.
        force: train all networks anew; the file stays until the new result is whole.

    Returns:
        The result in the first process, None in the others.

    Raises:
        VidcondenseError: as `evaluate`; the file was made from something else or cannot be written, or
            another process evaluates to it.
        Interrupted: Ctrl-C or SIGTERM while waiting for other processes.
    """
    total = trial.total(networks_count)
    files.refuse_other(out, lambda begin: b'"protocol"' in begin, "an evaluation")
    first, written = Ranks.here().first, _when_written(out)
    earlier: FullRecord | None = None
    folder = out.parent / f"{out.stem}.networks"
    parts = Parts(folder, _key(trial), len(trial.store.class_names))
    if force:
        refuse_force(out)
    elif out.is_file():
        earlier = _read(out, trial)
        if earlier["networks"] >= total:
            Progress(0, enabled=show and first).say(_done(out, earlier["networks"], total))
            parts.forget(earlier["networks"])
            return trial.evaluation((), earlier) if first else None
    trial.memory()  # a network that cannot be had is refused before anything is made
    numbers = range(earlier["networks"] if earlier else 0, total)
    queue = Queue(
        files.make_folder(folder),
        numbers,
        name=lambda number: f"network-{number + 1}",
        is_done=parts.holds,
        is_gathered=lambda: _when_written(out) != written,
    )
    if not first:
        _train(queue, trial, parts, False)
        return None
    with files.lock_folder(folder):
        _train(queue, trial, parts, show)
        made = trial.evaluation([parts.read(number) for number in numbers], earlier)
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


def _done(out: Path, there: int, wanted: int) -> str:
    more = "" if there == wanted else f", more than the {wanted} asked for"
    return f"{out} is there already, of {plural(there, 'network')}{more}: nothing to do"


def _read(out: Path, trial: Trial) -> FullRecord:
    """The evaluation that is there; one that was made from something else is refused."""
    try:
        record = files.read_json(out, FullRecord, files.MOST_RECORD_BYTES)
        if "made_from" not in record:
            raise VidcondenseError(f"{out} is of an earlier version and does not say what it was made from")
        if tuple(record["per_class"]) != tuple(trial.store.class_names):
            raise VidcondenseError(f"{out} is of other classes")
        networks_of(record)
    except VidcondenseError as error:
        raise VidcondenseError(f"{error}; {MEND}") from error
    wanted = trial.evaluation(()).to_dict()
    refuse_difference(out, _decisive(record), _decisive(wanted))
    return record


def _decisive(record: Mapping[str, Any]) -> dict[str, Any]:
    """What decides the results of networks, by name."""
    names = ("protocol", "seed", "precision", "settings", "trained_on")
    known = {name: record[name] for name in names if name in record}
    made_from, network = record["made_from"], members.portable(record["network"])
    return {"condensed_set": made_from.get("condensed_set"), "network": network, **known, **made_from}


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
        numbers = {"loss": result.loss, "rounded": result.rounded}
        known = {name: value if math.isfinite(value) else None for name, value in numbers.items()}
        assert result.confusion is not None  # it has just been trained
        values = {**vars(result), "confusion": result.confusion.tolist(), **known}
        files.write_json(self._path(number), {"key": self._key, "result": values})

    def read(self, number: int) -> NetworkResult:
        """What `write` kept; a VidcondenseError says that it is damaged."""
        stored = self._stored(number)
        if stored is None or [len(row) for row in stored["confusion"]] != [self._classes] * self._classes:
            raise self._damaged(number, "no confusion of each class")
        values: dict[str, Any] = {**stored, "confusion": torch.tensor(stored["confusion"], dtype=torch.int64)}
        for name in ("loss", "rounded"):
            if values.get(name) is None:
                values[name] = math.nan
        return NetworkResult(**values)

    def forget(self, count: int) -> None:
        """Remove the results of the first networks, which the evaluation has, unless a process works here."""
        lock = files.try_lock(self._folder / files.LOCK) if self._folder.is_dir() else None
        if lock is None:
            return
        for number in range(count):
            files.unlink_quietly(self._path(number))
        files.unlock(lock)
        if not any(self._folder.glob("*.json")):
            remove_folder(self._folder)

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
    about = _decisive(trial.evaluation(()).to_dict())
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()

"""Results of single networks of an evaluation, each in a file, until all are there."""

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import torch

from vidcondense.base import files, members
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.typed import Count, Share, typed
from vidcondense.evaluation.results import NetworkResult
from vidcondense.evaluation.trial import Trial


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


def decisive(record: Mapping[str, Any]) -> dict[str, Any]:
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
        self.folder, self.key, self._classes = folder, key, classes

    @staticmethod
    def of(trial: Trial, folder: Path) -> "Parts":
        """Those of an evaluation."""
        about = json.dumps(decisive(trial.evaluation(()).to_dict()), sort_keys=True)
        return Parts(folder, hashlib.sha256(about.encode()).hexdigest(), len(trial.store.class_names))

    def holds(self, number: int) -> bool:
        """Whether a network's result is there."""
        return self._stored(number) is not None

    def write(self, number: int, result: NetworkResult) -> None:
        """Keep a network's result."""
        numbers = {"loss": result.loss, "rounded": result.rounded}
        known = {name: value if math.isfinite(value) else None for name, value in numbers.items()}
        assert result.confusion is not None  # it has just been trained
        values = {**vars(result), "confusion": result.confusion.tolist(), **known}
        files.write_json(self._path(number), {"key": self.key, "result": values})

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
        lock = files.try_lock(self.folder / files.LOCK) if self.folder.is_dir() else None
        if lock is None:
            return
        for number in range(count):
            files.unlink_quietly(self._path(number))
        files.unlock(lock)
        if not any(self.folder.glob("[0-9]*.json")):
            files.remove_folder(self.folder)

    def _damaged(self, number: int, how: object) -> VidcondenseError:
        return VidcondenseError(f"{self._path(number)} is damaged ({how}); remove it and evaluate again")

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:03d}.json"

    def _stored(self, number: int) -> _Result | None:
        path = self._path(number)
        if not path.is_file():
            return None
        try:
            held = files.read_json(path, dict[str, Any])
            return typed(held.get("result"), _Result) if held.get("key") == self.key else None
        except VidcondenseError as error:
            raise self._damaged(number, error) from error

"""The folder of one condensation run: run.json, metrics.jsonl, checkpoint and the condensed set."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NotRequired, TypedDict

from vidcondense.base import files
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.members import label
from vidcondense.base.names import difference
from vidcondense.base.repeats import command
from vidcondense.base.typed import Whole, parse, typed
from vidcondense.base.versions import refuse_newer, versions
from vidcondense.condensed.header import RESULT

if TYPE_CHECKING:
    from vidcondense.base.compute import Compute
    from vidcondense.data.store import ClipStore
    from vidcondense.recipes.recipe import Recipe

# Methods import what waits for PyTorch: paths in a run folder are known without it.

RUN_FORMAT = 3
SPLIT_FORMAT = 3
"""From this on random numbers derive from seed and split; before, from the seed alone."""


class _Store(TypedDict):
    path: str
    split: str
    fingerprint: str
    classes: NotRequired[list[str]]


class Description(TypedDict):
    """run.json, as far as it is read."""

    format: Whole
    status: str
    recipe: dict[str, Any]
    store: _Store
    precision: Literal["float32", "bfloat16"]
    chosen_precision: NotRequired[Literal["float32", "bfloat16"]]
    shards: NotRequired[Whole]
    seconds: NotRequired[float]
    extensions: NotRequired[dict[str, str]]


def identity(known: Description) -> str:
    """What tells a run from others: a hash of its recipe, as it was written, precision and videos."""
    store = known["store"]
    words = [known["recipe"], known["precision"], store["fingerprint"], store["split"]]
    return hashlib.sha256(json.dumps(words, sort_keys=True).encode()).hexdigest()


def other_classes(known: Description, store: "ClipStore") -> str:
    """How a store's classes differ from those of a run, in brackets; empty where they do not."""
    names = known["store"].get("classes", store.class_names)
    different = difference(names, store.class_names, "the run", "the store")
    return f" ({different})" if different else ""


@dataclass(frozen=True)
class RunFolder:
    """Paths inside a run folder, and what is known of the run."""

    path: Path

    @property
    def condensed(self) -> Path:
        """The result, a condensed set."""
        return self.path / RESULT

    @property
    def checkpoint(self) -> Path:
        """The state to resume from, while the run is not finished."""
        return self.path / "checkpoint.safetensors"

    @property
    def teachers(self) -> Path:
        """Weights of networks whose answers become soft labels, while the run is not finished."""
        return self.path / "teachers"

    @property
    def metrics(self) -> Path:
        """One JSON object per line: iterations and insertions."""
        return self.path / "metrics.jsonl"

    @property
    def evaluations(self) -> Path:
        """One JSON file per evaluation."""
        return self.path / "evaluations"

    def evaluation_file(self, protocol: str, network: str, steps: int | None = None) -> Path:
        """Where `evaluate` writes what a network scored under a protocol, of a given number of steps."""
        length = "" if steps is None else f"-{steps}-steps"
        return self.evaluations / f"{protocol}-{label(network)}{length}.json"

    @property
    def description(self) -> Path:
        """run.json: recipe, store, versions, status."""
        return self.path / "run.json"

    @property
    def finished(self) -> bool:
        """Whether the result is there, and run.json says that nothing is missing in it."""
        if not (self.description.exists() and self.condensed.is_file()):
            return False
        return self.read()["status"] == "finished"

    def read(self) -> Description:
        """run.json, checked; whoever needs several of its entries reads it once.

        Raises:
            VidcondenseError: this is not a run folder, or run.json is damaged or not ours.
        """
        if not self.description.is_file():
            raise VidcondenseError(f"{self.path} is not a run folder: it has no run.json")
        values = self._values()
        try:
            known = typed(values, Description)
            if known["status"] == "finished" and "seconds" not in known:
                raise VidcondenseError("it has no 'seconds'")
        except VidcondenseError as error:
            raise VidcondenseError(f"{self.description} is damaged: {error}") from error
        return known

    def _values(self) -> dict[str, Any]:
        values = files.read_json(self.description, dict[str, Any])
        refuse_newer(self.description, values.get("format"), RUN_FORMAT, values.get("versions"))
        if values.get("format") not in (1, 2, RUN_FORMAT):
            raise VidcondenseError(f"{self.description} was not written by this vidcondense")
        return values

    def recipe(self, known: Description) -> "Recipe":
        """The recipe in run.json, as it was read; what is wrong in it is refused by name."""
        from vidcondense.recipes import reading

        read = reading.from_earlier if known["format"] == 1 else reading.from_dict
        try:
            return read(known["recipe"])
        except VidcondenseError as error:
            raise VidcondenseError(f"{self.description}: {error}") from error

    def store(self, known: Description, *again: object) -> "ClipStore":
        """The store that the run was made from, where run.json says that it lies, under the run's split.

        Args:
            known: what `read` gave.
            again: the command that takes the store as its last word, for where it lies elsewhere by now.

        Raises:
            VidcondenseError: it is not there, or it is another one.
        """
        from vidcondense.data.index import is_store
        from vidcondense.data.store import ClipStore

        held = known["store"]
        path, mend = Path(held["path"]), f"name the store as it is now: {command(*again)} STORE"
        if not is_store(path):
            raise VidcondenseError(f"the store of the run in {self.path} is not at {path} any more; {mend}")
        store = ClipStore.open(path, held["split"])
        if store.fingerprint != held["fingerprint"]:
            raise VidcondenseError(
                f"the store at {path} has other videos or settings than when {self.path} was made"
                f"{other_classes(known, store)}; {mend}"
            )
        return store

    def update(self, **values: Any) -> None:
        """Change entries of run.json; all others stay as they are, also those that are never read."""
        files.write_json(self.description, {**self._values(), **values})

    def append_metrics(self, rows: list[dict[str, Any]]) -> None:
        """Add lines to metrics.jsonl: all of them, or none where they cannot be written."""
        files.append(self.metrics, "".join(json.dumps(row) + "\n" for row in rows).encode())

    def read_metrics(self) -> list[dict[str, Any]]:
        """The lines of metrics.jsonl."""
        with files.refused(f"cannot read {self.metrics}"):
            lines = self.metrics.read_text(encoding="utf-8").splitlines()
        try:
            return [typed(parse(line), dict[str, Any]) for line in lines]
        except (ValueError, VidcondenseError) as error:
            raise VidcondenseError(f"{self.metrics} is damaged ({error})") from error

    def cut_metrics(self, length: int) -> None:
        """Keep the first `length` bytes of metrics.jsonl: what was written before a checkpoint."""
        if length:
            files.cut(self.metrics, length)
        else:
            files.write_bytes(self.metrics, b"")


def refuse_taken(path: Path) -> None:
    """Refuse a folder that holds something else than a run: a new run cannot have it."""
    if not RunFolder(path).description.exists():
        files.refuse_filled(path)


def create(path: Path, recipe: "Recipe", store: "ClipStore", compute: "Compute", **more: Any) -> RunFolder:
    """Describe a new run in its folder; `more` goes into run.json too, in place of that of an earlier run.

    Raises:
        VidcondenseError: the folder holds something else already, or cannot be written.
    """
    from vidcondense.networks import winograd

    refuse_taken(path)
    run = RunFolder(path)
    files.make_folder(path)
    train, test = (len(store.whole.select(role)) for role in ("train", "test"))
    files.write_json(
        run.description,
        {
            "format": RUN_FORMAT,
            "status": "running",
            "recipe": recipe.to_dict(),
            "extensions": recipe.extension_files(),
            "seed": recipe.seed,
            "iterations": recipe.all_iterations,
            "store": {
                "path": str(store.path.resolve()),
                "name": store.name,
                "fingerprint": store.fingerprint,
                "split": store.split,
                "frames": store.frames,
                "stride": store.stride,
                "size": store.size,
                "classes": list(store.class_names),
                "train_videos": train,
                "test_videos": test,
                # A store of an earlier version does not know it.
                **({} if store.source_bytes is None else {"source_bytes": store.source_bytes}),
            },
            "device": str(compute.device),
            "precision": compute.precision,
            "hardware": f"{compute.hardware()}{', compiled convolutions' if winograd.built() else ''}",
            "versions": versions(),
            **more,
        },
    )
    run.cut_metrics(0)
    return run

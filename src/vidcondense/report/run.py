"""Reading a run folder: what condense and evaluate left there, as far as they came."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vidcondense.base import files, typed
from vidcondense.base.errors import VidcondenseError
from vidcondense.condensed import CondensedVideos

# What an evaluation says of itself besides its results.
SETTINGS = ("settings", "networks", "diverged", "seed", "precision", "seconds")
MOST = 10**12
"""A loss or a number of iterations from here on is no longer one."""
CONDENSED, INFO, METRICS, EVALUATIONS = "condensed.safetensors", "run.json", "metrics.jsonl", "evaluations"


@dataclass(frozen=True)
class Score:
    """An accuracy over networks, as fractions: mean, standard deviation and the value of each network.

    The standard deviation is None where there are fewer than two networks: one value has no spread.
    """

    mean: float
    std: float | None
    values: tuple[float, ...]


@dataclass(frozen=True)
class Evaluation:
    """One file of `evaluations/`; accuracies are fractions, confusion counts have the true class as row."""

    name: str
    protocol: str
    network: str
    networks: int
    diverged: int
    top1: Score | None
    top5: Score | None
    per_class: Mapping[str, float]
    confusion: Sequence[Sequence[float]]
    test_videos: int | None
    settings: Mapping[str, Any]

    @property
    def test(self) -> tuple[str, str]:
        """What two evaluations must share to be compared: (protocol, network)."""
        return self.protocol, self.network

    @property
    def trained(self) -> int:
        """How many networks the accuracies are over."""
        return self.networks - self.diverged

    @property
    def order(self) -> tuple[bool, str, bool, str]:
        """Sorts the default protocol and network first."""
        return self.protocol != "strict", self.protocol, self.network != "minic3d", self.network


@dataclass(frozen=True)
class Insertion:
    """A key frame inserted in `iteration` into video `video` at time `position` (frames)."""

    iteration: int
    video: int
    position: int


@dataclass(frozen=True)
class Metrics:
    """What metrics.jsonl says: (iteration, loss) in order, insertions in order, and unreadable lines.

    `static_iterations` counts those at the start that learned a static memory (Wang et al.).
    """

    losses: tuple[tuple[int, float], ...] = ()
    insertions: tuple[Insertion, ...] = ()
    unreadable: int = 0
    static_iterations: int = 0


@dataclass(frozen=True)
class Run:
    """A run folder. Parts that do not exist are None or empty."""

    folder: Path
    label: str
    info: Mapping[str, Any] = field(default_factory=dict)
    condensed: CondensedVideos | None = None
    file_bytes: int | None = None
    metrics: Metrics = field(default_factory=Metrics)
    evaluations: tuple[Evaluation, ...] = ()

    @property
    def recipe(self) -> Mapping[str, Any]:
        """The recipe, from run.json or else from the condensed file."""
        found = _mapping(self.info.get("recipe"))
        return found or _mapping(self._provenance.get("recipe"))

    @property
    def store(self) -> Mapping[str, Any]:
        """What run.json says of the store of real clips."""
        return _mapping(self.info.get("store"))

    @property
    def _provenance(self) -> Mapping[str, Any]:
        return self.condensed.provenance if self.condensed else {}

    @property
    def recipe_name(self) -> str:
        """The name of the recipe, "unknown recipe" if the run does not say."""
        return str(self.recipe.get("name") or "unknown recipe")

    @property
    def dataset(self) -> str:
        """The name of the store, as a reader would call the dataset."""
        return str(self.store.get("name") or "unnamed dataset")

    @property
    def is_random(self) -> bool:
        """Whether this is the random-selection baseline."""
        return self.coreset == "random"

    @property
    def coreset(self) -> str | None:
        """How real clips were selected, None where clips were learned."""
        kind = _mapping(self.recipe.get("coreset")).get("kind", "none")
        if kind != "none":
            return str(kind)
        return "random" if self.recipe_name.split("_")[0] == "random" else None

    @property
    def is_whole(self) -> bool:
        """Whether this is no run but an evaluation of networks trained on all real clips."""
        return _is_result(self.folder)

    @property
    def vpc(self) -> int | None:
        """Videos per class."""
        return self.condensed.vpc if self.condensed else integer(self.recipe.get("vpc"))

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes in label order, empty if unknown."""
        if self.condensed:
            return self.condensed.class_names
        classes = self.store.get("classes")
        return tuple(str(name) for name in classes) if isinstance(classes, list) else ()

    @property
    def iterations(self) -> int | None:
        """Iterations of condensing: planned if known, else the last one logged."""
        planned = integer(self.info.get("iterations")) or integer(self.recipe.get("iterations"))
        return planned or (self.metrics.losses[-1][0] if self.metrics.losses else None)

    @property
    def seconds(self) -> float | None:
        """Condensing time in seconds."""
        return number(self.info.get("seconds"))

    @property
    def inserted(self) -> dict[tuple[int, int], int]:
        """(video, position) of each inserted key frame, and its iteration."""
        return {(event.video, event.position): event.iteration for event in self.metrics.insertions}

    @property
    def evaluation(self) -> Evaluation | None:
        """The evaluation the headline speaks of: the default protocol and network first."""
        return min(self.evaluations, key=lambda one: one.order, default=None)

    def matching(self, other: Evaluation) -> Evaluation | None:
        """This run's evaluation under the same protocol and network as `other`."""
        return next((mine for mine in self.evaluations if mine.test == other.test), None)


def load_runs(folders: Sequence[Path]) -> list[Run]:
    """Read run folders and give each a label that tells it from the others.

    Evaluations of a whole dataset (.json) may stand among the folders.

    Raises:
        VidcondenseError: no folder given, one is not a run folder, or a file in it is damaged.
    """
    if all(map(_is_result, folders)):
        raise VidcondenseError("no run folder given; a report needs at least one")
    names = [folder.resolve().name for folder in folders]
    labels = [
        name if names.count(name) == 1 else f"{folder.resolve().parent.name}/{name}"
        for folder, name in zip(folders, names, strict=True)
    ]
    return [
        load_whole(folder, label) if _is_result(folder) else load_run(folder, label)
        for folder, label in zip(folders, labels, strict=True)
    ]


def load_whole(path: Path, label: str) -> Run:
    """Read the evaluation of networks that were trained on a whole store.

    Raises:
        VidcondenseError: it is something else.
    """
    value = _object(path)
    store = _mapping(value.get("trained_on"))
    if not store:
        raise VidcondenseError(
            f"{path} is not an evaluation of a whole store; a report takes run folders, and beside them the "
            "result of: vidcondense evaluate STORE STORE --out FILE.json"
        )
    evaluation = _evaluation(path)
    known = {**store, "train_videos": store.get("videos"), "classes": list(evaluation.per_class)}
    info = {"recipe": {"name": "all training clips"}, "store": known}
    return Run(folder=path, label=label, info=info, evaluations=(evaluation,))


def load_run(folder: Path, label: str) -> Run:
    """Read one run folder; parts that are missing stay empty.

    Raises:
        VidcondenseError: not a run folder, or a file in it is damaged.
    """
    if not folder.is_dir():
        raise VidcondenseError(f"no run folder at {folder}")
    condensed, info = folder / CONDENSED, folder / INFO
    if not condensed.is_file() and not info.is_file():
        raise VidcondenseError(f"{folder} is not a run folder: it has neither {CONDENSED} nor {INFO}")
    return Run(
        folder=folder,
        label=label,
        info=_object(info) if info.is_file() else {},
        condensed=CondensedVideos.load(condensed) if condensed.is_file() else None,
        file_bytes=condensed.stat().st_size if condensed.is_file() else None,
        metrics=_metrics(folder / METRICS),
        evaluations=tuple(_evaluation(path) for path in sorted((folder / EVALUATIONS).glob("*.json"))),
    )


def _is_result(path: Path) -> bool:
    return path.suffix == ".json" and not path.is_dir()


def number(value: Any) -> float | None:
    """`value` as a finite float, or None."""
    try:
        found = typed.typed(value, float)
    except VidcondenseError:
        return None
    return found if math.isfinite(found) else None


def integer(value: Any) -> int | None:
    """`value` as an int, or None."""
    found = number(value)
    return int(found) if found is not None and abs(found) < MOST else None


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value < MOST:
        raise ValueError(f"{value!r} counts nothing")
    return value


def _share(value: Any) -> float:
    found = number(value)
    if found is None or not 0 <= found <= 1:
        raise ValueError(f"{value!r} is no share in 0..1")
    return found


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _object(path: Path) -> Mapping[str, Any]:
    return files.read_json(path, dict[str, Any], files.MOST_RECORD_BYTES)


def _metrics(path: Path) -> Metrics:
    if not path.is_file():
        return Metrics()
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise VidcondenseError(f"cannot read {path}: {error.strerror or error}") from error
    # A resumed run may log an iteration twice: the later line is the one that counts.
    losses: dict[int, float] = {}
    insertions: dict[tuple[int, int], Insertion] = {}
    unreadable = static = 0
    for line in filter(str.strip, lines):
        try:
            event = typed.parse(line)
            iteration = _count(event["iteration"])
            if event["event"] == "iteration":
                losses[iteration] = float(event["loss"])
                if event.get("stage") == "static":
                    static = max(static, iteration + 1)
            elif event["event"] == "insertion":
                found = Insertion(iteration, _count(event["video"]), _count(event["position"]))
                insertions[found.video, found.position] = found
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
            unreadable += 1
    finite = tuple((i, losses[i]) for i in sorted(losses) if abs(losses[i]) < MOST)
    ordered = tuple(sorted(insertions.values(), key=lambda e: (e.iteration, e.video)))
    return Metrics(finite, ordered, unreadable, static)


def _evaluation(path: Path) -> Evaluation:
    value = _object(path)
    try:
        return Evaluation(
            name=path.stem,
            protocol=str(value["protocol"]),
            network=str(value["network"]),
            networks=_count(value["networks"]),
            diverged=_count(value.get("diverged", 0)),
            top1=_score(value.get("top1")),
            top5=_score(value.get("top5")),
            per_class={str(k): _share(v) for k, v in (value.get("per_class") or {}).items() if v is not None},
            confusion=_square(value.get("confusion") or []),
            test_videos=integer(value.get("test_videos")),
            settings={key: value[key] for key in SETTINGS if key in value},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise VidcondenseError(f"{path} is not an evaluation: {type(error).__name__} {error}") from error


def _score(value: Any) -> Score | None:
    mean = number(_mapping(value).get("mean"))
    if mean is None:
        return None
    values = tuple(_share(v) for v in value.get("values") or () if v is not None)
    std = value.get("std") if len(values) > 1 else None
    return Score(_share(mean), None if std is None else _share(std), values)


def _square(rows: Any) -> list[list[int]]:
    counts = [[_count(cell) for cell in row] for row in rows]
    if any(len(row) != len(counts) for row in counts):
        raise ValueError("the confusion matrix is not square")
    return counts

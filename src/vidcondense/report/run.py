"""Reading a run folder: what condense and evaluate left there, as far as they came."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar

import msgspec
from msgspec import Meta, Struct

from vidcondense.base import files, typed
from vidcondense.base.errors import VidcondenseError
from vidcondense.condensed import CondensedVideos
from vidcondense.condensed.provenance import shared_recipe
from vidcondense.run.folder import RunFolder

# What an evaluation says of itself besides its results.
FACTS = ("settings", "networks", "diverged", "seed", "precision", "seconds")
MOST = 10**12
"""A loss or a number of iterations from here on is no longer one."""
Share = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=0, lt=MOST)]
Seconds = Annotated[float, Meta(ge=0, lt=MOST)]
Kind = TypeVar("Kind")


class Score(Struct, frozen=True):
    """An accuracy over networks, as fractions: mean, standard deviation and the value of each network.

    The standard deviation is None where there are fewer than two networks: one value has no spread.
    """

    mean: Share
    std: Share | None
    values: tuple[Share, ...]


class Evaluation(Struct, frozen=True):
    """One file of `evaluations/`; accuracies are fractions, confusion counts have the true class as row."""

    name: str
    facts: dict[str, Any]
    protocol: str
    network: str
    networks: Count
    diverged: Count = 0
    top1: Score | None = None
    top5: Score | None = None
    per_class: dict[str, Share] = {}
    confusion: list[list[Count]] = []
    test_videos: Count | None = None
    controls: dict[str, Score] = {}

    def __post_init__(self) -> None:
        """Refuse a confusion matrix that is not square."""
        if any(len(row) != len(self.confusion) for row in self.confusion):
            raise ValueError("the confusion matrix is not square")

    @property
    def test(self) -> tuple[str, str, int | None]:
        """What two evaluations must share to be compared: protocol, network, and steps if they were given."""
        return self.protocol, self.network, self.steps

    @property
    def steps(self) -> int | None:
        """Training steps, where they were given in place of the protocol's rule."""
        settings = _mapping(self.facts.get("settings"))
        return readable(settings.get("steps"), Count) if settings.get("epochs") == 0 else None

    @property
    def trained(self) -> int:
        """How many networks the accuracies are over."""
        return self.networks - self.diverged

    @property
    def order(self) -> tuple[bool, str, bool, bool, bool, str]:
        """Sorts the default protocol, of its own length, networks that take turns and then miniC3D first."""
        usual = "+" not in self.network, self.network != "minic3d", self.network
        return self.protocol != "strong", self.protocol, self.steps is not None, *usual


class Insertion(NamedTuple):
    """A key frame inserted in `iteration` into video `video` at time `position` (frames); or dropped."""

    iteration: Count
    video: Count
    position: Count


@dataclass(frozen=True)
class Metrics:
    """What metrics.jsonl says: (iteration, loss) in order, insertions in order, and unreadable lines.

    `drops` are key frames that were interpolated again, which may have been inserted more than once.
    `first_stage` is the name of the first stage and its iterations, where a run has several.
    """

    losses: tuple[tuple[int, float], ...] = ()
    insertions: tuple[Insertion, ...] = ()
    unreadable: int = 0
    first_stage: tuple[str, int] | None = None
    drops: tuple[Insertion, ...] = ()


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
        return _mapping(self.info.get("recipe")) or shared_recipe(self.provenance)

    @property
    def store(self) -> Mapping[str, Any]:
        """What run.json says of the store of real clips."""
        return _mapping(self.info.get("store"))

    @property
    def provenance(self) -> Mapping[str, Any]:
        """What the condensed file says of how it was made."""
        return self.condensed.provenance if self.condensed else {}

    @property
    def recipe_name(self) -> str:
        """The name of the recipe, "unknown recipe" if the run does not say."""
        return str(self.recipe.get("name") or "unknown recipe")

    @property
    def is_random(self) -> bool:
        """Whether this is the random-selection baseline."""
        return self.coreset == "random"

    @property
    def coreset(self) -> str | None:
        """How real clips were selected, None where clips were learned."""
        kind = _mapping(self.recipe.get("coreset")).get("kind", "none")
        return None if kind == "none" else str(kind)

    @property
    def codes_real_clips(self) -> bool:
        """Whether real clips are kept as coded video."""
        return self.coreset is not None and self.condensed is not None and self.condensed.storage == "av1"

    @property
    def is_usual(self) -> bool:
        """Whether this is what anyone would do instead: real clips kept as video, a stream each."""
        return self.codes_real_clips and self.recipe.get("tiles") == 1

    @property
    def is_whole(self) -> bool:
        """Whether this is no run but an evaluation of networks trained on all real clips."""
        return _is_result(self.folder)

    @property
    def vpc(self) -> int | None:
        """Videos per class."""
        return self.condensed.vpc if self.condensed else readable(self.recipe.get("vpc"), Count)

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
        planned = [readable(said.get("iterations"), Count) for said in (self.info, self.recipe)]
        return next(filter(None, planned), self.metrics.losses[-1][0] if self.metrics.losses else None)

    @property
    def seconds(self) -> float | None:
        """Condensing time in seconds."""
        return readable(self.info.get("seconds"), Seconds)

    @property
    def train_videos(self) -> int | None:
        """Real training clips in the store, None if their number is unknown."""
        return readable(self.store.get("train_videos"), Count)

    @property
    def source_bytes(self) -> int | None:
        """Bytes of the training videos' own files, None if they were not counted."""
        return readable(self.store.get("source_bytes"), Count)

    @property
    def chance(self) -> float | None:
        """Accuracy of guessing among the run's classes."""
        return 1 / len(self.class_names) if self.class_names else None

    @property
    def inserted(self) -> dict[int, dict[int, int]]:
        """Of each video the positions of key frames that were inserted, and the last iteration of each."""
        videos: dict[int, dict[int, int]] = {}
        for event in self.metrics.insertions:
            videos.setdefault(event.video, {})[event.position] = event.iteration
        return videos

    @property
    def evaluation(self) -> Evaluation | None:
        """The evaluation the headline speaks of: the default protocol and network first."""
        return min(self.evaluations, key=lambda one: one.order, default=None)


def load_runs(folders: Sequence[Path]) -> list[Run]:
    """Read run folders and give each a label that tells it from the others.

    Evaluations of a whole dataset (.json) may stand among the folders.

    Raises:
        VidcondenseError: no folder given, one is not a run folder, or a file in it is damaged.
    """
    if all(map(_is_result, folders)):
        raise VidcondenseError("no run folder given; a report needs at least one")
    names = [folder.resolve().name for folder in folders]
    runs = []
    for folder, name in zip(folders, names, strict=True):
        label = name if names.count(name) == 1 else f"{folder.resolve().parent.name}/{name}"
        runs.append(load_whole(folder, label) if _is_result(folder) else load_run(folder, label))
    return runs


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
    evaluation = _evaluation(path, value)
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
    paths = RunFolder(folder)
    held, described = paths.condensed.is_file(), paths.description.is_file()
    if not held and not described:
        neither = f"neither {paths.condensed.name} nor {paths.description.name}"
        raise VidcondenseError(f"{folder} is not a run folder: it has {neither}")
    return Run(
        folder=folder,
        label=label,
        info=_object(paths.description) if described else {},
        condensed=CondensedVideos.load(paths.condensed) if held else None,
        file_bytes=paths.condensed.stat().st_size if held else None,
        metrics=read_metrics(paths.metrics),
        evaluations=tuple(
            _evaluation(path, _object(path)) for path in sorted(paths.evaluations.glob("*.json"))
        ),
    )


def _is_result(path: Path) -> bool:
    return path.is_file()


def readable(value: Any, kind: type[Kind]) -> Kind | None:
    """`value` if it is of a kind that msgspec knows, or None: what one run does not say is left out."""
    try:
        return msgspec.convert(value, kind)
    except ValueError:
        return None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _object(path: Path) -> Mapping[str, Any]:
    return files.read_json(path, dict[str, Any], files.MOST_RECORD_BYTES)


def read_metrics(path: Path) -> Metrics:
    """What metrics.jsonl says; nothing where there is none.

    Raises:
        VidcondenseError: it cannot be read.
    """
    if not path.is_file():
        return Metrics()
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise VidcondenseError(f"cannot read {path}: {error.strerror or error}") from error
    # A resumed run may log an iteration twice: the later line is the one that counts.
    losses: dict[int, float] = {}
    insertions: set[Insertion] = set()
    drops: set[Insertion] = set()
    stages: dict[str, int] = {}
    unreadable = 0
    for line in filter(str.strip, lines):
        try:
            event = typed.parse(line)
            iteration = msgspec.convert(event["iteration"], Count)
            if event["event"] == "iteration":
                losses[iteration] = msgspec.convert(event["loss"], float, strict=False)  # "NaN" too
                if stage := event.get("stage"):
                    stages[str(stage)] = max(stages.get(str(stage), 0), iteration + 1)
            elif event["event"] in ("insertion", "drop"):
                place = msgspec.convert([event[name] for name in Insertion._fields], Insertion)
                (insertions if event["event"] == "insertion" else drops).add(place)
        except (ValueError, TypeError, KeyError):
            unreadable += 1
    finite = tuple((i, losses[i]) for i in sorted(losses) if abs(losses[i]) < MOST)
    first = min(stages.items(), key=lambda item: item[1]) if len(stages) > 1 else None
    return Metrics(finite, tuple(sorted(insertions)), unreadable, first, tuple(sorted(drops)))


def _evaluation(path: Path, value: Mapping[str, Any]) -> Evaluation:
    known = {name: value[name] for name in Evaluation.__struct_fields__ if name in value}
    facts = {name: value[name] for name in FACTS if name in value}
    try:
        scores = {name: _score(_mapping(value.get(name))) for name in ("top1", "top5")}
        orders = {name: _score(_mapping(one)) for name, one in _mapping(value.get("controls")).items()}
        controls = {name: score for name, score in orders.items() if score is not None}
        made = {**known, **scores, "controls": controls, "name": path.stem, "facts": facts}
        return msgspec.convert(made, Evaluation)
    except (ValueError, TypeError) as error:
        raise VidcondenseError(f"{path} is not an evaluation: {error}") from error


def _score(value: Mapping[str, Any]) -> Any:
    """What a Score is made of; None where every network diverged: the mean is null or not a number."""
    mean = value.get("mean")
    if mean in (None, "NaN"):
        return None
    values = [accuracy for accuracy in value.get("values") or () if accuracy is not None]
    return {"mean": mean, "std": value.get("std") if len(values) > 1 else None, "values": values}

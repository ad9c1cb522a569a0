"""Recipes: a method and its hyper-parameters as data (TOML), typed and checked on load."""

import dataclasses
import difflib
import sys
import tomllib
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypedDict

from vidcondense.base import extension
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.extension import Extension, Option
from vidcondense.base.typed import typed
from vidcondense.recipes.settings import (
    CoresetSettings,
    ExpertSettings,
    InsertionSettings,
    ObjectiveSettings,
    OptimiserSettings,
    Options,
    SyntheticSettings,
    check,
    check_shared,
)


@dataclass(frozen=True)
class Stage:
    """A stretch of iterations in which the same things are learned.

    Attributes:
        name: "static" and "dynamic" of static_dynamic (Wang et al.); "" where a recipe has one stage.
        first: its first iteration.
        iterations: how many it has.
    """

    name: Literal["", "static", "dynamic"]
    first: int
    iterations: int


@dataclass(frozen=True)
class Recipe:
    """One method: a representation, an objective, an insertion schedule and their hyper-parameters."""

    name: str = "custom"
    """What the method is called in tables."""
    description: str = ""
    """One sentence for the list of recipes."""
    vpc: int = 1
    """Synthetic videos per class."""
    frames: int = 0
    """T, the frames of a clip; 0 takes the store's. Another value than the store's is refused."""
    iterations: int = 5000
    """Updates of the synthetic set; of static_dynamic those of the second stage."""
    static_iterations: int = 0
    """Those of the first stage of static_dynamic, which learns its images from single real frames."""
    seed: int = 0
    """Of every random number: initial frames, networks, real batches."""
    network: str = "minic3d"
    """Drawn afresh with random weights in every iteration; also gives the features of coresets."""
    flip: float = 0.5
    """Probability of mirroring a real clip; set 0 where left and right are different classes."""
    storage: Literal["float32", "float16", "uint8"] = "float16"
    """How the result's file holds frames; learning is float32 always."""
    synthetic: SyntheticSettings = field(default_factory=SyntheticSettings)
    objective: ObjectiveSettings = field(default_factory=ObjectiveSettings)
    experts: ExpertSettings = field(default_factory=ExpertSettings)
    optimiser: OptimiserSettings = field(default_factory=OptimiserSettings)
    insertion: InsertionSettings = field(default_factory=InsertionSettings)
    coreset: CoresetSettings = field(default_factory=CoresetSettings)
    options: Options = field(default_factory=Options)
    """Settings that the files of your own members add, by name; see docs/extend.md."""

    def __post_init__(self) -> None:
        check(self.vpc >= 1, f"vpc must be at least 1, not {self.vpc}")
        for name in ("iterations", "static_iterations"):
            check(getattr(self, name) >= 0, f"{name} must be at least 0, not {getattr(self, name)}")
        check(0 <= self.flip <= 1, f"flip is a probability in [0, 1], not {self.flip}")
        check(self.frames >= 0, f"frames must be at least 0, not {self.frames}")
        check(self.seed >= 0, f"seed must be at least 0, not {self.seed}")
        check(
            self.coreset.kind == "none" or self.iterations == 0,
            f"a coreset keeps real clips as they are: with coreset.kind = {self.coreset.kind!r} "
            f"iterations must be 0, not {self.iterations}; to start learning from real clips use "
            "synthetic.init = 'real'",
        )
        grows = self.insertion.kind != "none"
        check(
            not (grows and self.synthetic.kind == "every_frame"),
            'insertion needs synthetic.kind = "key_frames": with every_frame there is nothing left to insert',
        )
        check(
            not (grows and self.synthetic.interpolation != "linear"),
            f'insertion needs synthetic.interpolation = "linear": with {self.synthetic.interpolation!r} '
            'a new key frame would change the frames around it; set insertion.kind = "none"',
        )
        check(
            self.objective.real_frames == 0 or self.objective.kind != "trajectory_matching",
            "trajectory_matching follows experts and reads no real clips, so objective.real_frames must be 0",
        )
        if self.objective.real_frames:
            check_shared("objective.real_frames", self.objective.real_frames, self.synthetic.segments)
        memories = self.synthetic.kind == "static_dynamic"
        check(
            memories or self.static_iterations == 0,
            f'static_iterations belongs to synthetic.kind = "static_dynamic", not {self.synthetic.kind!r}',
        )
        check(
            self.static_iterations == 0 or self.objective.kind != "trajectory_matching",
            "the first stage of static_dynamic shows images that stand still, where experts trained on clips "
            'do not lead; set static_iterations = 0, and synthetic.init = "real" to start from real frames',
        )
        check(
            not (grows and memories),
            'insertion needs synthetic.kind = "key_frames": static_dynamic has a motion for every frame, and '
            'interpolates none that could be inserted; set insertion.kind = "none"',
        )
        check(
            self.coreset.kind == "none" or not memories,
            "a coreset keeps real clips as they are, which static_dynamic cannot: set synthetic.kind = "
            '"every_frame"',
        )
        check(
            not self.options or any(extension.is_extension(name) for name in self.members.values()),
            f"[options] are for members of your own, named as FILE.py:NAME, and this recipe names none: "
            f"{', '.join(self.options)}",
        )

    @property
    def members(self) -> dict[str, str]:
        """What the recipe names that may come from a file of your own, by its dotted key."""
        return {
            "network": self.network,
            "synthetic.kind": self.synthetic.kind,
            "objective.kind": self.objective.kind,
            "coreset.kind": self.coreset.kind,
        }

    @property
    def stages(self) -> tuple[Stage, ...]:
        """What is learned one after another; most recipes have one stage."""
        if self.static_iterations == 0:
            return (Stage("", 0, self.iterations),)
        first = Stage("static", 0, self.static_iterations)
        return (first, Stage("dynamic", self.static_iterations, self.iterations))

    @property
    def all_iterations(self) -> int:
        """Iterations of all stages."""
        return sum(stage.iterations for stage in self.stages)

    def to_dict(self) -> dict[str, Any]:
        """Nested plain values, as `from_dict` takes them."""
        return dataclasses.asdict(self)

    def with_experts(self, folder: str) -> "Recipe":
        """The same with another folder of experts, or with none."""
        return dataclasses.replace(self, objective=dataclasses.replace(self.objective, experts=folder))

    def portable(self) -> "Recipe":
        """The same without paths of this machine, for files that others get."""
        values = self.with_experts("").to_dict()
        _set_all(values, {key: extension.portable(name) for key, name in self.members.items()})
        return from_dict(values)

    def extensions(self) -> dict[str, str]:
        """SHA-256 of the files of members of your own, by file name."""
        return {
            file: digest
            for name in self.members.values()
            for file, digest in extension.fingerprint(name).items()
        }


class _Published(TypedDict):
    """One row of a recipe's [[published]] tables: what a paper set for a dataset and a number of videos."""

    dataset: str
    vpc: int
    set: dict[str, Any]


def from_dict(values: Mapping[str, Any]) -> Recipe:
    """A recipe from nested plain values.

    Raises:
        VidcondenseError: an unknown key (with the nearest valid one) or a value of the wrong type or range.
    """
    _expect(values, dict[str, Any], "a recipe")
    return typing.cast(Recipe, _build(Recipe, values, ""))


def _build(kind: type, values: Mapping[str, Any], prefix: str) -> Any:
    hints = typing.get_type_hints(kind)
    names = [item.name for item in dataclasses.fields(kind)]
    arguments: dict[str, Any] = {}
    for key, value in values.items():
        path = f"{prefix}{key}"
        if key not in names:
            raise VidcondenseError(f"unknown recipe key {path!r}{nearest(path)}")
        hint = hints[key]
        if hint is Options:
            arguments[key] = _options(value)
        elif dataclasses.is_dataclass(hint):
            if not isinstance(value, Mapping):
                raise VidcondenseError(f"recipe key {path!r} is a table of settings, not {value!r}")
            arguments[key] = _build(typing.cast(type, hint), value, f"{path}.")
        else:
            arguments[key] = _typed(path, hint, value)
    return kind(**arguments)


def _options(value: Any) -> Options:
    if not isinstance(value, Mapping) or not all(isinstance(one, Option) for one in value.values()):
        raise VidcondenseError(f"[options] is a table of numbers, texts, and true or false, not {value!r}")
    return Options(value)


def _typed(path: str, hint: Any, value: Any) -> Any:
    extensible = Extension in typing.get_args(hint)
    if extensible and isinstance(value, str) and extension.is_extension(value):
        return value
    if extensible:
        hint = typing.get_args(hint)[0]
    if typing.get_origin(hint) is Literal:
        choices = typing.get_args(hint)
        if value not in choices:
            known = ", ".join(choices) + (" or FILE.py:NAME" if extensible else "")
            raise VidcondenseError(f"recipe key {path!r} must be one of {known}, not {value!r}")
        return value
    if isinstance(value, str) and "\0" in value:
        raise VidcondenseError(f"recipe key {path!r} holds a zero byte: {value!r}")
    _expect(value, hint, f"recipe key {path!r}")
    return float(value) if hint is float else value


def _expect(value: Any, hint: Any, where: str) -> None:
    """Refuse a value that is not of a type, ints of more than 64 bits and floats that are not finite."""
    number = isinstance(value, int | float)
    in_range = not number or -(2**63) <= value < 2**63 or (hint is float and abs(value) <= sys.float_info.max)
    try:
        typed(value, hint)
    except VidcondenseError as error:
        if hint in (bool, int, float, str):
            raise VidcondenseError(f"{where} must be of type {hint.__name__}, not {value!r:.60}") from error
        raise VidcondenseError(f"{where}: {error}") from error
    if not in_range:
        raise VidcondenseError(f"{where} must be of type {hint.__name__}, not {value!r:.60}")


def keys() -> list[str]:
    """Every dotted recipe key that an override can name."""
    return _keys(Recipe, "")


def _keys(kind: type, prefix: str) -> list[str]:
    hints = typing.get_type_hints(kind)
    found: list[str] = []
    for item in dataclasses.fields(kind):
        hint = hints[item.name]
        if dataclasses.is_dataclass(hint):
            found += _keys(typing.cast(type, hint), f"{prefix}{item.name}.")
        else:
            found.append(f"{prefix}{item.name}")
    return found


def nearest(path: str) -> str:
    """The end of a message about an unknown key: the key that is meant most likely, or all of them."""
    last = {key.rsplit(".", 1)[-1]: key for key in keys()}
    # First a bare name, its table left out.
    close = [last[name] for name in difflib.get_close_matches(path, last, n=1)]
    close = close or difflib.get_close_matches(path, keys(), n=1, cutoff=0.4)
    if not close:
        names = difflib.get_close_matches(path.rsplit(".", 1)[-1], last, n=1, cutoff=0.4)
        close = [last[name] for name in names]
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(keys())}"


def available() -> list[str]:
    """Names of the recipes that come with the package."""
    folder = resources.files("vidcondense.recipes")
    return sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml"))


def load(
    name: str,
    *,
    vpc: int | None = None,
    dataset: str | None = None,
    overrides: Mapping[str, Any] = MappingProxyType({}),
) -> Recipe:
    """Load a recipe that comes with the package, or a TOML file of your own.

    Later sources win: the file, its published hyper-parameters for `dataset` and `vpc`, `vpc`, `overrides`.

    Args:
        name: one of `available()`, or the path of a TOML file.
        vpc: videos per class; None keeps the recipe's.
        dataset: whose published hyper-parameters to use; None takes the first dataset that the recipe lists.
        overrides: dotted keys to values, such as {"optimiser.learning_rate": 0.1}.

    Raises:
        VidcondenseError: no such recipe or dataset, or a key or value that is not valid.
    """
    values = _read(name)
    published = values.pop("published", [])
    _expect(published, list[_Published], "published")
    wanted = overrides.get("vpc", values.get("vpc", 1) if vpc is None else vpc)
    datasets = list(dict.fromkeys(row["dataset"] for row in published))
    if dataset is not None and dataset not in datasets:
        known = f"it has them for {', '.join(datasets)}" if datasets else "it has none"
        raise VidcondenseError(f"recipe {name} has no published hyper-parameters for {dataset!r}; {known}")
    dataset = dataset or next(iter(datasets), None)
    for row in published:
        if row["dataset"] == dataset and row["vpc"] == wanted:
            _set_all(values, row["set"])
    values["vpc"] = wanted
    if Path(name).suffix == ".toml":
        _resolve_members(values, Path(name).parent)
    _set_all(values, overrides)
    _resolve_members(values, Path())
    return _with_default_options(from_dict(values))


def _resolve_members(values: dict[str, Any], folder: Path) -> None:
    """Give the files of members their full paths; those of a recipe lie beside it."""
    for path in Recipe().members:
        *tables, key = path.split(".")
        target = values.get(tables[0]) if tables else values
        if isinstance(target, dict) and isinstance(target.get(key), str):
            target[key] = extension.resolved(target[key], folder)


def _with_default_options(made: Recipe) -> Recipe:
    """With all options that the files of its members have, so that a run records what it used."""
    known: dict[str, Option] = {}
    for name in made.members.values():
        known |= extension.options(name)
    for key, value in made.options.items():
        if key not in known:
            raise VidcondenseError(f"unknown option {key!r}; known: {', '.join(known) or 'none'}")
        known[key] = _typed(f"options.{key}", type(known[key]), value)
    return dataclasses.replace(made, options=Options(known))


def datasets(name: str) -> list[str]:
    """The datasets for which a recipe has published hyper-parameters, its default first."""
    return list(dict.fromkeys(row["dataset"] for row in _read(name).get("published", [])))


def _set_all(values: dict[str, Any], overrides: Mapping[str, Any]) -> None:
    for path, value in overrides.items():
        *tables, key = path.split(".")
        target = values
        for table in tables:
            target = target.setdefault(table, {})
            if not isinstance(target, dict):
                raise VidcondenseError(f"unknown recipe key {path!r}{nearest(path)}")
        target[key] = value


def _read(name: str) -> dict[str, Any]:
    path = Path(name)
    if name in available():
        text = (resources.files("vidcondense.recipes") / f"{name}.toml").read_bytes()
    elif path.suffix == ".toml" and path.is_file():
        text = path.read_bytes()
    else:
        close = difflib.get_close_matches(name, available(), n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise VidcondenseError(f"no recipe {name!r}; {hint}known: {', '.join(available())}, or a .toml file")
    try:
        return tomllib.loads(text.decode())
    except (ValueError, RecursionError) as error:  # no TOML, no UTF-8, or a number of thousands of digits
        raise VidcondenseError(f"recipe {name} is not valid TOML: {error}") from error


def parse_overrides(pairs: list[str]) -> dict[str, Any]:
    """Parse "key=value" texts; values are TOML, and bare words are strings.

    Raises:
        VidcondenseError: a text without "=".
    """
    parsed: dict[str, Any] = {}
    for pair in pairs:
        key, separator, text = pair.partition("=")
        if not separator or not key:
            raise VidcondenseError(f"--set wants key=value, not {pair!r}")
        try:
            parsed[key.strip()] = tomllib.loads(f"value = {text.strip()}")["value"]
        except tomllib.TOMLDecodeError:
            parsed[key.strip()] = text.strip()
        except ValueError as error:
            raise VidcondenseError(f"--set {key.strip()}: {error}") from error
    return parsed

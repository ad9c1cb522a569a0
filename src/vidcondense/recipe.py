"""Recipes: a method and its hyper-parameters as data (TOML), typed and checked on load."""

import dataclasses
import difflib
import tomllib
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from vidcondense.errors import VidcondenseError


def _check(condition: bool, message: str) -> None:
    if not condition:
        raise VidcondenseError(message)


@dataclass(frozen=True)
class SyntheticSettings:
    """What is learned and stored."""

    kind: Literal["key_frames", "every_frame"] = "key_frames"
    """key_frames: a few frames with linear interpolation between (PRISM); every_frame: all T (DM)."""
    init: Literal["noise", "real"] = "noise"
    """noise: N(0, 1) in normalised space; real: frames of randomly chosen training clips."""
    initial_key_frames: int = 2
    """Evenly spread over the clip, both ends included (PRISM Table 4)."""
    interpolation_gradient: Literal["detached", "through"] = "detached"
    """detached: interpolated frames are held fixed; through: their gradient flows into their key frames."""

    def __post_init__(self) -> None:
        _check(
            self.initial_key_frames >= 2,
            f"synthetic.initial_key_frames must be at least 2 (both ends), not {self.initial_key_frames}",
        )


@dataclass(frozen=True)
class ObjectiveSettings:
    """How synthetic clips are compared with real ones."""

    kind: Literal["distribution_matching", "gradient_matching", "kernel_ridge_regression"] = (
        "distribution_matching"
    )
    """distribution_matching: distance of mean features, summed over classes and features (DFS eq. 8);
    gradient_matching: distance of the gradients of a network's weights (PRISM eq. 7, DC);
    kernel_ridge_regression: regression on the synthetic set predicts real clips (FRePo)."""
    batch_real: int = 64
    """Real clips per class and iteration, without replacement; all if a class has fewer."""
    distance: Literal["squared", "cosine"] = "squared"
    """gradient_matching. squared: norm of the difference (PRISM eq. 7); cosine: per output unit (DC)."""
    outer_steps: int = 1
    """gradient_matching: iterations that share a network, then another is drawn."""
    inner_steps: int = 0
    """gradient_matching: training steps of the network on the synthetic clips between those iterations."""
    network_learning_rate: float = 0.01
    """Step size of networks that are trained along: by SGD in gradient_matching, by Adam in regression."""
    pool: int = 10
    """kernel_ridge_regression: networks in the pool."""
    pool_updates: int = 100
    """kernel_ridge_regression: training steps after which a network of the pool is drawn afresh."""
    regularisation: float = 1e-6
    """kernel_ridge_regression: added to the kernel's diagonal, as a share of its mean."""
    label_margin: float = 1.0
    """kernel_ridge_regression: weight of the loss that keeps the class of a learned label clear."""

    def __post_init__(self) -> None:
        for name in ("batch_real", "outer_steps", "pool", "pool_updates"):
            _check(
                getattr(self, name) >= 1, f"objective.{name} must be at least 1, not {getattr(self, name)}"
            )
        for name in ("inner_steps", "regularisation", "label_margin"):
            _check(
                getattr(self, name) >= 0, f"objective.{name} must be at least 0, not {getattr(self, name)}"
            )
        _check(
            self.network_learning_rate > 0,
            f"objective.network_learning_rate must be above 0, not {self.network_learning_rate}",
        )


@dataclass(frozen=True)
class OptimiserSettings:
    """How the synthetic set is updated."""

    kind: Literal["sgd", "adam"] = "sgd"
    """sgd with momentum as published; adam converges from noise in hundreds of iterations."""
    learning_rate: float = 1.0
    """Step size, for a loss summed over classes and features."""
    momentum: float = 0.95
    """Momentum of sgd; the first moment's decay of adam."""
    schedule: Literal["constant", "cosine"] = "constant"
    """constant as published; cosine decays the step size to 0 over the iterations."""
    low_pass: float = 0.0
    """Cycles per frame at which the gradient is halved, finer detail more; 0 leaves it alone (published)."""
    targets_learning_rate: float = 0.001
    """Step size of learned labels (kernel_ridge_regression); 0 keeps them as they start."""

    def __post_init__(self) -> None:
        _check(
            self.targets_learning_rate >= 0,
            f"optimiser.targets_learning_rate must be at least 0, not {self.targets_learning_rate}",
        )
        _check(self.learning_rate > 0, f"optimiser.learning_rate must be above 0, not {self.learning_rate}")
        _check(self.low_pass >= 0, f"optimiser.low_pass must be at least 0, not {self.low_pass}")
        _check(0 <= self.momentum < 1, f"optimiser.momentum must lie in [0, 1), not {self.momentum}")


@dataclass(frozen=True)
class InsertionSettings:
    """When and where key frames are inserted (PRISM section 3.3)."""

    kind: Literal["gradient", "none"] = "gradient"
    """gradient: where a frame's gradient opposes both adjacent key frames'; none: never."""
    threshold: float = 0.0
    """epsilon: both cosines must be strictly below it."""
    warm_up: float = 0.2
    """Share of all iterations at the start without insertion."""
    cool_down: float = 0.2
    """Share of all iterations at the end without insertion."""
    check_every: int = 1
    """Iterations between checks."""
    select: Literal["lowest", "all"] = "lowest"
    """lowest: per video and check the one candidate with the lowest sum of cosines; all: every candidate."""
    smoothing: float = 0.0
    """Decay of a running mean of the frame gradients before the test; 0 reads one step, as published."""

    def __post_init__(self) -> None:
        _check(-1 <= self.threshold <= 1, f"insertion.threshold is a cosine in [-1, 1], not {self.threshold}")
        for name in ("warm_up", "cool_down"):
            value = getattr(self, name)
            _check(0 <= value <= 1, f"insertion.{name} is a share in [0, 1], not {value}")
        _check(self.check_every >= 1, f"insertion.check_every must be at least 1, not {self.check_every}")
        _check(0 <= self.smoothing < 1, f"insertion.smoothing must lie in [0, 1), not {self.smoothing}")


@dataclass(frozen=True)
class Recipe:
    """One method: a representation, an objective, an insertion schedule and their hyper-parameters."""

    name: str = "custom"
    """What the method is called in tables."""
    description: str = ""
    """One sentence for the list of recipes."""
    coreset: Literal["none", "random"] = "none"
    """random: select real clips at random and stop there; nothing is learned."""
    vpc: int = 1
    """Synthetic videos per class."""
    frames: int = 0
    """T, the frames of a clip; 0 takes the store's. Another value than the store's is refused."""
    iterations: int = 5000
    """Updates of the synthetic set."""
    seed: int = 0
    """Of every random number: initial frames, networks, real batches."""
    network: str = "minic3d"
    """Drawn afresh with random weights in every iteration."""
    flip: float = 0.5
    """Probability of mirroring a real clip; set 0 where left and right are different classes."""
    synthetic: SyntheticSettings = field(default_factory=SyntheticSettings)
    objective: ObjectiveSettings = field(default_factory=ObjectiveSettings)
    optimiser: OptimiserSettings = field(default_factory=OptimiserSettings)
    insertion: InsertionSettings = field(default_factory=InsertionSettings)

    def __post_init__(self) -> None:
        _check(self.vpc >= 1, f"vpc must be at least 1, not {self.vpc}")
        _check(self.iterations >= 0, f"iterations must be at least 0, not {self.iterations}")
        _check(0 <= self.flip <= 1, f"flip is a probability in [0, 1], not {self.flip}")
        _check(self.frames >= 0, f"frames must be at least 0, not {self.frames}")
        _check(self.seed >= 0, f"seed must be at least 0, not {self.seed}")
        _check(
            self.coreset == "none" or self.iterations == 0,
            f"a coreset keeps real clips as they are: with coreset = {self.coreset!r} iterations must be 0, "
            f"not {self.iterations}; to start learning from real clips use synthetic.init = 'real'",
        )
        grows = self.insertion.kind != "none"
        _check(
            not (grows and self.synthetic.kind == "every_frame"),
            'insertion needs synthetic.kind = "key_frames": with every_frame there is nothing left to insert',
        )

    def to_dict(self) -> dict[str, Any]:
        """Nested plain values, as `from_dict` takes them."""
        return dataclasses.asdict(self)


def from_dict(values: Mapping[str, Any]) -> Recipe:
    """A recipe from nested plain values.

    Raises:
        VidcondenseError: an unknown key (with the nearest valid one) or a value of the wrong type or range.
    """
    return typing.cast(Recipe, _build(Recipe, values, ""))


def _build(kind: type, values: Mapping[str, Any], prefix: str) -> Any:
    hints = typing.get_type_hints(kind)
    names = [item.name for item in dataclasses.fields(kind)]
    arguments: dict[str, Any] = {}
    for key, value in values.items():
        path = f"{prefix}{key}"
        if key not in names:
            raise VidcondenseError(f"unknown recipe key {path!r}{_nearest(path)}")
        hint = hints[key]
        if dataclasses.is_dataclass(hint):
            if not isinstance(value, Mapping):
                raise VidcondenseError(f"recipe key {path!r} is a table of settings, not {value!r}")
            arguments[key] = _build(typing.cast(type, hint), value, f"{path}.")
        else:
            arguments[key] = _typed(path, hint, value)
    return kind(**arguments)


def _typed(path: str, hint: Any, value: Any) -> Any:
    if typing.get_origin(hint) is Literal:
        choices = typing.get_args(hint)
        if value not in choices:
            raise VidcondenseError(f"recipe key {path!r} must be one of {', '.join(choices)}, not {value!r}")
        return value
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise VidcondenseError(f"recipe key {path!r} must be a {hint.__name__}, not {value!r}")
    return value


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


def _nearest(path: str) -> str:
    close = difflib.get_close_matches(path, keys(), n=1, cutoff=0.4)
    if not close:
        last = {key.rsplit(".", 1)[-1]: key for key in keys()}
        close = [
            last[name] for name in difflib.get_close_matches(path.rsplit(".", 1)[-1], last, n=1, cutoff=0.4)
        ]
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
    _set_all(values, overrides)
    return from_dict(values)


def _set_all(values: dict[str, Any], overrides: Mapping[str, Any]) -> None:
    for path, value in overrides.items():
        *tables, key = path.split(".")
        target = values
        for table in tables:
            target = target.setdefault(table, {})
            if not isinstance(target, dict):
                raise VidcondenseError(f"unknown recipe key {path!r}{_nearest(path)}")
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
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
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
    return parsed

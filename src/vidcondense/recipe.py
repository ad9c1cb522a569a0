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


def _check_shared(key: str, frames: int, segments: int) -> None:
    """Frames that segments share must be as many in each."""
    less, more = frames // segments * segments, -(-frames // segments) * segments
    _check(
        frames % segments == 0,
        f"{key} = {frames} cannot be shared equally by synthetic.segments = {segments}; "
        f"choose {f'{less} or {more}' if less else more}",
    )


@dataclass(frozen=True)
class SyntheticSettings:
    """What is learned and stored."""

    kind: Literal["key_frames", "every_frame", "static_dynamic"] = "key_frames"
    """key_frames: a few frames with linear interpolation between (PRISM); every_frame: all T (DM);
    static_dynamic: images and motions joined by a small convolution (Wang et al.)."""
    init: Literal["noise", "real"] = "noise"
    """noise: N(0, 1) in normalised space; real: frames of randomly chosen training clips."""
    initial_key_frames: int = 2
    """N_syn per video, evenly spread over each segment, both ends included (PRISM Table 4); 1: the middle."""
    segments: int = 1
    """K: parts of equal length between which nothing is interpolated (Wang et al.)."""
    interpolation: Literal["linear", "nearest", "smooth"] = "linear"
    """I: linear (PRISM eq. 3), the nearest key frame, or a Catmull-Rom spline."""
    interpolation_gradient: Literal["detached", "through"] = "detached"
    """detached: interpolated frames are held fixed; through: their gradient flows into their key frames."""
    static_memory: Literal["frozen", "learned"] = "frozen"
    """Whether the second stage of static_dynamic goes on learning the images."""

    def __post_init__(self) -> None:
        count = self.initial_key_frames
        _check(self.segments >= 1, f"synthetic.segments must be at least 1, not {self.segments}")
        _check(count >= 1, f"synthetic.initial_key_frames must be at least 1, not {count}")
        if self.kind == "key_frames":
            _check_shared("synthetic.initial_key_frames", count, self.segments)


@dataclass(frozen=True)
class ObjectiveSettings:
    """How synthetic clips are compared with real ones."""

    kind: Literal[
        "distribution_matching", "gradient_matching", "trajectory_matching", "kernel_ridge_regression"
    ] = "distribution_matching"
    """distribution_matching: distance of mean features, summed over classes and features (DFS eq. 8);
    gradient_matching: distance of the gradients of a network's weights (PRISM eq. 7, DC);
    trajectory_matching: distance of weights after training on synthetic and on real clips (MTT);
    kernel_ridge_regression: regression on the synthetic set predicts real clips (FRePo)."""
    batch_real: int = 64
    """Real clips per class and iteration, without replacement; all if a class has fewer."""
    real_frames: int = 0
    """N_real: real clips keep so many frames, and the others are interpolated (Wang et al.); 0: all."""
    experts: str = ""
    """Folder of expert trajectories; empty: train those of the [experts] table into the run folder first."""
    max_start_epoch: int = 10
    """A trajectory is matched from a random epoch below this one."""
    expert_epochs: int = 1
    """Epochs between that start and the expert's weights that are the target."""
    synthetic_steps: int = 10
    """Steps on synthetic clips from that start (N)."""
    batch_synthetic: int = 0
    """Synthetic clips per inner step; 0: all."""
    step_size: float = 0.01
    """Start of the learned step size of the inner steps."""
    inner_gradient: Literal["exact", "tesla"] = "exact"
    """exact: through all inner steps; tesla: as if their starting points did not depend on the clips."""
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
        for name in ("batch_real", "max_start_epoch", "expert_epochs", "synthetic_steps"):
            value = getattr(self, name)
            _check(value >= 1, f"objective.{name} must be at least 1, not {value}")
        _check(
            self.batch_synthetic >= 0,
            f"objective.batch_synthetic must be at least 0 (all), not {self.batch_synthetic}",
        )
        _check(self.real_frames >= 0, f"objective.real_frames must be at least 0, not {self.real_frames}")
        _check(self.step_size > 0, f"objective.step_size must be above 0, not {self.step_size}")
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
class ExpertSettings:
    """Networks trained on real clips whose weights after every epoch trajectory matching follows (MTT)."""

    count: int = 30
    """Networks, each from other random weights."""
    epochs: int = 50
    """Epochs that each is trained; its weights after each are kept."""
    batch: int = 256
    """Clips per step."""
    learning_rate: float = 0.01
    """Step size of plain SGD."""

    def __post_init__(self) -> None:
        for name in ("count", "epochs", "batch"):
            value = getattr(self, name)
            _check(value >= 1, f"experts.{name} must be at least 1, not {value}")
        _check(self.learning_rate > 0, f"experts.learning_rate must be above 0, not {self.learning_rate}")


@dataclass(frozen=True)
class OptimiserSettings:
    """How the synthetic set is updated."""

    kind: Literal["sgd", "adam"] = "sgd"
    """sgd with momentum as published; adam converges from noise in hundreds of iterations."""
    learning_rate: float = 1.0
    """Step size, for a loss summed over classes and features."""
    static_learning_rate: float = 1.0
    """That of the images of static_dynamic."""
    hallucinator_learning_rate: float = 1e-5
    """That of the convolution of static_dynamic."""
    step_size_learning_rate: float = 1e-5
    """Step size with which trajectory matching learns that of its inner steps."""
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
        for name in (
            "learning_rate",
            "static_learning_rate",
            "hallucinator_learning_rate",
            "step_size_learning_rate",
        ):
            value = getattr(self, name)
            _check(value > 0, f"optimiser.{name} must be above 0, not {value}")
        _check(self.low_pass >= 0, f"optimiser.low_pass must be at least 0, not {self.low_pass}")
        _check(0 <= self.momentum < 1, f"optimiser.momentum must lie in [0, 1), not {self.momentum}")


@dataclass(frozen=True)
class InsertionSettings:
    """When and where key frames are inserted (PRISM section 3.3)."""

    kind: Literal["gradient", "random", "l2_above", "l2_below", "uniform", "none"] = "gradient"
    """gradient: where a frame's gradient opposes both adjacent key frames'; random: as often, anywhere;
    l2_above, l2_below: by the distance of unit gradients; uniform: at any time, anywhere; none: never."""
    threshold: float = 0.0
    """epsilon: both cosines must be strictly below it; of l2_above and l2_below a distance."""
    compare: Literal["adjacent", "all"] = "adjacent"
    """The key frames that a frame is compared with: the two it lies between, or all of its video."""
    warm_up: float = 0.2
    """Share of all iterations at the start without insertion."""
    cool_down: float = 0.2
    """Share of all iterations at the end without insertion."""
    check_every: int = 1
    """Iterations between checks."""
    select: Literal["lowest", "all"] = "lowest"
    """lowest: per video and check the one candidate with the lowest sum of cosines; all: every candidate."""
    most: int = 0
    """With select = "all", per video and check at most so many, the lowest sums first; 0: no limit."""
    mean_key_frames: float = 0.0
    """Key frames per video, on average over all, at which insertion ends; 0: no limit."""
    smoothing: float = 0.0
    """Decay of a running mean of the frame gradients before the test; 0 reads one step, as published."""

    def __post_init__(self) -> None:
        if self.kind in ("l2_above", "l2_below"):
            _check(
                0 < self.threshold < 2,
                f"with {self.kind} insertion.threshold is a distance of unit vectors in (0, 2) "
                f"(PRISM Table 5: 0.141), not {self.threshold}",
            )
        else:
            cosine = -1 <= self.threshold <= 1
            _check(cosine, f"insertion.threshold is a cosine in [-1, 1], not {self.threshold}")
        for name in ("warm_up", "cool_down"):
            value = getattr(self, name)
            _check(0 <= value <= 1, f"insertion.{name} is a share in [0, 1], not {value}")
        _check(self.check_every >= 1, f"insertion.check_every must be at least 1, not {self.check_every}")
        _check(0 <= self.smoothing < 1, f"insertion.smoothing must lie in [0, 1), not {self.smoothing}")
        _check(self.most >= 0, f"insertion.most must be at least 0, not {self.most}")
        _check(
            self.most == 0 or self.select == "all",
            'insertion.most limits insertion.select = "all"; "lowest" inserts one frame per video and check',
        )
        _check(
            self.mean_key_frames == 0 or self.mean_key_frames >= 1,
            f"insertion.mean_key_frames must be 0 or at least 1, not {self.mean_key_frames}",
        )
        _check(
            self.kind != "uniform" or self.mean_key_frames > 0,
            'insertion.kind = "uniform" inserts up to insertion.mean_key_frames, so that needs a value',
        )


@dataclass(frozen=True)
class CoresetSettings:
    """Which real clips to keep, where nothing is learned."""

    kind: Literal["none", "random", "herding", "k_center"] = "none"
    """none: clips are learned; otherwise real clips are selected in this way, and that is all."""
    features: Literal["random", "trained"] = "random"
    """Of herding and k_center: embeddings of a network with random weights, or trained on all real clips."""

    def __post_init__(self) -> None:
        _check(
            self.features == "random" or self.kind in ("herding", "k_center"),
            f"coreset.features is for herding and k_center; coreset.kind = {self.kind!r} reads none",
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
    synthetic: SyntheticSettings = field(default_factory=SyntheticSettings)
    objective: ObjectiveSettings = field(default_factory=ObjectiveSettings)
    experts: ExpertSettings = field(default_factory=ExpertSettings)
    optimiser: OptimiserSettings = field(default_factory=OptimiserSettings)
    insertion: InsertionSettings = field(default_factory=InsertionSettings)
    coreset: CoresetSettings = field(default_factory=CoresetSettings)

    def __post_init__(self) -> None:
        _check(self.vpc >= 1, f"vpc must be at least 1, not {self.vpc}")
        for name in ("iterations", "static_iterations"):
            _check(getattr(self, name) >= 0, f"{name} must be at least 0, not {getattr(self, name)}")
        _check(0 <= self.flip <= 1, f"flip is a probability in [0, 1], not {self.flip}")
        _check(self.frames >= 0, f"frames must be at least 0, not {self.frames}")
        _check(self.seed >= 0, f"seed must be at least 0, not {self.seed}")
        _check(
            self.coreset.kind == "none" or self.iterations == 0,
            f"a coreset keeps real clips as they are: with coreset.kind = {self.coreset.kind!r} "
            f"iterations must be 0, not {self.iterations}; to start learning from real clips use "
            "synthetic.init = 'real'",
        )
        grows = self.insertion.kind != "none"
        _check(
            not (grows and self.synthetic.kind == "every_frame"),
            'insertion needs synthetic.kind = "key_frames": with every_frame there is nothing left to insert',
        )
        _check(
            not (grows and self.synthetic.interpolation != "linear"),
            f'insertion needs synthetic.interpolation = "linear": with {self.synthetic.interpolation!r} '
            'a new key frame would change the frames around it; set insertion.kind = "none"',
        )
        _check(
            self.objective.real_frames == 0 or self.objective.kind != "trajectory_matching",
            "trajectory_matching follows experts and reads no real clips, so objective.real_frames must be 0",
        )
        if self.objective.real_frames:
            _check_shared("objective.real_frames", self.objective.real_frames, self.synthetic.segments)
        memories = self.synthetic.kind == "static_dynamic"
        _check(
            memories or self.static_iterations == 0,
            f'static_iterations belongs to synthetic.kind = "static_dynamic", not {self.synthetic.kind!r}',
        )
        _check(
            self.static_iterations == 0 or self.objective.kind != "trajectory_matching",
            "the first stage of static_dynamic shows images that stand still, where experts trained on clips "
            'do not lead; set static_iterations = 0, and synthetic.init = "real" to start from real frames',
        )
        _check(
            not (grows and memories),
            'insertion needs synthetic.kind = "key_frames": static_dynamic has a motion for every frame, and '
            'interpolates none that could be inserted; set insertion.kind = "none"',
        )
        _check(
            self.coreset.kind == "none" or not memories,
            "a coreset keeps real clips as they are, which static_dynamic cannot: set synthetic.kind = "
            '"every_frame"',
        )

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
            raise VidcondenseError(f"unknown recipe key {path!r}{nearest(path)}")
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

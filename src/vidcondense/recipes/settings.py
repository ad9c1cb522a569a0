"""The tables of a recipe, typed and checked: what can be set, and within which limits."""

from dataclasses import dataclass
from typing import Literal

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.extension import Extension, Option

SMALLEST_STEP, LARGEST_STEP = 1.2e-38, 3e38
"""Of step sizes: about what float32 holds in full."""
MOST_EXPERTS = 100_000
"""The largest number of experts, and of epochs of each."""
MOST_BATCH = 1_000_000
MOST_SEED = 2**63 - 1
"""The largest seed: what recipes and JSON of ours hold."""


def check(condition: bool, message: str) -> None:
    if not condition:
        raise VidcondenseError(message)


def check_step(name: str, size: float) -> None:
    """A step size that float32 holds: optimisers multiply by it."""
    check(size > 0, f"{name} must be above 0, not {size}")
    check(size < LARGEST_STEP, f"{name} = {size:g} is too large: from {LARGEST_STEP:g} on float32 runs over")
    check(
        size >= SMALLEST_STEP,
        f"{name} = {size:g} is too small: below {SMALLEST_STEP:g} float32 turns it to 0 or nearly so",
    )


def check_whole(name: str, value: int, least: int, most: int) -> None:
    """A whole number in a range."""
    check(type(value) is int, f"{name} must be a whole number, not {value!r}")
    check(value >= least, f"{name} must be at least {least}, not {value}")
    check(value <= most, f"{name} must be at most {most}, not {value}")


def check_seed(seed: int) -> None:
    """A seed that `condense` takes."""
    check_whole("seed", seed, 0, MOST_SEED)


def check_shared(key: str, frames: int, segments: int) -> None:
    """Frames that segments share must be as many in each."""
    less, more = frames // segments * segments, -(-frames // segments) * segments
    check(
        frames % segments == 0,
        f"{key} = {frames} cannot be shared equally by synthetic.segments = {segments}; "
        f"choose {f'{less} or {more}' if less else more}",
    )


class Options(dict[str, Option]):
    """The [options] table: settings of members from files of your own. Not to be changed once made."""

    def __hash__(self) -> int:  # type: ignore[override]
        """So that a recipe that holds it can be looked up."""
        return hash(frozenset(self.items()))


@dataclass(frozen=True)
class SyntheticSettings:
    """What is learned and stored."""

    kind: Literal["key_frames", "every_frame", "static_dynamic"] | Extension = "key_frames"
    """key_frames: a few frames with linear interpolation between (PRISM); every_frame: all T (DM);
    static_dynamic: images and motions joined by a small convolution (Wang et al.)."""
    init: Literal["noise", "real", "herding"] = "noise"
    """noise: N(0, 1) in normalised space; real: frames of randomly chosen training clips; herding: of clips
    whose features are nearest to the mean of their class."""
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
        check(self.segments >= 1, f"synthetic.segments must be at least 1, not {self.segments}")
        check(count >= 1, f"synthetic.initial_key_frames must be at least 1, not {count}")
        check(
            self.init != "herding" or self.kind != "static_dynamic",
            'synthetic.init = "herding" selects clips, and static_dynamic starts from images; choose "real"',
        )
        if self.kind == "key_frames":
            check_shared("synthetic.initial_key_frames", count, self.segments)


@dataclass(frozen=True)
class ObjectiveSettings:
    """How synthetic clips are compared with real ones."""

    kind: (
        Literal[
            "distribution_matching",
            "gradient_matching",
            "trajectory_matching",
            "kernel_ridge_regression",
            "trained_distribution_matching",
        ]
        | Extension
    ) = "distribution_matching"
    """distribution_matching: distance of mean features, summed over classes and features (DFS eq. 8);
    gradient_matching: distance of the gradients of a network's weights (PRISM eq. 7, DC);
    trajectory_matching: distance of weights after training on synthetic and on real clips (MTT);
    kernel_ridge_regression: regression on the synthetic set predicts real clips (FRePo);
    trained_distribution_matching: distribution_matching on experts in place of random networks (ours)."""
    batch_real: int = 64
    """Real clips per class and iteration, without replacement; all if a class has fewer."""
    real_frames: int = 0
    """N_real: real clips keep so many frames, and the others are interpolated (Wang et al.); 0: all."""
    experts: str = ""
    """Folder of expert trajectories; empty: train those of the [experts] table into the run folder first."""
    first_epoch: int = 1
    """trained_distribution_matching: epochs that an expert has behind it at least."""
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
        check(self.first_epoch >= 0, f"objective.first_epoch must be at least 0, not {self.first_epoch}")
        for name in ("batch_real", "max_start_epoch", "expert_epochs", "synthetic_steps"):
            value = getattr(self, name)
            check(value >= 1, f"objective.{name} must be at least 1, not {value}")
        check(
            self.batch_synthetic >= 0,
            f"objective.batch_synthetic must be at least 0 (all), not {self.batch_synthetic}",
        )
        check(self.real_frames >= 0, f"objective.real_frames must be at least 0, not {self.real_frames}")
        check_step("objective.step_size", self.step_size)
        for name in ("batch_real", "outer_steps", "pool", "pool_updates"):
            check(getattr(self, name) >= 1, f"objective.{name} must be at least 1, not {getattr(self, name)}")
        for name in ("inner_steps", "regularisation", "label_margin"):
            check(getattr(self, name) >= 0, f"objective.{name} must be at least 0, not {getattr(self, name)}")
        check_step("objective.network_learning_rate", self.network_learning_rate)


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
        for name, most in (("count", MOST_EXPERTS), ("epochs", MOST_EXPERTS), ("batch", MOST_BATCH)):
            check_whole(f"experts.{name}", getattr(self, name), 1, most)
        check_step("experts.learning_rate", self.learning_rate)


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
        targets = self.targets_learning_rate
        check(targets >= 0, f"optimiser.targets_learning_rate must be at least 0, not {targets}")
        if targets:
            check_step("optimiser.targets_learning_rate", targets)
        for name in (
            "learning_rate",
            "static_learning_rate",
            "hallucinator_learning_rate",
            "step_size_learning_rate",
        ):
            check_step(f"optimiser.{name}", getattr(self, name))
        check(self.low_pass >= 0, f"optimiser.low_pass must be at least 0, not {self.low_pass}")
        check(0 <= self.momentum < 1, f"optimiser.momentum must lie in [0, 1), not {self.momentum}")


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
            check(
                0 < self.threshold < 2,
                f"with {self.kind} insertion.threshold is a distance of unit vectors in (0, 2) "
                f"(PRISM Table 5: 0.141), not {self.threshold}",
            )
        else:
            cosine = -1 <= self.threshold <= 1
            check(cosine, f"insertion.threshold is a cosine in [-1, 1], not {self.threshold}")
        for name in ("warm_up", "cool_down"):
            value = getattr(self, name)
            check(0 <= value <= 1, f"insertion.{name} is a share in [0, 1], not {value}")
        check(self.check_every >= 1, f"insertion.check_every must be at least 1, not {self.check_every}")
        check(0 <= self.smoothing < 1, f"insertion.smoothing must lie in [0, 1), not {self.smoothing}")
        check(self.most >= 0, f"insertion.most must be at least 0, not {self.most}")
        check(
            self.most == 0 or self.select == "all",
            'insertion.most limits insertion.select = "all"; "lowest" inserts one frame per video and check',
        )
        check(
            self.mean_key_frames == 0 or self.mean_key_frames >= 1,
            f"insertion.mean_key_frames must be 0 or at least 1, not {self.mean_key_frames}",
        )
        check(
            self.kind != "uniform" or self.mean_key_frames > 0,
            'insertion.kind = "uniform" inserts up to insertion.mean_key_frames, so that needs a value',
        )


@dataclass(frozen=True)
class CoresetSettings:
    """Which real clips to keep, where nothing is learned."""

    kind: Literal["none", "random", "herding", "k_center"] | Extension = "none"
    """none: clips are learned; otherwise real clips are selected in this way, and that is all."""
    features: Literal["random", "trained"] = "random"
    """What all but random select by: features of a network with random weights, or trained on real clips."""

    def __post_init__(self) -> None:
        check(
            self.features == "random" or self.kind not in ("none", "random"),
            f"coreset.features is for coresets that select by them; coreset.kind = {self.kind!r} reads none",
        )

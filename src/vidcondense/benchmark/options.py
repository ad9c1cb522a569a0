"""What a user chooses for a benchmark: the options of the command, with their help."""

from dataclasses import dataclass
from typing import Annotated, Literal

from tyro.conf import UseAppendAction, arg

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.options import Device, JobsOption, On, Precision
from vidcondense.recipes.datasets import DATASETS
from vidcondense.work.engines import HERE, check_on

Count = Annotated[int, arg(metavar="N")]
Own = arg(help_behavior_hint="(default: the benchmark's)")
Names = Annotated[tuple[str, ...], arg(metavar="NAME [NAME ...]")]
Counts = Annotated[tuple[int, ...], arg(metavar="N [N ...]")]
Texts = UseAppendAction[tuple[str, ...]]
PUBLISHED = ("auto", "none", "all", *DATASETS)
PUBLISHED_HELP = (
    "Dataset whose published figures stand beside yours: miniucf, hmdb51, kinetics400 or ssv2; auto: the one "
    "that the store is by its name; all: also the others, for reference; none: no figures."
)
CONTROLS_HELP = (
    "Leave out the rows that tell what others are worth: random selection, herding, the mean of a class in "
    "pixels, one real frame repeated, and the whole dataset (with the first of the seeds)."
)


@dataclass(frozen=True)
class Options:
    """Choices for all cells; an empty tuple leaves a choice to the benchmark.

    Raises:
        VidcondenseError: a number below 1, or no such dataset.
    """

    methods: Annotated[Names, Own] = ()
    """Methods by name, such as random dm prism; or recipes by name or path; whole: all real clips."""
    vpc: Annotated[Counts, Own] = ()
    """Videos per class."""
    budgets: Annotated[
        Names, arg(metavar="BYTES [BYTES ...]", help_behavior_hint="(default: 8KB to 1MB)")
    ] = ()
    """Of benchmark bytes: sizes of the condensed file, such as 16KB 64KB."""
    steps: Annotated[
        Counts, arg(help_behavior_hint="(default: the protocol's; of bytes 360 90 180 720)")
    ] = ()
    """Training steps of evaluation networks, the same for all sets (strong); bytes compares several."""
    seeds: Counts = (0,)
    """Seeds of condensing; several give intervals."""
    splits: Names = ("1",)
    """Splits of the store to condense and test on."""
    network: Annotated[Names, Own] = ()
    """Evaluation networks, with rows of their own each; those joined by "+" take turns in one row."""
    networks: Count = 2
    """How many of each evaluation network are trained per condensed set."""
    protocol: Literal["strong", "strict", "vdsd"] = "strong"
    """Evaluation protocol: strong; strict, without augmentation; or vdsd, the rule of the published code."""
    metric: Literal["top1", "top5"] = "top1"
    """Accuracy that tables show; the papers have top5 for Kinetics-400 and Something-Something V2."""
    overrides: Annotated[Texts, arg(name="set", metavar="[METHOD:]KEY=VALUE")] = ()
    """Override a recipe key in all cells, as in flip=0, or of one method, as in dm:iterations=200."""
    recipes: Literal["auto", "published", "small"] = "auto"
    """published values; or small, for short runs; auto: published from 16x112x112 up, else small."""
    published: Annotated[str, arg(metavar="auto|none|all|DATASET", help=PUBLISHED_HELP)] = "auto"
    """Whose published figures stand beside those measured."""
    against: Annotated[Texts, arg(metavar="ROW")] = ()
    """Row to compare every row with, pairwise; once per row."""
    margin: Annotated[
        float | None, arg(metavar="POINTS", help_behavior_hint="(default: none, nothing is called level)")
    ] = None
    """Differences within this count as level, if two one-sided tests say so; name it before the run."""
    controls: Annotated[bool, arg(help=CONTROLS_HELP, help_behavior_hint="")] = True
    """Whether there are rows that tell what others are worth."""
    cells: Annotated[Texts, arg(name="cell", metavar="LABEL=ARGUMENTS")] = ()
    """A row of benchmark grid, such as "PRISM=--recipe prism_small --vpc 1"; once per row."""
    evaluation_seed: Annotated[
        int | None, arg(metavar="N", help_behavior_hint="(default: the condensed set's)")
    ] = None
    """One seed of evaluation for all condensed sets."""
    per_class: bool = False
    """Add accuracy and key frames of each class."""
    clips: Count = 64
    """Most real clips per class that flow, motion and retrieval read."""
    jobs: JobsOption = 0
    """Cells to run side by side on this machine, with one thread each where there are several."""
    on: On = HERE
    device: Device = "auto"
    precision: Precision = "auto"

    def __post_init__(self) -> None:
        for option in ("networks", "clips", "vpc", "steps"):
            value = getattr(self, option)
            least = min((value,) if isinstance(value, int) else value, default=1)
            if least < 1:
                raise VidcondenseError(f"--{option} must be at least 1, not {least}")
        check_on(self.on, self.jobs)
        if self.margin is not None and not 0 < self.margin < 100:  # NaN too
            raise VidcondenseError(f"--margin must be points between 0 and 100, not {self.margin:g}")
        if self.published not in PUBLISHED:
            raise VidcondenseError(
                f"--published must be one of {', '.join(PUBLISHED)}, not {self.published!r}"
            )

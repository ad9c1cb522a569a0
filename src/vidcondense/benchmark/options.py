"""What a user chooses for a benchmark."""

from dataclasses import dataclass
from typing import Literal

from vidcondense.base.compute import Precision

RecipeChoice = Literal["auto", "published", "small"]


@dataclass(frozen=True)
class Options:
    """Choices for all cells; an empty tuple leaves a choice to the benchmark.

    Attributes:
        methods: recipes by the names without `_small`, or any recipe by its full name or path.
        vpc: videos per class.
        seeds: of condensing; also of evaluation unless `evaluation_seed` is given.
        splits: of the store.
        network: evaluation networks by name.
        networks: how many of each are trained per condensed set.
        protocol: of evaluation.
        overrides: "key=value" for every recipe, or "method:key=value" for one.
        recipes: published, small, or auto: published for clips of at least 16 frames of 112x112.
        published: auto, none, all, or the dataset that the store is.
        metric: top1 or top5.
        against: rows that every row is compared with.
        cells: "LABEL=ARGUMENTS" of the benchmark `grid`.
        evaluation_seed: None takes each condensed set's own.
        per_class: add accuracy and key frames of each class.
        clips: most real clips per class that `flow` reads.
        jobs: cells at a time.
        device: where networks run.
        precision: of the networks.
    """

    methods: tuple[str, ...] = ()
    vpc: tuple[int, ...] = ()
    seeds: tuple[int, ...] = (0,)
    splits: tuple[str, ...] = ("1",)
    network: tuple[str, ...] = ()
    networks: int = 3
    protocol: str = "strict"
    overrides: tuple[str, ...] = ()
    recipes: RecipeChoice = "auto"
    published: str = "auto"
    metric: Literal["top1", "top5"] = "top1"
    against: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()
    evaluation_seed: int | None = None
    per_class: bool = False
    clips: int = 64
    jobs: int = 1
    device: str = "auto"
    precision: Precision = "auto"

"""Recipes: a method as data, with a table of settings for each of its parts."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from msgspec import Meta

from vidcondense.base import members
from vidcondense.base.compute import Compute
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.members import Family
from vidcondense.base.settings import Count, Positive, Settings, Share
from vidcondense.base.tables import flat, nested
from vidcondense.condensed.header import BEST, QUALITY, QUALITY_STEP, TILES, WORST, Storage
from vidcondense.condensed.interpolation import check_shared
from vidcondense.coresets import CORESETS, CoresetSettings
from vidcondense.data.store import ClipStore
from vidcondense.evaluation.teachers import TeacherSettings
from vidcondense.experts.settings import ExpertSettings
from vidcondense.insertion import INSERTIONS, InsertionSettings
from vidcondense.insertion.schedule import NoInsertion
from vidcondense.networks.optimiser import OPTIMISERS, OptimiserSettings
from vidcondense.objectives import OBJECTIVES, Context, Objective, ObjectiveSettings, RealClipsSettings
from vidcondense.synthetic import REPRESENTATIONS, Stage, Synthetic, SyntheticSettings

FAMILIES: Mapping[str, Family[Any]] = {
    "synthetic": REPRESENTATIONS,
    "objective": OBJECTIVES,
    "optimiser": OPTIMISERS,
    "insertion": INSERTIONS,
    "coreset": CORESETS,
}
"""The tables of a recipe that name a member of a family."""
TABLES = (*FAMILIES, "experts", "teachers")
USUAL = {"synthetic": "key_frames", "objective": "distribution_matching", "optimiser": "sgd"}
"""The kinds of recipes that name none."""
CODED = ("quality", "tiles", "budget", "synthetic.coded_every", "synthetic.rate_weight")
"""What only coded video has a use for."""
LEARNED = ("iterations", "objective", "experts", "optimiser", "insertion")
"""What a coreset, which keeps real clips as they are, reads nothing of."""


def usual(table: str) -> Any:
    """The settings that a recipe has which says nothing of a table."""
    return FAMILIES[table].settings(USUAL[table])()


@dataclass(frozen=True, kw_only=True)
class Recipe(Settings):
    """One method: a representation, an objective, an insertion schedule and their hyper-parameters."""

    name: str = "custom"
    """What the method is called in tables."""
    description: str = ""
    """One sentence for the list of recipes."""
    vpc: Positive = 1
    """Synthetic videos per class."""
    frames: Count = 0
    """T, the frames of a clip; 0 takes the store's. Another value than the store's is refused."""
    iterations: Count = 5000
    """Updates of the synthetic set; where there are several stages, of the last one."""
    seed: Count = 0
    """Of every random number: initial frames, networks, real batches."""
    network: str = "minic3d"
    """Drawn afresh with random weights in every iteration; also gives the features of coresets."""
    flip: Share = 0.5
    """Probability of mirroring a real clip; set 0 where left and right are different classes."""
    storage: Storage = "float16"
    """How the result's file holds frames; learning is float32 always."""
    quality: Annotated[float, Meta(ge=BEST, le=WORST, multiple_of=QUALITY_STEP)] = QUALITY
    """Of coded video, storage "av1": 1 is best, 70 smallest, in quarters."""
    tiles: Annotated[int, Meta(ge=1, le=TILES)] = TILES
    """Videos side by side in a stream of coded video, at most; 1: a stream for each."""
    budget: Count = 0
    """Most bytes of the result's file, which quality fills; 0: none."""
    synthetic: SyntheticSettings = field(default_factory=lambda: usual("synthetic"))
    objective: ObjectiveSettings = field(default_factory=lambda: usual("objective"))
    experts: ExpertSettings = field(default_factory=ExpertSettings)
    optimiser: OptimiserSettings = field(default_factory=lambda: usual("optimiser"))
    insertion: InsertionSettings = field(default_factory=NoInsertion.Settings)
    teachers: TeacherSettings = field(default_factory=TeacherSettings)
    coreset: CoresetSettings | None = None
    """Which real clips to keep; None: clips are learned."""

    def check(self) -> None:
        """Refuse parts that do not go together."""
        objective, synthetic = self.objective, self.synthetic
        if self.insertion.kind != "none" and (reason := synthetic.refuses_insertion()):
            raise VidcondenseError(f'insertion needs frames to insert: {reason}; set insertion.kind = "none"')
        if self.coreset and (reason := synthetic.refuses_coreset()):
            raise VidcondenseError(f'{reason}: set synthetic.kind = "every_frame"')
        if isinstance(objective, RealClipsSettings) and objective.real_frames:
            check_shared("objective.real_frames", objective.real_frames, synthetic.segments)
        for stage in self.stages:
            if stage.stills and (reason := objective.refuses_stills()):
                raise VidcondenseError(
                    f"the {stage.name} stage of {synthetic.kind} shows standing images, and {reason}; "
                    + stage.without
                )

    @property
    def stages(self) -> tuple[Stage, ...]:
        """What is learned one after another; a coreset learns nothing."""
        return (Stage("", 0, 0),) if self.coreset else self.synthetic.stages(self.iterations)

    def videos(self, store: ClipStore) -> int:
        """How many synthetic videos it makes of a store."""
        if self.coreset and not self.coreset.chooses:
            return len(store.select("train"))
        if self.coreset and self.coreset.takes_fewer:
            return sum(min(self.vpc, len(videos)) for videos in store.by_class("train"))
        return len(store.class_names) * self.vpc

    @property
    def all_iterations(self) -> int:
        """Iterations of all stages."""
        return sum(stage.iterations for stage in self.stages)

    @property
    def coded_every(self) -> int:
        """Iterations after which frames are coded anew for learning to see; 0 where nothing does."""
        key = "synthetic.coded_every"
        return 0 if self.unread(key) else int(self.fields().get(key, 0))

    @property
    def parts(self) -> dict[str, Settings]:
        """The settings of every part by the name of its table."""
        return {table: part for table in TABLES if (part := getattr(self, table)) is not None}

    def fields(self) -> dict[str, Any]:
        """Every value of the recipe and of its parts by its dotted key, read or not."""
        values = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        parts = {
            f"{table}.{key}": v for table, part in self.parts.items() for key, v in part.to_dict().items()
        }
        return {key: value for key, value in values.items() if key not in TABLES} | parts

    def unread(self, key: str) -> str:
        """Why nothing reads a key of the chosen kinds; empty where something does."""
        table, _, name = key.partition(".")
        if key in CODED and self.storage != "av1":
            return f"storage = {self.storage!r} codes no video"
        if self.coreset:
            keeps = f"coreset.kind = {self.coreset.kind!r} keeps real clips as they are"
            if key == "vpc" and not self.coreset.chooses:
                return f"coreset.kind = {self.coreset.kind!r} keeps every training video"
            if table in LEARNED or (table == "synthetic" and name in self.synthetic.learning):
                return f"{keeps} and learns nothing"
            if key in ("network", "flip") and key not in self.coreset.reads():
                return f"{keeps} and has no use for it"
        if table == "teachers" and name != "count" and not self.teachers.count:
            return "teachers.count is 0"
        if table == "experts" and not self.objective.needs_experts:
            return f"objective.kind = {self.objective.kind!r} needs no experts"
        interpolates = self.synthetic.interpolates or bool(getattr(self.objective, "real_frames", 0))
        if key in ("synthetic.segments", "synthetic.interpolation") and not interpolates:
            return f"synthetic.kind = {self.synthetic.kind!r} interpolates nothing"
        return ""

    def keys(self) -> set[str]:
        """Every dotted key that the recipe reads."""
        return set(flat(self.to_dict()))

    def to_dict(self) -> dict[str, Any]:
        """Nested plain values of every key that is read, as `reading.from_dict` takes them."""
        return nested({key: value for key, value in self.fields().items() if not self.unread(key)})

    def portable(self) -> dict[str, Any]:
        """`to_dict` without paths of this machine, for files that others get."""
        values = flat(self.to_dict())
        for key in values:
            if key == "network" or key.endswith(".kind"):
                values[key] = members.portable(values[key])
        return nested({**values, **({"objective.experts": ""} if "objective.experts" in values else {})})

    def extension_files(self) -> dict[str, str]:
        """SHA-256 of the files of members of your own, by file name."""
        names = [self.network, *(value for key, value in self.fields().items() if key.endswith(".kind"))]
        return {file: digest for name in names for file, digest in members.fingerprint(name).items()}

    def with_experts(self, folder: str) -> "Recipe":
        """The same with a folder of experts."""
        return self.replace(objective=self.objective.replace(experts=folder))

    def step_size_key(self, parameter: str) -> str:
        """The dotted key that holds the step size of a parameter that is learned."""
        for part in (self.synthetic, self.objective):
            if parameter in part.rates:
                return f"{part.family}.{part.rates[parameter]}"
        return "optimiser.learning_rate"

    @property
    def representation(self) -> type[Synthetic]:
        """The class of the synthetic set."""
        return REPRESENTATIONS.member(self.synthetic.kind)

    def objective_in(self, stage: Stage, store: ClipStore, compute: Compute) -> Objective:
        """The objective of a stage."""
        context = Context(
            store.stills() if stage.stills else store,
            compute,
            network=self.network,
            seed=self.seed,
            vpc=self.vpc * stage.clips_per_video,
            flip=self.flip,
            interpolation=self.synthetic.interpolation,
            segments=self.synthetic.segments,
            experts=self.experts,
        )
        return OBJECTIVES.member(self.objective.kind)(self.objective, context)

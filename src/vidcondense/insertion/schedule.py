"""When key frames are inserted, and the step that inserts them (PRISM section 3.3)."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import torch
from msgspec import Meta
from torch import Tensor

from vidcondense.base.compute import generator
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.settings import MOST, Positive, Settings, Share
from vidcondense.insertion.criteria import cosine_similarities
from vidcondense.insertion.dropping import DropEvent, Dropping, places
from vidcondense.synthetic.base import Synthetic
from vidcondense.synthetic.key_frames import KeyFrames


@dataclass(frozen=True)
class InsertionEvent:
    """One inserted key frame, and the cosines to the key frames it lay between, whatever the criterion."""

    iteration: int
    video: int
    position: int
    cosine_left: float
    cosine_right: float

    def to_dict(self) -> dict[str, Any]:
        """As a line of metrics.jsonl."""
        return {"event": "insertion", **self.__dict__}


@dataclass(frozen=True, kw_only=True)
class InsertionSettings(Settings):
    """What every kind of insertion has: only a name."""

    family: ClassVar[str] = "insertion"
    kind: str = ""


class Insertion(ABC):
    """Decides in every iteration which interpolated frames become key frames, and which are so again.

    Args:
        settings: of this kind.
        iterations: N, the length of the whole run, of which warm-up and cool-down are shares.
        seed: the recipe's, of random places.
    """

    Settings: ClassVar[type[InsertionSettings]] = InsertionSettings

    def __init__(self, settings: InsertionSettings, iterations: int, seed: int = 0) -> None:
        self.settings = settings
        self.iterations = iterations
        self.seed = seed

    @abstractmethod
    def step(
        self, iteration: int, synthetic: Synthetic, gradient: Tensor
    ) -> Sequence[InsertionEvent | DropEvent]:
        """Insert what criterion, selection and limits choose; drop first, where a kind does.

        Args:
            iteration: counted from 0.
            synthetic: the set; frames of it become key frames.
            gradient: (video, time, 3, height, width), of the loss with respect to the rendered clips.
        """

    def check(self, synthetic: Synthetic) -> None:  # noqa: B027
        """Refuse a set that nothing can be inserted into, or a limit that it cannot keep or reach.

        Raises:
            VidcondenseError: see above.
        """

    def most_values(self, synthetic: Synthetic) -> int:
        """The number of float32 values that the set may grow to."""
        return synthetic.stored_values

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must hold."""
        return {}

    def restore(self, state: dict[str, Tensor]) -> None:  # noqa: B027
        """Take over what `state` returned."""


class NoInsertion(Insertion):
    """Never inserts."""

    @dataclass(frozen=True, kw_only=True)
    class Settings(InsertionSettings):
        """Nothing to set."""

        kind: str = "none"

    def step(
        self, iteration: int, synthetic: Synthetic, gradient: Tensor
    ) -> Sequence[InsertionEvent | DropEvent]:
        return []


@dataclass(frozen=True, kw_only=True)
class ScheduleSettings(InsertionSettings):
    """When frames may be inserted, and how many."""

    warm_up: Share = 0.2
    """Share of all iterations at the start without insertion."""
    cool_down: Share = 0.2
    """Share of all iterations at the end without insertion."""
    check_every: Positive = 1
    """Iterations between checks."""
    mean_key_frames: Annotated[float, Meta(ge=0, le=MOST)] = 0.0
    """Key frames per video, on average over all, at which insertion ends; 0: no limit."""

    def check(self) -> None:
        self.refuse(
            0 < self.mean_key_frames < 1,
            f"insertion.mean_key_frames must be 0 or at least 1, not {self.mean_key_frames}",
        )


@dataclass(frozen=True)
class Check:
    """What is known when frames may be inserted.

    Attributes:
        iteration: counted from 0.
        synthetic: the set.
        cosines: (video, time, time), see `criteria.cosine_similarities`.
        adjacent: the key frames that each frame lies between, two (video, time) int64.
        dropped: (video, time) bool, the key frames that were dropped in this check.
        rng: source of random places.
    """

    iteration: int
    synthetic: KeyFrames
    cosines: Tensor
    adjacent: tuple[Tensor, Tensor]
    dropped: Tensor
    rng: torch.Generator


class Scheduled(Insertion):
    """Inserts in the iterations between warm-up and cool-down, up to a limit.

    Attributes:
        dropping: of kinds that drop key frames again, if they are set to.
    """

    settings: ScheduleSettings
    dropping: Dropping | None = None

    def __init__(self, settings: ScheduleSettings, iterations: int, seed: int = 0) -> None:
        super().__init__(settings, iterations, seed)
        self.first = math.ceil(settings.warm_up * iterations)
        self.last = math.floor((1 - settings.cool_down) * iterations)

    @abstractmethod
    def choose(self, check: Check) -> Tensor:
        """The frames to insert in a check that is due: (video, time) bool."""

    def step(
        self, iteration: int, synthetic: Synthetic, gradient: Tensor
    ) -> Sequence[InsertionEvent | DropEvent]:
        assert isinstance(synthetic, KeyFrames), "check was not called"
        gradient = self.remembered(gradient)
        if not self.is_due(iteration):
            return []
        # What is dropped first leaves its place within a limit to what is inserted then.
        drops = self.dropping.step(iteration, synthetic, gradient) if self.dropping else []
        cosines, adjacent = cosine_similarities(gradient), synthetic.adjacent_keys()
        rng = generator(self.seed, "insertion", iteration)
        dropped = places(drops, synthetic.is_key)
        chosen = self.choose(Check(iteration, synthetic, cosines, adjacent, dropped, rng))
        synthetic.insert(chosen)
        if self.dropping:
            self.dropping.inserted(iteration, synthetic, chosen)
        left, right = (cosines.gather(2, key[:, :, None])[:, :, 0] for key in adjacent)
        rows = zip(chosen.nonzero().tolist(), left[chosen].tolist(), right[chosen].tolist(), strict=True)
        inserted = [
            InsertionEvent(iteration, video, time, *cosine_pair) for (video, time), *cosine_pair in rows
        ]
        return [*drops, *inserted]

    def remembered(self, gradient: Tensor) -> Tensor:
        """The gradient that the criterion reads: this iteration's, unless a kind remembers earlier ones."""
        return gradient

    def is_due(self, iteration: int) -> bool:
        """Whether frames may be inserted in this iteration, counted from 0: warm-up <= i < N - cool-down."""
        due = self.first <= iteration < self.last
        return due and (iteration - self.first) % self.settings.check_every == 0

    def check(self, synthetic: Synthetic) -> None:
        if not isinstance(synthetic, KeyFrames):
            raise VidcondenseError(
                'insertion needs synthetic.kind = "key_frames", which alone has frames to insert; set '
                'insertion.kind = "none"'
            )
        if self.dropping and self.dropping.after > max(filter(self.is_due, range(self.last)), default=-1):
            raise VidcondenseError(
                f"insertion.drop_after = {self.dropping.after} leaves no check to drop key frames in, of "
                f"{self.iterations} iterations; choose less, or 0 to drop none"
            )
        mean = self.settings.mean_key_frames
        videos, frames = synthetic.is_key.shape
        if mean and not synthetic.key_frames <= round(min(mean, frames + 1) * videos) <= videos * frames:
            raise VidcondenseError(
                f"insertion.mean_key_frames = {mean:g} must lie between the "
                f"{synthetic.key_frames / videos:g} key frames per video at the start and all {frames}"
            )

    def most_values(self, synthetic: Synthetic) -> int:
        if not self.settings.mean_key_frames or not isinstance(synthetic, KeyFrames):
            return synthetic.most_values
        return synthetic.stored_values // synthetic.key_frames * self.limit(synthetic)

    def missing(self, synthetic: KeyFrames) -> int:
        """How many key frames there may still be inserted."""
        return self.limit(synthetic) - synthetic.key_frames

    def limit(self, synthetic: KeyFrames) -> int:
        """The most key frames of all videos together."""
        videos, frames = synthetic.is_key.shape
        mean = self.settings.mean_key_frames
        return round(mean * videos) if mean else videos * frames

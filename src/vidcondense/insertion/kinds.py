"""The kinds of insertion: the published criterion, and those of its ablations (PRISM eq. 4, Table 5)."""

import math
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from msgspec import Meta
from torch import Tensor

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.settings import Cosine, Count, Decay
from vidcondense.insertion.criteria import compared_keys, unit_distances
from vidcondense.insertion.dropping import Dropping
from vidcondense.insertion.schedule import Check, Scheduled, ScheduleSettings
from vidcondense.insertion.selection import lowest, lowest_of_all, random_scores, random_share
from vidcondense.synthetic.base import Synthetic


@dataclass(frozen=True, kw_only=True)
class TriggeredSettings(ScheduleSettings):
    """What all kinds read that compare gradients with a threshold."""

    threshold: Cosine = 0.0
    """epsilon: both cosines must be strictly below it."""
    compare: Literal["adjacent", "all"] = "adjacent"
    """The key frames that a frame is compared with: the two it lies between, or all of its video."""
    select: Literal["lowest", "all"] = "lowest"
    """lowest: per video and check the one candidate with the lowest sum of cosines; all: every candidate."""
    most: Count = 0
    """With select = "all", per video and check at most so many, the lowest sums first; 0: no limit."""
    smoothing: Decay = 0.0
    """Decay of a running mean of the frame gradients before the test; 0 reads one step, as published."""

    def check(self) -> None:
        super().check()
        self.refuse(
            self.most > 0 and self.select != "all",
            'insertion.most limits insertion.select = "all"; "lowest" inserts one frame per video and check',
        )


class Triggered(Scheduled):
    """What compares gradients of frames with a threshold."""

    settings: TriggeredSettings

    def __init__(self, settings: TriggeredSettings, iterations: int, seed: int = 0) -> None:
        super().__init__(settings, iterations, seed)
        self.mean: Tensor | None = None

    def triggered(self, check: Check) -> tuple[Tensor, Tensor]:
        """The criterion.

        Returns:
            (video, time) float32, the mean of what is compared: candidates with the lowest go first; and
            (video, time) bool, the candidates that `select` and `most` leave in each video.
        """
        settings, is_key = self.settings, check.synthetic.is_key
        compared = compared_keys(is_key, check.adjacent, settings.compare)
        measure, bound = self.measure(check.cosines)
        candidate = ((measure < bound) | ~compared).all(2) & ~is_key & ~check.dropped
        score = torch.where(compared, measure, 0.0).sum(2) / compared.sum(2)
        most = 1 if settings.select == "lowest" else settings.most or is_key.shape[1]
        return score, lowest(score, candidate, most)

    def measure(self, cosines: Tensor) -> tuple[Tensor, float]:
        """What must lie below a bound, low where a frame should be inserted, and the bound.

        Args:
            cosines: (video, time, time), of the gradients of every two frames.
        """
        return cosines, self.settings.threshold

    def remembered(self, gradient: Tensor) -> Tensor:
        """See Scheduled; the running mean with `smoothing`."""
        decay = self.settings.smoothing
        if decay == 0:
            return gradient
        old = gradient if self.mean is None else self.mean.to(gradient.device)
        self.mean = decay * old + (1 - decay) * gradient
        return self.mean

    def state(self) -> dict[str, Tensor]:
        """See Insertion; the running mean of the gradients, if there is one."""
        return {} if self.mean is None else {"mean": self.mean}

    def restore(self, state: dict[str, Tensor]) -> None:
        self.mean = state.get("mean")


@dataclass(frozen=True, kw_only=True)
class DroppingSettings(TriggeredSettings):
    """What kinds read whose gradients say where key frames are needed, and so where they no longer are."""

    drop_after: Count = 0
    """Checks drop key frames, inserted so many iterations ago or earlier, that do not lower the loss to first
    order; 0: never."""


class Gradient(Triggered):
    """Inserts where a frame's gradient opposes those of its key frames (PRISM eq. 4)."""

    @dataclass(frozen=True, kw_only=True)
    class Settings(DroppingSettings):
        kind: str = "gradient"

    def __init__(self, settings: DroppingSettings, iterations: int, seed: int = 0) -> None:
        super().__init__(settings, iterations, seed)
        self.dropping = Dropping(settings.drop_after) if settings.drop_after else None

    def choose(self, check: Check) -> Tensor:
        score, chosen = self.triggered(check)
        return lowest_of_all(score, chosen, self.missing(check.synthetic))

    def state(self) -> dict[str, Tensor]:
        """See Triggered; and since when key frames are there, where they may be dropped."""
        return {**super().state(), **(self.dropping.state() if self.dropping else {})}

    def restore(self, state: dict[str, Tensor]) -> None:
        super().restore(state)
        if self.dropping:
            self.dropping.restore(state)


class Random(Triggered):
    """Inserts in a video when and as often as `gradient` would, at random places (Table 5 B)."""

    @dataclass(frozen=True, kw_only=True)
    class Settings(TriggeredSettings):
        kind: str = "random"

    def choose(self, check: Check) -> Tensor:
        _, triggered = self.triggered(check)
        is_key = check.synthetic.is_key
        score = random_scores(is_key, check.rng)
        chosen = lowest(score, ~is_key, triggered.sum(1, keepdim=True))
        return lowest_of_all(score, chosen, self.missing(check.synthetic))


@dataclass(frozen=True, kw_only=True)
class DistanceSettings(DroppingSettings):
    """Of kinds that compare unit gradients by their L2 distance (Table 5 C)."""

    threshold: Annotated[float, Meta(gt=0, lt=2)] = 0.141
    """A distance of unit vectors, in (0, 2); 0.141 in PRISM."""


class L2Above(Gradient):
    """Inserts where the distance to both key frames is above the threshold, the largest first."""

    @dataclass(frozen=True, kw_only=True)
    class Settings(DistanceSettings):
        kind: str = "l2_above"

    def measure(self, cosines: Tensor) -> tuple[Tensor, float]:
        return -unit_distances(cosines), -self.settings.threshold


class L2Below(Gradient):
    """Inserts where the distance to both key frames is below the threshold, the smallest first."""

    @dataclass(frozen=True, kw_only=True)
    class Settings(DistanceSettings):
        kind: str = "l2_below"

    def measure(self, cosines: Tensor) -> tuple[Tensor, float]:
        return unit_distances(cosines), self.settings.threshold


class Uniform(Scheduled):
    """Inserts up to `mean_key_frames` at any time and place; no gradient plays a part."""

    @dataclass(frozen=True, kw_only=True)
    class Settings(ScheduleSettings):
        kind: str = "uniform"

        def check(self) -> None:
            super().check()
            self.refuse(
                self.mean_key_frames == 0,
                'insertion.kind = "uniform" inserts up to insertion.mean_key_frames, so that needs a value',
            )

    def check(self, synthetic: Synthetic) -> None:
        super().check(synthetic)
        if self.first >= self.last:
            raise VidcondenseError(
                "insertion.warm_up and insertion.cool_down leave no iteration to insert key frames in"
            )

    def choose(self, check: Check) -> Tensor:
        """See Scheduled. Each missing frame comes in one of the checks that are left, all equally likely."""
        checks = math.ceil((self.last - check.iteration) / self.settings.check_every)
        now = random_share(self.missing(check.synthetic), 1 / checks, check.rng)
        is_key = check.synthetic.is_key
        return lowest_of_all(random_scores(is_key, check.rng), ~is_key, now)

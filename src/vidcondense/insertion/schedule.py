"""When key frames are inserted, and the step that inserts them (PRISM section 3.3)."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vidcondense.base.compute import generator
from vidcondense.base.errors import VidcondenseError
from vidcondense.insertion.criteria import candidates, compared_keys, cosine_similarities
from vidcondense.insertion.selection import lowest, lowest_of_all, random_scores, random_share
from vidcondense.recipes.settings import InsertionSettings
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


class Insertion:
    """Decides in every iteration which interpolated frames become key frames.

    Args:
        settings: a recipe's [insertion] table.
        iterations: N, the length of the whole run, of which warm-up and cool-down are shares.
        seed: the recipe's, of random places.
    """

    def __init__(self, settings: InsertionSettings, iterations: int, seed: int = 0) -> None:
        self.settings = settings
        self.seed = seed
        self.first = math.ceil(settings.warm_up * iterations)
        self.last = math.floor((1 - settings.cool_down) * iterations)
        self.mean: Tensor | None = None

    def check(self, synthetic: Synthetic) -> None:
        """Refuse a limit that the set cannot keep or reach.

        Raises:
            VidcondenseError: see above.
        """
        mean = self.settings.mean_key_frames
        if self.settings.kind == "none" or not mean or not isinstance(synthetic, KeyFrames):
            return
        videos, frames = synthetic.is_key.shape
        if not synthetic.key_frames <= round(min(mean, frames + 1) * videos) <= videos * frames:
            raise VidcondenseError(
                f"insertion.mean_key_frames = {mean:g} must lie between the "
                f"{synthetic.key_frames / videos:g} key frames per video at the start and all {frames}"
            )
        if self.settings.kind == "uniform" and self.first >= self.last:
            raise VidcondenseError(
                "insertion.warm_up and insertion.cool_down leave no iteration to insert key frames in"
            )

    def is_due(self, iteration: int) -> bool:
        """Whether frames may be inserted in this iteration, counted from 0: warm-up <= i < N - cool-down."""
        if self.settings.kind == "none" or not self.first <= iteration < self.last:
            return False
        return (iteration - self.first) % self.settings.check_every == 0

    def most_values(self, synthetic: Synthetic) -> int:
        """The number of float32 values that the set may grow to."""
        if self.settings.kind == "none":
            return synthetic.stored_values
        if not self.settings.mean_key_frames or not isinstance(synthetic, KeyFrames):
            return synthetic.most_values
        return synthetic.stored_values // synthetic.key_frames * self._limit(synthetic)

    def step(self, iteration: int, synthetic: Synthetic, gradient: Tensor) -> list[InsertionEvent]:
        """Insert what criterion, selection and limits choose.

        Args:
            iteration: counted from 0.
            synthetic: the set; frames of it become key frames.
            gradient: (video, time, 3, height, width), of the loss with respect to the rendered clips.
        """
        if self.settings.kind == "none" or not isinstance(synthetic, KeyFrames):
            return []
        gradient = self._smoothed(gradient)
        if not self.is_due(iteration):
            return []
        cosines = cosine_similarities(gradient)
        adjacent = synthetic.adjacent_keys()
        rng = generator(self.seed, "insertion", iteration)
        if self.settings.kind == "uniform":
            chosen = self._uniform(iteration, synthetic, rng)
        else:
            chosen = self._triggered(synthetic, cosines, adjacent, rng)
        synthetic.insert(chosen)
        left, right = (cosines.gather(2, key[:, :, None])[:, :, 0] for key in adjacent)
        rows = zip(chosen.nonzero().tolist(), left[chosen].tolist(), right[chosen].tolist(), strict=True)
        return [InsertionEvent(iteration, video, time, *pair) for (video, time), *pair in rows]

    def _triggered(
        self, synthetic: KeyFrames, cosines: Tensor, adjacent: tuple[Tensor, Tensor], rng: torch.Generator
    ) -> Tensor:
        """The frames that the criterion inserts; with "random" as many of each video, anywhere in it."""
        settings, is_key = self.settings, synthetic.is_key
        compared = compared_keys(is_key, adjacent, settings.compare)
        candidate, score = candidates(settings, cosines, is_key, compared)
        most = settings.most or is_key.shape[1]
        chosen = lowest(score, candidate, 1 if settings.select == "lowest" else most)
        if settings.kind == "random":
            score = random_scores(is_key, rng)
            chosen = lowest(score, ~is_key, chosen.sum(1, keepdim=True))
        return lowest_of_all(score, chosen, self._limit(synthetic) - synthetic.key_frames)

    def _uniform(self, iteration: int, synthetic: KeyFrames, rng: torch.Generator) -> Tensor:
        """Frames anywhere. Each missing one comes in one of the checks that are left, all equally likely."""
        checks = math.ceil((self.last - iteration) / self.settings.check_every)
        missing = self._limit(synthetic) - synthetic.key_frames
        now = random_share(missing, 1 / checks, rng)
        return lowest_of_all(random_scores(synthetic.is_key, rng), ~synthetic.is_key, now)

    def _limit(self, synthetic: KeyFrames) -> int:
        """The most key frames of all videos together."""
        videos, frames = synthetic.is_key.shape
        mean = self.settings.mean_key_frames
        return round(mean * videos) if mean else videos * frames

    def _smoothed(self, gradient: Tensor) -> Tensor:
        decay = self.settings.smoothing
        if decay == 0:
            return gradient
        old = gradient if self.mean is None else self.mean.to(gradient.device)
        self.mean = decay * old + (1 - decay) * gradient
        return self.mean

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must hold: the running mean of the gradients, if there is one."""
        return {} if self.mean is None else {"mean": self.mean}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take over what `state` returned."""
        self.mean = state.get("mean")

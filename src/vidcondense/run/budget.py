"""How many videos a number of bytes holds."""

from dataclasses import dataclass

from safetensors.torch import load

from vidcondense.base.compute import Precision, choose
from vidcondense.base.errors import VidcondenseError
from vidcondense.condensed import CondensedVideos
from vidcondense.condensed.header import WORST
from vidcondense.coresets.random import Random
from vidcondense.data.store import ClipStore
from vidcondense.recipes.recipe import Recipe
from vidcondense.run.loop import artifact, check
from vidcondense.run.state import State
from vidcondense.run.teaching import with_room

SAMPLE = 32
"""Classes of which videos are coded to see what one takes."""


@dataclass(frozen=True)
class Fit:
    """What a budget holds.

    Attributes:
        recipe: with as many videos per class.
        video_bytes: what one takes at the recipe's quality before anything is learned; None where the recipe
            keeps every training video.
        most: training videos of the smallest class, which is all that can be had.
    """

    recipe: Recipe
    video_bytes: float | None
    most: int

    def describe(self) -> str:
        """In a line."""
        recipe = self.recipe
        if self.video_bytes is None:
            return f"budget {recipe.budget:,} bytes: every training video, of the quality that fills it"
        line = (
            f"budget {recipe.budget:,} bytes: {recipe.vpc} videos per class of about "
            f"{self.video_bytes:,.0f} bytes each at quality {recipe.quality}, which is then set to fill it"
        )
        if recipe.vpc == self.most:
            return (
                f"{line}; that is every training video of the smallest class: code the whole dataset instead"
            )
        return line


@dataclass(frozen=True)
class Sample:
    """What a file takes before anything is learned: bytes for all videos together, and for each."""

    shared: int
    each: float

    def of(self, videos: int) -> int:
        """Bytes of a file of so many videos."""
        return round(self.shared + self.each * videos)


def fit(
    store: ClipStore,
    recipe: Recipe,
    *,
    device: str = "auto",
    precision: Precision = "auto",
    known: Sample | None = None,
) -> Fit:
    """As many videos per class as a recipe's budget holds at its quality.

    Args:
        store: the real videos.
        recipe: with a budget.
        device: where it learns.
        precision: the same as when it does.
        known: what `sampled` gives for the recipe as it is `judged`, if it is at hand.

    Raises:
        VidcondenseError: the budget does not hold one video of each class, or every training video where all
            are kept.
    """
    check(store, recipe)
    found = known or sampled(store, judged(recipe), device=device, precision=precision)
    classes, most = len(store.class_names), min(len(videos) for videos in store.by_class("train"))
    if recipe.unread("vpc"):
        least = found.of(recipe.videos(store))
        if least > recipe.budget:
            raise VidcondenseError(
                f"a budget of {recipe.budget:,} bytes does not hold every training video, which takes about "
                f"{least:,} bytes at the lowest quality; choose smaller frames (synthetic.size)"
            )
        return Fit(recipe, None, most)
    room = int((recipe.budget - found.shared) / (found.each * classes))
    if room < 1:
        raise VidcondenseError(
            f"a budget of {recipe.budget:,} bytes does not hold one video of each class, which takes about "
            f"{found.of(classes):,} bytes at quality {recipe.quality}; choose a larger number for quality, "
            "or smaller frames (synthetic.size)"
        )
    return Fit(recipe.replace(vpc=min(room, most)), found.each, most)


def judged(recipe: Recipe) -> Recipe:
    """The recipe with the quality that decides whether a budget is enough: where all is kept, the lowest."""
    return recipe.replace(quality=WORST) if recipe.unread("vpc") else recipe


def sampled(
    store: ClipStore, recipe: Recipe, *, device: str = "auto", precision: Precision = "auto"
) -> Sample:
    """What files of a recipe take, by one video of each of some classes; its budget does not matter."""
    if recipe.unread("vpc"):
        recipe = recipe.replace(coreset=Random.Settings())
    some = store.only(range(min(SAMPLE, len(store.class_names))))
    state = State.start(some, recipe.replace(vpc=1, budget=0), choose(device, precision))
    made: CondensedVideos = with_room(artifact(state), recipe)
    data = made.packed()
    used = sum(tensor.nbytes for tensor in load(data).values())
    return Sample(len(data) - used, used / made.videos)

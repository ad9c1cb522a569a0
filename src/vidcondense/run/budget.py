"""How many videos a number of bytes holds."""

import re
from dataclasses import dataclass

from safetensors.torch import load

from vidcondense.base.compute import Precision, choose
from vidcondense.base.errors import VidcondenseError
from vidcondense.condensed import CondensedVideos
from vidcondense.data.store import ClipStore
from vidcondense.recipes.recipe import Recipe
from vidcondense.run.loop import artifact, check
from vidcondense.run.state import State

SAMPLE = 32
"""Classes of which videos are coded to see what one takes."""
UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "KIB": 2**10, "MIB": 2**20}


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


def fit(store: ClipStore, recipe: Recipe, *, device: str = "auto", precision: Precision = "auto") -> Fit:
    """As many videos per class as a recipe's budget holds at its quality.

    Judged by what the recipe starts from, one video of each of some classes.

    Raises:
        VidcondenseError: the budget does not hold one video of each class.
    """
    check(store, recipe)
    some = store.only(range(min(SAMPLE, len(store.class_names))))
    most = min(len(videos) for videos in store.by_class("train"))
    if recipe.unread("vpc"):
        return Fit(recipe, None, most)
    state = State.start(some, recipe.replace(vpc=1), choose(device, precision))
    made: CondensedVideos = artifact(state)
    data = made.packed()
    used = sum(tensor.nbytes for tensor in load(data).values())
    shared, each = len(data) - used, used / made.videos
    classes = len(store.class_names)
    room = int((recipe.budget - shared) / (each * classes))
    if room < 1:
        least = round(shared + each * classes)
        raise VidcondenseError(
            f"a budget of {recipe.budget:,} bytes does not hold one video of each class, which takes about "
            f"{least:,} bytes at quality {recipe.quality}; choose a larger number for quality, or smaller "
            "frames (synthetic.size)"
        )
    return Fit(recipe.replace(vpc=min(room, most)), each, most)


def parse(text: str) -> int:
    """Bytes of "64KB", "1.5 MiB" or "65536".

    Raises:
        VidcondenseError: it is something else, or nothing.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KM]?i?B?)\s*", text, re.IGNORECASE)
    unit = UNITS.get(found[2].upper()) if found else None
    count = int(float(found[1]) * unit) if found and unit else 0
    if count < 1:
        raise VidcondenseError(f"--budget wants a number of bytes such as 64KB or 1MiB, not {text!r}")
    return count

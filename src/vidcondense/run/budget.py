"""What a number of bytes is spent on: videos, their quality and size, and key frames."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from safetensors.torch import load

from vidcondense.base.compute import Precision, choose
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.units import plural
from vidcondense.condensed import CondensedVideos
from vidcondense.condensed.enlargement import SMALLEST
from vidcondense.condensed.header import WORST
from vidcondense.coresets.random import Random
from vidcondense.data.store import ClipStore
from vidcondense.insertion.schedule import ScheduleSettings
from vidcondense.recipes.load import load as load_recipe
from vidcondense.recipes.recipe import Recipe
from vidcondense.run.artifact import artifact
from vidcondense.run.loop import check
from vidcondense.run.state import State
from vidcondense.run.teaching import with_room
from vidcondense.synthetic.key_frames import KeyFrames

SAMPLE = 32
"""Classes of which videos are coded to see what one takes."""
CHOSEN = ("vpc", "quality", "synthetic.size", "insertion.mean_key_frames")
"""Keys of a recipe that `fit` chooses."""
AIM = 55.0
"""Quality at which videos are counted unless one is named: more videos are worth more than better ones."""
FEW, FAINT = 4, 62.5
"""Where fewer videos per class fit and nothing is learned, so many are kept at a quality down to this one."""
QUALITIES = (AIM, (AIM + WORST) / 2, WORST)
"""What is tried one after another until a video of each class fits."""
SPARE = 0.9
"""Of a budget, what a sample at the lowest quality may take where a video more than fits is tried."""
PARTS = (1, 2, 4)
"""Parts of a side that frames are stored with, tried in turn where no quality is low enough."""


@dataclass(frozen=True)
class Fit:
    """What a budget holds.

    Attributes:
        recipe: with as many videos per class, and what else was chosen.
        video_bytes: what one takes at the recipe's quality before anything is learned; None where the recipe
            keeps every training video.
        whole: what the whole training set takes as coded video at the recipe's quality.
    """

    recipe: Recipe
    video_bytes: float | None
    whole: int

    def describe(self) -> str:
        """In a line."""
        recipe, side = self.recipe, self.recipe.synthetic.size
        size = f", stored with {side} x {side} pixels" if side else ""
        if self.video_bytes is None:
            return f"budget {recipe.budget:,} bytes: every training video{size}, of the quality that fills it"
        line = (
            f"budget {recipe.budget:,} bytes: {plural(recipe.vpc, 'video')} per class"
            f"{', or all that it has,' if recipe.coreset and recipe.coreset.takes_fewer else ''} of about "
            f"{self.video_bytes:,.0f} bytes each at quality {recipe.quality:g}{size}, which is then set to "
            "fill it"
        )
        if limit := getattr(recipe.insertion, "mean_key_frames", 0.0):
            line += f"; at most {limit:g} key frames per video on average"
        if self.whole <= recipe.budget:
            line += (
                f"; as coded video the whole dataset takes {self.whole:,} bytes, so keep it instead "
                "(--recipe every_video)"
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

    def room(self, budget: int, videos: int) -> float:
        """Bytes that a budget leaves for each of so many videos."""
        return (budget - self.shared) / videos


class Samples:
    """What files of recipes take, by one video of each of some classes; each recipe is tried once.

    Args:
        store: the real videos.
        device: where recipes learn.
        precision: the same as when they do.
    """

    def __init__(self, store: ClipStore, *, device: str = "auto", precision: Precision = "auto") -> None:
        self.store = store
        self._compute = choose(device, precision)
        self._known: dict[Recipe, Sample] = {}

    def of(self, recipe: Recipe) -> Sample:
        """That of a recipe; its budget and its number of videos do not matter."""
        if recipe.unread("vpc"):
            recipe = recipe.replace(coreset=Random.Settings())
        one = recipe.replace(vpc=1, budget=0)
        if one not in self._known:
            self._known[one] = self._of(one)
        return self._known[one]

    def _of(self, recipe: Recipe) -> Sample:
        some = self.store.only(range(min(SAMPLE, len(self.store.class_names))))
        state = State.start(some, recipe, self._compute)
        made: CondensedVideos = with_room(artifact(state), recipe)
        data = made.packed()
        used = sum(tensor.nbytes for tensor in load(data).values())
        return Sample(len(data) - used, used / made.videos)


def fit(samples: Samples, recipe: Recipe, fixed: Collection[str] = ()) -> Fit:
    """As many videos per class as a recipe's budget holds.

    They have the quality `AIM`, or the recipe's where that is lower, and the recipe's size; where not one
    video of each class fits, a lower quality and then a smaller size. Where key frames are inserted without a
    limit, and all of them might not fit at the lowest quality, insertion gets one.

    More videos are worth more than better ones until there are a few, then less, as held-out training videos
    of JHMDB-21 say (docs/storage.md).

    Args:
        samples: of the real videos.
        recipe: with a budget.
        fixed: keys that stay as they are: quality, synthetic.size.

    Raises:
        VidcondenseError: the budget does not hold one video of each class, or every training video where all
            are kept.
    """
    store = samples.store
    check(store, recipe)
    classes = len(store.class_names)
    everything = bool(recipe.unread("vpc"))
    if not everything and "quality" not in fixed:
        recipe = recipe.replace(quality=max(recipe.quality, AIM))
    least = recipe.videos(store) if everything else classes
    kept = load_recipe("every_video", overrides={"quality": recipe.quality})
    whole = samples.of(kept).of(kept.videos(store))
    sizes: dict[int, Recipe] = {}
    for tried in _choices(store, recipe, everything, fixed):
        found = samples.of(tried)
        sizes[found.of(least)] = tried
        room = (recipe.budget - found.shared) / found.each
        if room < least:
            continue
        if everything:
            return Fit(tried.replace(quality=recipe.quality), None, whole)
        chosen = _nearest(samples, tried, room)
        if chosen.vpc < FEW and "quality" not in fixed and not recipe.all_iterations:
            chosen = _faint(samples, chosen)
        return Fit(_limited(samples, chosen), samples.of(chosen).each, whole)
    held = "every training video" if everything else "one video of each class"
    smallest = min(sizes)
    tried = sizes[smallest]
    side = f" and size {tried.synthetic.size}" if tried.synthetic.size else ""
    mends = {"quality": "a larger number for quality", "synthetic.size": "smaller frames (synthetic.size)"}
    mend = " or ".join(mends[key] for key in mends if key in fixed) or "more bytes"
    raise VidcondenseError(
        f"a budget of {recipe.budget:,} bytes does not hold {held}, which takes about "
        f"{smallest:,} bytes at quality {tried.quality:g}{side}; choose {mend}"
    )


def _nearest(samples: Samples, recipe: Recipe, room: float) -> Recipe:
    """The recipe with as many videos per class as come nearest, by their ratio, to so many in all.

    More than these have a lower quality then, if there is one that is low enough.
    """
    store = samples.store
    sizes = [len(videos) for videos in store.by_class("train")]
    fewer = recipe.coreset is not None and recipe.coreset.takes_fewer
    most, vpc = max(sizes) if fewer else min(sizes), 1

    def videos(count: int) -> int:
        return recipe.replace(vpc=count).videos(store)

    while vpc < most and videos(vpc + 1) <= room:
        vpc += 1
    grows = recipe.all_iterations > 0  # what is learned may take more than it did at the start
    if vpc < most and not grows and videos(vpc) * videos(vpc + 1) <= room**2:
        lowest = samples.of(recipe.replace(quality=WORST)).of(videos(vpc + 1))
        vpc += lowest <= SPARE * recipe.budget
    return recipe.replace(vpc=vpc)


def _faint(samples: Samples, recipe: Recipe) -> Recipe:
    """The recipe with more videos of a lower quality, up to a few; where no more fit, as it is."""
    faint = recipe.replace(quality=max(recipe.quality, FAINT))
    found = samples.of(faint)
    more = _nearest(samples, faint, (recipe.budget - found.shared) / found.each)
    return more.replace(vpc=min(more.vpc, FEW)) if more.vpc > recipe.vpc else recipe


def _choices(store: ClipStore, recipe: Recipe, everything: bool, fixed: Collection[str]) -> Iterator[Recipe]:
    """The recipe with what is tried in turn; where all is kept, the lowest quality tells what fits."""
    full = recipe.synthetic.size or store.size
    sides = [full] if "synthetic.size" in fixed else [full // part for part in PARTS]
    qualities = [one for one in QUALITIES if one > recipe.quality] if "quality" not in fixed else []
    for side in sides:
        if side < SMALLEST and side != full:
            continue
        size = recipe.synthetic.size if side == full else side
        sized = recipe.replace(synthetic=recipe.synthetic.replace(size=size))
        for quality in [WORST] if everything else [recipe.quality, *qualities]:
            yield sized.replace(quality=quality)


def _limited(samples: Samples, recipe: Recipe) -> Recipe:
    """The recipe with a limit of insertion where all key frames might not fit at the lowest quality."""
    settings, synthetic = recipe.insertion, recipe.synthetic
    unlimited = isinstance(settings, ScheduleSettings) and not settings.mean_key_frames
    if not (unlimited and isinstance(synthetic, KeyFrames.Settings)):
        return recipe
    videos, start = recipe.videos(samples.store), synthetic.initial_key_frames
    lowest = samples.of(recipe.replace(quality=WORST))
    # A key frame more takes no more than those at the start: it is coded from its neighbours.
    mean = start * lowest.room(recipe.budget, videos) / lowest.each
    if mean >= samples.store.frames:
        return recipe
    return recipe.replace(insertion=settings.replace(mean_key_frames=max(float(start), round(mean, 1))))

"""What all coresets share: their interface, refusals, and selection class by class from features."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.settings import Positive, Settings
from vidcondense.data.batches import RealBatch, windows_by_class
from vidcondense.data.store import ClipStore

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Features (clip, feature) of each batch in turn; costs nothing until it is called.
Embed = Callable[[Sequence[RealBatch]], Iterator[Floats]]
# Which rows of features (clip, feature) to keep: (count,) int64, distinct.
Rule = Callable[[Floats, int], Ints]


@dataclass(frozen=True, kw_only=True)
class CoresetSettings(Settings):
    """What every coreset has: only a name."""

    family: ClassVar[str] = "coreset"
    chooses: ClassVar[bool] = True
    """Whether it keeps `vpc` videos of each class; else it keeps all there are."""
    takes_fewer: ClassVar[bool] = False
    """Whether a class with fewer videos than `vpc` gives all of them; else it is refused."""

    kind: str = ""

    def reads(self) -> tuple[str, ...]:
        """Which of the recipe's keys `network` and `flip` selecting reads."""
        return ()


@dataclass(frozen=True, kw_only=True)
class FeatureSettings(CoresetSettings):
    """What coresets read that select by features."""

    features: Literal["random", "trained"] = "random"
    """What clips are selected by: features of a network with random weights, or trained on real clips."""
    networks: Positive = 1
    """Random networks whose features stand side by side."""

    def check(self) -> None:
        self.refuse(
            self.networks > 1 and self.features != "random",
            f'coreset.networks = {self.networks} are random ones; with coreset.features = "{self.features}" '
            "one network is trained, so leave it out",
        )

    def reads(self) -> tuple[str, ...]:
        """See CoresetSettings; training mirrors clips."""
        return ("network", "flip") if self.features == "trained" else ("network",)


class Coreset(ABC):
    """Chooses which real clips to keep.

    Args:
        settings: of this kind.
    """

    Settings: ClassVar[type[CoresetSettings]] = CoresetSettings

    def __init__(self, settings: CoresetSettings) -> None:
        self.settings = settings

    @classmethod
    def default(cls) -> Self:
        """With the settings that recipes have by default."""
        return cls(cls.Settings())

    @abstractmethod
    def select(self, store: ClipStore, vpc: int, rng: np.random.Generator, embed: Embed) -> RealBatch:
        """The clips kept, labels ascending.

        Args:
            store: the real videos; in a shard of a run limited to some classes (`ClipStore.only`). Draw with
                `data/batches.py`, so that what is drawn of a class does not depend on that.
            vpc: training clips to keep of each class.
            rng: source of all choices.
            embed: gives the features (clip, feature) of batches of clips; costs nothing until it is called.

        Raises:
            VidcondenseError: a class has fewer training videos than `vpc`.
        """


class ByFeatures(Coreset):
    """A coreset that selects by a rule on features, class by class."""

    Settings: ClassVar[type[CoresetSettings]] = FeatureSettings

    @staticmethod
    @abstractmethod
    def rule(features: Floats, count: int) -> Ints:
        """Which rows of features (clip, feature) of one class to keep: (count,) int64, distinct."""

    def select(self, store: ClipStore, vpc: int, rng: np.random.Generator, embed: Embed) -> RealBatch:
        return select_by_features(store, vpc, rng, embed, self.rule)


def no_features(batches: Sequence[RealBatch]) -> Iterator[Floats]:
    """For coresets that read no features."""
    raise ValueError("this coreset selects by features: pass embed")


def refuse_small_classes(store: ClipStore, vpc: int) -> None:
    """Refuse a store of which a class has fewer training videos than `vpc`.

    Raises:
        VidcondenseError: it names the class.
    """
    for name, videos in zip(store.class_names, store.whole.by_class("train"), strict=True):
        if len(videos) < vpc:
            raise VidcondenseError(
                f"class {name!r} has {len(videos)} training videos, fewer than vpc {vpc}; "
                f"choose a smaller --vpc"
            )


def select_by_features(
    store: ClipStore, vpc: int, rng: np.random.Generator, embed: Embed, rule: Rule
) -> RealBatch:
    """Draw one window of every training video, and of each class keep those that a rule picks by features.

    Of a store that is limited to some classes (`ClipStore.only`) only these are embedded; what is kept of a
    class does not depend on it.

    Args:
        store: the real videos.
        vpc: clips to keep per class.
        rng: draws the windows; they do not depend on `vpc`.
        embed: the features of windows.
        rule: chooses among the features of one class.

    Returns:
        The windows kept, as they were embedded, in the order in which the rule picked them.

    Raises:
        VidcondenseError: a class has fewer training videos than `vpc`.
    """
    refuse_small_classes(store, vpc)
    classes = windows_by_class(store, rng)
    rows = [rule(features, vpc) for features in embed(classes)]
    kept = [(windows.videos[row], windows.starts[row]) for windows, row in zip(classes, rows, strict=True)]
    videos, starts = (np.concatenate(columns) for columns in zip(*kept, strict=True))
    return RealBatch.unflipped(store, videos, starts)


def squared_distances(features: Floats, point: Floats) -> Floats:
    """(clip,) from each row of features (clip, feature) to a point (feature,)."""
    distances: Floats = np.square(features - point).sum(1)
    return distances

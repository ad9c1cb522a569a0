"""What all coresets share: their interface, refusals, and selection class by class from features."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from vidcondense.base.errors import VidcondenseError
from vidcondense.data.batches import RealBatch
from vidcondense.data.store import ClipStore

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Features (clip, feature) of each batch in turn; costs nothing until it is called.
Embed = Callable[[Sequence[RealBatch]], Iterator[Floats]]
# Which rows of features (clip, feature) to keep: (count,) int64, distinct.
Rule = Callable[[Floats, int], Ints]
# From (store, videos per class, source of all choices, features) to the clips kept, labels ascending.
Coreset = Callable[[ClipStore, int, np.random.Generator, Embed], RealBatch]


def no_features(batches: Sequence[RealBatch]) -> Iterator[Floats]:
    """For coresets that read no features."""
    raise ValueError("this coreset selects by features: pass embed")


def refuse_small_classes(store: ClipStore, vpc: int) -> None:
    """Refuse a store of which a class has fewer training videos than `vpc`.

    Raises:
        VidcondenseError: it names the class.
    """
    for name, videos in zip(store.class_names, store.by_class("train"), strict=True):
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
    drawn = [_windows(store, videos, rng) for videos in store.by_class("train")]
    classes = drawn[store.part.start : store.part.stop]
    rows = [rule(features, vpc) for features in embed(classes)]
    kept = [(one.videos[row], one.starts[row]) for one, row in zip(classes, rows, strict=True)]
    videos, starts = (np.concatenate(columns) for columns in zip(*kept, strict=True))
    return _clips(store, videos, starts)


def _windows(store: ClipStore, videos: Ints, rng: np.random.Generator) -> RealBatch:
    return _clips(store, videos, store.random_starts(videos, rng))


def _clips(store: ClipStore, videos: Ints, starts: Ints) -> RealBatch:
    return RealBatch(videos, starts, np.zeros(len(videos), dtype=np.bool_), store.labels[videos])


def squared_distances(features: Floats, point: Floats) -> Floats:
    """(clip,) from each row of features (clip, feature) to a point (feature,)."""
    distances: Floats = np.square(features - point).sum(1)
    return distances

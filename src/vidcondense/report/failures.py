"""Where a run fails: its worst classes, what they are taken for, and their frames beside real ones.

The papers look at failures by eye (PRISM supplement C, Figure 5) and find two kinds: classes whose first and
last frames hardly differ, and fast or abrupt motion that a few frames do not follow.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from vidcondense.base.errors import VidcondenseError
from vidcondense.condensed import CondensedVideos
from vidcondense.condensed.pictures import Pixels, jpeg
from vidcondense.data.index import is_store
from vidcondense.data.store import ClipStore
from vidcondense.report.clips import JPEG, data_uri
from vidcondense.report.run import Run

MOST = 4
"""Classes that are shown."""
MOST_FRAMES, MOST_SIZE, JPEG_STEP = 16, 64, 4
NOT_STORED = 200
"""The grey of a frame that is not stored."""


@dataclass(frozen=True)
class Strip:
    """Frames of a clip side by side.

    Attributes:
        title: what they are.
        uri: the picture, as a data URI.
        ends: mean difference of the first and the last frame, as a share of the range of values.
        fastest: the same of the two consecutive frames that differ most; of a condensed clip, stored ones.
    """

    title: str
    uri: str
    ends: float
    fastest: float


@dataclass(frozen=True)
class Failure:
    """A class that networks trained on the condensed set often get wrong.

    Attributes:
        name: of the class.
        accuracy: share of its test cases that are right.
        taken_for: the class that it is most often taken for instead.
        share: how often that is.
        strips: the condensed clip; and a real training clip of both classes, where the store is at hand.
    """

    name: str
    accuracy: float
    taken_for: str
    share: float
    strips: tuple[Strip, ...]


def failures(run: Run) -> list[Failure]:
    """The classes of lowest accuracy in the run's first evaluation, lowest first; only with mistakes."""
    evaluation, condensed = run.evaluation, run.condensed
    if evaluation is None or condensed is None or len(evaluation.confusion) != len(run.class_names):
        return []
    counts = np.array(evaluation.confusion, dtype=np.float64)
    shares = counts / counts.sum(1, keepdims=True).clip(min=1)
    wrong = shares - np.diag(np.diag(shares))
    worst = [label for label in np.argsort(np.diag(shares), kind="stable").tolist() if wrong[label].any()]
    store = store_of(run.store)
    found = []
    for label in worst[:MOST]:
        other = int(wrong[label].argmax())
        strips = [_condensed_strip(condensed, label)]
        if store is not None:
            strips += [_real_strip(store, one) for one in (label, other)]
        found.append(
            Failure(
                name=run.class_names[label],
                accuracy=float(shares[label, label]),
                taken_for=run.class_names[other],
                share=float(wrong[label, other]),
                strips=tuple(strips),
            )
        )
    return found


def store_of(known: Mapping[str, object]) -> ClipStore | None:
    """The store that a run says it was made from, if it is there and still the same."""
    path = Path(str(known.get("path") or ""))
    try:
        if not path.is_absolute() or not is_store(path):
            return None
        store = ClipStore.open(path, str(known.get("split")))
        whole = all(map(len, store.by_class("train")))
    except (VidcondenseError, OSError, ValueError):
        return (
            None  # a report is of what a run folder says; a store that cannot be read takes nothing from it
        )
    return store if whole and store.fingerprint == known.get("fingerprint") else None


def _condensed_strip(condensed: CondensedVideos, label: int) -> Strip:
    """The first video of a class, grey where a frame is not stored."""
    video = condensed.labels.tolist().index(label)
    stored = condensed.key_positions()[video]
    pixels = condensed.pixels([video])[0]
    kept = pixels[stored]
    shown = pixels.clone()
    shown[[time for time in range(len(pixels)) if time not in stored]] = NOT_STORED
    return Strip("the condensed clip", _picture(shown, stored), *_changes(kept))


def _real_strip(store: ClipStore, label: int) -> Strip:
    """The middle window of the first training video of a class."""
    videos = store.by_class("train")[label][:1]
    clip = store.read(videos, store.even_starts(videos, 1).reshape(-1))[0]
    title = f"a real training clip of {store.class_names[label]}"
    return Strip(title, _picture(clip, []), *_changes(clip))


def _changes(frames: Tensor) -> tuple[float, float]:
    """`ends` and `fastest` of (time, 3, height, width) uint8."""
    values = frames.float() / 255
    steps = (values[1:] - values[:-1]).abs().mean((1, 2, 3))
    return float((values[-1] - values[0]).abs().mean()), float(steps.max()) if len(steps) else 0.0


def _picture(frames: Tensor, always: list[int]) -> str:
    """(time, 3, height, width) uint8 side by side with a white gap: some of many, thinned where large."""
    times = list(range(len(frames)))
    if len(times) > MOST_FRAMES:
        even = np.linspace(0, len(times) - 1, MOST_FRAMES).round().astype(int).tolist()
        times = sorted({*even, *always[:MOST_FRAMES]})
    thinned = -(-max(frames.shape[2:]) // MOST_SIZE)
    pixels: Pixels = frames[times][:, :, ::thinned, ::thinned].permute(0, 2, 3, 1).numpy()
    apart = np.pad(pixels, ((0, 0), (0, 0), (0, 2), (0, 0)), constant_values=255)
    data = jpeg(np.concatenate(list(apart), 1), JPEG_STEP)
    return data_uri(JPEG, data)

"""Sets made of the videos of other sets: some of their classes, other labels, several sets as one."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.names import alike, how_alike, listed, nearest, without
from vidcondense.condensed.header import Storage
from vidcondense.condensed.provenance import derived

if TYPE_CHECKING:
    from vidcondense.condensed.base import CondensedVideos

T = TypeVar("T", bound="CondensedVideos")
SURE = 255
"""A soft label of which there is no doubt."""
_WIDTH = get_args(Storage)[::-1]
"""Every `Storage`, the widest last."""


def select(condensed: T, class_names: Sequence[str]) -> T:
    """See `CondensedVideos.select`."""
    _check_names(class_names, condensed.class_names)
    return replace(_chosen([condensed], class_names), provenance=derived([condensed]))


def videos_of(condensed: T, clips: Sequence[int]) -> T:
    """The videos that render to `clips`, in that order; see `CondensedVideos.__getitem__`."""
    each = condensed.clips_per_video
    videos = torch.tensor([clip // each for clip in clips[::each]], dtype=torch.int64)
    if not len(videos):
        raise VidcondenseError(f"the slice has no clip; the set has {len(condensed)}, and no set is empty")
    chosen = _clips(videos, each)
    if chosen.tolist() != list(clips):
        raise VidcondenseError(
            f"the {each} clips that a video renders to stay together; slice from a multiple of {each} to "
            f"another, such as [0:{each}]"
        )
    targets, soft = condensed.targets, condensed.soft_labels
    return replace(
        condensed,
        **_rows([condensed], videos),
        labels=condensed.labels[chosen],
        targets=None if targets is None else targets[chosen],
        soft_labels=None if soft is None else soft[chosen],
        provenance=derived([condensed]),
    )


def rename(condensed: T, names: Mapping[str, str]) -> T:
    """See `CondensedVideos.renamed`."""
    for name in names:
        _refuse_unknown(name, condensed.class_names)
    renamed = tuple(names.get(name, name) for name in condensed.class_names)
    _refuse_repeated(renamed)
    return replace(condensed, class_names=renamed, provenance=derived([condensed]))


def merge(
    sets: Sequence["CondensedVideos"],
    class_names: Sequence[str] | None = None,
    *,
    called: Sequence[str] | None = None,
) -> "CondensedVideos":
    """One set of the videos of several.

    Of a class that several sets have it holds the videos of all, in the order of the sets; of a class that
    one has, those of that one. The content is joined as it is: nothing is computed anew but labels. A step
    size that was learned is kept if all sets have the same, frames are stored as the set with the widest
    `storage` stores them, and the provenance of all is kept (`condensed.provenance`).

    Args:
        sets: condensed sets of the same kind, frames, size, mean, std and whatever all videos share, such as
            interpolation or a hallucinator.
        class_names: the classes to take, in the order of their labels; by default all, in the order of the
            sets where it is the same in all, else sorted, as stores have them.
        called: what messages call the sets; by default "set 1" and so on.

    Raises:
        VidcondenseError: sets do not go together, a class is not there or named twice, or names in two sets
            differ in case or Unicode form alone and `class_names` does not say which to take.
    """
    if not sets:
        raise VidcondenseError("there is no set to merge; name at least one")
    words = [f"set {number}" for number in range(1, len(sets) + 1)] if called is None else list(called)
    for other, word in zip(sets[1:], words[1:], strict=True):
        if problem := _difference(sets[0], other, words[0], word):
            raise VidcondenseError(problem)
    union = {name: None for one in sets for name in one.class_names}
    if class_names is None:
        _refuse_alike(sets, words)
        same = len({tuple(one.class_names) for one in sets}) == 1
        class_names = sets[0].class_names if same else sorted(union)
    _check_names(class_names, list(union))
    _check_targets(sets, class_names, words)
    rates = {one.learning_rate for one in sets}
    return replace(
        _chosen(sets, class_names),
        learning_rate=sets[0].learning_rate if len(rates) == 1 else None,
        storage=max((one.storage for one in sets), key=_WIDTH.index),
        quality=min(one.quality for one in sets),
        known=reduce(or_, (one.known for one in sets)),
        provenance=derived(sets),
    )


def _chosen(sets: Sequence[T], class_names: Sequence[str]) -> T:
    """The first set with the videos of all that are of some classes, those of a class side by side."""
    first, each = sets[0], sets[0].clips_per_video
    place = {name: label for label, name in enumerate(class_names)}
    labels = torch.tensor([place.get(one.class_names[label], -1) for one in sets for label in _labels(one)])
    order = labels.sort(stable=True).indices
    videos = order[labels[order] >= 0]
    if not len(videos):
        raise VidcondenseError(f"there is no video of {listed(list(class_names))}")
    clips = _clips(videos, each)
    targets = [_columns(one.targets, one.class_names, class_names) for one in sets if one.targets is not None]
    soft = any(one.soft_labels is not None for one in sets)
    return replace(
        first,
        **_rows(sets, videos),
        labels=labels[videos].repeat_interleave(each),
        class_names=tuple(class_names),
        targets=torch.cat(targets)[clips] if targets else None,
        soft_labels=_soft_labels(sets, class_names)[clips] if soft else None,
    )


def _labels(condensed: "CondensedVideos") -> list[int]:
    """The label of each video."""
    return [int(label) for label in condensed.labels[:: condensed.clips_per_video]]


def _clips(videos: Tensor, each: int) -> Tensor:
    """The numbers of the clips of `videos`, `each` for a video: int64."""
    return (videos[:, None] * each + torch.arange(each)).flatten()


def _columns(values: Tensor, have: Sequence[str], wanted: Sequence[str]) -> Tensor:
    """Values (clip, class) for other classes; 0 for those that it has none of."""
    places = {name: column for column, name in enumerate(have)}
    padded = torch.cat([values, torch.zeros_like(values[:, :1])], 1)
    return padded[:, [places.get(name, -1) for name in wanted]]


def _soft_labels(sets: Sequence[T], class_names: Sequence[str]) -> Tensor:
    """Those of all clips for other classes; a set without any knows labels alone, as where none are left."""
    made = []
    for one in sets:
        sure = SURE * F.one_hot(one.labels, len(one.class_names)).to(torch.uint8)
        soft = sure if one.soft_labels is None else one.soft_labels
        kept, own = (_columns(values, one.class_names, class_names) for values in (soft, sure))
        made.append(torch.where(kept.sum(1, keepdim=True) > 0, kept, own))
    return torch.cat(made)


def _rows(sets: Sequence[T], videos: Tensor) -> dict[str, Any]:
    """The attributes that have rows of each video, for `videos` of all sets, counted through."""
    counts = [one.rows_per_video() for one in sets]
    made: dict[str, Tensor] = {}
    for name in counts[0]:
        every = torch.cat([getattr(one, name) for one in sets])
        parts = every.split(torch.cat([count[name] for count in counts]).tolist())
        made[name] = torch.cat([parts[video] for video in videos.tolist()])
    return made


def _difference(one: "CondensedVideos", other: "CondensedVideos", us: str, them: str) -> str | None:
    """Why two sets cannot be merged, with the mend; None where they can."""
    if type(one) is not type(other):
        return (
            f"{us} stores {one.representation}, {them} {other.representation}; "
            "merge sets of one representation"
        )
    shapes = [f"{made.frames} frames of {made.size[0]}x{made.size[1]}" for made in (one, other)]
    if shapes[0] != shapes[1]:
        return (
            f"{us} has clips of {shapes[0]}, {them} of {shapes[1]}; condense both from stores prepared with "
            "the same --frames and --size"
        )
    for name in ("mean", "std"):
        values = getattr(one, name), getattr(other, name)
        if values[0] != values[1]:
            return (
                f"{us} is normalised with {name} {values[0]}, {them} with {values[1]}; bring the key frames "
                "of one to those of the other first: (key_frames * std + mean - other mean) / other std"
            )
    theirs = other.shared_content()
    for name, value in one.shared_content().items():
        if not _equal(value, theirs[name]):
            what = one.shared_names.get(name, f"{name} ({value!r} and {theirs[name]!r})")
            return (
                f"{us} and {them} differ in {what}, which all videos of a set share; merge sets that have "
                "the same, or condense all classes in one run"
            )
    return None


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return torch.equal(one, other)
    return bool(one == other)


def _check_targets(
    sets: Sequence["CondensedVideos"], class_names: Sequence[str], words: Sequence[str]
) -> None:
    """Refuse learned labels that some sets lack, or that have no value for a class."""
    learned = [word for one, word in zip(sets, words, strict=True) if one.targets is not None]
    if learned and len(learned) < len(sets):
        lacks = next(word for word in words if word not in learned)
        raise VidcondenseError(f"{learned[0]} has learned labels, {lacks} has none; merge sets of one kind")
    for one, word in zip(sets, words, strict=True) if learned else ():
        if absent := without(class_names, set(one.class_names)):
            raise VidcondenseError(
                f"the learned labels of {word} have no value for {listed(absent)}; merge sets of the same "
                "classes, or condense all classes in one run"
            )


def _check_names(class_names: Sequence[str], known: Sequence[str]) -> None:
    """Refuse no classes, unknown ones, and one that is named twice."""
    if not class_names:
        raise VidcondenseError("no class is named; name at least one")
    for name in class_names:
        _refuse_unknown(name, known)
    _refuse_repeated(class_names)


def _refuse_unknown(name: str, known: Sequence[str]) -> None:
    if name not in known:
        raise VidcondenseError(f"there is no class {name!r}; did you mean {nearest(name, known)!r}?")


def _refuse_repeated(class_names: Sequence[str]) -> None:
    repeated = [name for name in class_names if class_names.count(name) > 1]
    if repeated:
        raise VidcondenseError(f"two classes would be called {repeated[0]!r}; name each class once")


def _refuse_alike(sets: Sequence["CondensedVideos"], words: Sequence[str]) -> None:
    """Refuse names that differ in case or Unicode form alone."""
    for number, (one, word) in enumerate(zip(sets, words, strict=True)):
        for before, earlier in zip(sets[:number], words, strict=False):
            if pairs := alike(before.class_names, one.class_names):
                raise VidcondenseError(
                    f"of the classes of {earlier} and {word} {how_alike(pairs)}; give the classes with "
                    "--classes-of STORE, in whose spelling they are then, or all of them with --class, which "
                    "keeps such names apart"
                )

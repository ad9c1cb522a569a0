"""A condensed set in a line, as a page of moving clips, and beside another."""

from typing import TYPE_CHECKING, Any

import torch

from vidcondense.base import moving
from vidcondense.base.units import plural
from vidcondense.condensed.provenance import distinct, recipes

if TYPE_CHECKING:
    from vidcondense.condensed.base import CondensedVideos


def line(condensed: "CondensedVideos") -> str:
    """What a set holds, in one line."""
    height, width = condensed.size
    classes = plural(len(condensed.class_names), "class", "classes")
    clips = f" that render {len(condensed)} clips" if condensed.clips_per_video > 1 else ""
    made = ", ".join(distinct(one.get("name") for one in recipes(condensed.provenance)))
    parts = (
        f"{plural(condensed.videos, 'video')} of {classes}{clips}",
        f"{condensed.frames} frames of {width} x {height}",
        *(() if condensed.clips_per_video > 1 else (plural(sum(condensed.key_counts), "key frame"),)),
        f"stored as {condensed.storage}",
        *((f"recipe {made}",) if made else ()),
    )
    return f"{type(condensed).__name__}({', '.join(parts)})"


def page(condensed: "CondensedVideos") -> str:
    """HTML with the line and the first clips, which move."""
    shown = list(range(min(len(condensed), moving.MOST_CLIPS)))
    labels = condensed.labels.tolist()
    clips = (
        (condensed.pixels([clip])[0].permute(0, 2, 3, 1).numpy(), condensed.class_names[labels[clip]])
        for clip in shown
    )
    return moving.page(line(condensed), clips, len(condensed) - len(shown))


def equal(one: "CondensedVideos", other: "CondensedVideos") -> bool:
    """Whether two sets are of one kind and have the same content; see `CondensedVideos.__eq__`."""
    return type(one) is type(other) and _facts(one) == _facts(other) and _same_tensors(one, other)


def _facts(condensed: "CondensedVideos") -> list[Any]:
    same = (condensed.class_names, condensed.frames, condensed.mean, condensed.std)
    return [*same, condensed.size, condensed.learning_rate, condensed.content_header()]


def _same_tensors(one: "CondensedVideos", other: "CondensedVideos") -> bool:
    ours, theirs = _tensors(one), _tensors(other)
    return ours.keys() == theirs.keys() and all(
        torch.equal(value, theirs[name]) for name, value in ours.items()
    )


def _tensors(condensed: "CondensedVideos") -> dict[str, torch.Tensor]:
    beside = {"targets": condensed.targets, "soft_labels": condensed.soft_labels}
    there = {name: values for name, values in beside.items() if values is not None}
    return {**condensed.tensors(), "labels": condensed.labels, **there}

"""What is in a condensed file, for the terminal."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from vidcondense.base.units import mebibytes, plural
from vidcondense.condensed import provenance
from vidcondense.condensed.summary import Summary

MOST_ROWS = 60


def describe(condensed: Summary, path: Path) -> RenderableType:
    """A renderable that says what `condensed` holds, what it costs and how it was made.

    Args:
        condensed: the set in `path`.
        path: its file, whose size in bytes is shown.
    """
    parts: list[RenderableType] = [
        _plain(str(path), "bold"),
        _facts(_contents(condensed)),
        Text("Storage", style="bold"),
        _facts(_storage(condensed, path)),
        *_key_frames(condensed),
        Text("Provenance", style="bold"),
        _facts(dotted(_own(condensed.provenance)))
        if condensed.provenance
        else Text("  none recorded", style="dim"),
    ]
    return Group(*parts)


def _own(recorded: Mapping[str, Any]) -> dict[str, Any]:
    """What is recorded of the set itself; pages of what its parents record are in the file alone."""
    return {
        key: value for key, value in recorded.items() if key not in (provenance.MERGED, provenance.SELECTED)
    }


def _contents(condensed: Summary) -> list[tuple[str, str]]:
    height, width = condensed.size
    learned = (
        [] if condensed.learning_rate is None else [("step size", f"{condensed.learning_rate:.4g}, learned")]
    )
    return [
        ("videos", f"{condensed.videos} in {len(condensed.class_names)} classes, {condensed.vpc} per class"),
        ("clip", f"{condensed.frames} frames of {width} x {height} pixels when rendered"),
        _stored(condensed),
        *_interpolation(condensed),
        ("labels", _labels(condensed)),
        *_made_of(condensed),
        ("recipe", _recorded(one.get("name") for one in provenance.recipes(condensed.provenance))),
        ("seed", _recorded(provenance.seeds(condensed.provenance))),
        *learned,
    ]


def _made_of(condensed: Summary) -> list[tuple[str, str]]:
    """What a set was cut or merged from; nothing where it was condensed."""
    found = provenance.origins(condensed.provenance)
    parts = [
        f"{plural(int(one['videos']), 'video')} of {plural(len(one['class_names']), 'class', 'classes')}"
        for one in found
    ]
    title = "merged from" if len(found) > 1 else "selected from"
    return [(title, "; ".join(parts))] if found else []


def _recorded(values: Iterable[Any]) -> str:
    return ", ".join(provenance.distinct(values)) or "not recorded"


def _interpolation(condensed: Summary) -> list[tuple[str, str]]:
    """What makes the frames between, where that is not linear over the whole clip."""
    starts = condensed.segments
    if (condensed.interpolation, starts) == ("linear", (0,)):
        return []
    parts = f", in {len(starts)} segments from {' '.join(map(str, starts))}" if len(starts) > 1 else ""
    return [("interpolation", f"{condensed.interpolation}{parts}")]


def _stored(condensed: Summary) -> tuple[str, str]:
    if condensed.clips_per_video > 1:
        return "stored", condensed.holds
    counts = [len(keys) for keys in condensed.key_positions]
    mean = sum(counts) / len(counts)
    words = f"{sum(counts)} stored; per video {mean:.2f} on average, {min(counts)} to {max(counts)}"
    return "key frames", words


def _labels(condensed: Summary) -> str:
    if condensed.soft_labels:
        return f"soft: {len(condensed.class_names)} probabilities per video, in a byte each"
    if not condensed.targets:
        return "one class per video"
    return f"learned: {condensed.targets} values per video, one for each class"


def _storage(condensed: Summary, path: Path) -> list[tuple[str, str]]:
    height, width = condensed.size
    stored = condensed.stored_values * 4
    every = condensed.videos * condensed.frames * 3 * height * width * 4
    real = path.stat().st_size
    learned = condensed.targets > 0
    counted = ("values" if condensed.clips_per_video > 1 else "key frames") + " and learned labels" * learned
    counted += " and soft labels" * condensed.soft_labels
    return [
        ("file", f"{real:,} bytes, frames as {condensed.storage}"),
        (counted, f"{mebibytes(stored)} as the papers count it (float32), {stored:,} bytes"),
        ("every frame", f"{mebibytes(every)} if all {condensed.frames} frames of each video were stored"),
        ("ratio", f"{stored / every:.1%} of that, {every / stored:.2f} times smaller"),
        ("of the file", f"{every / real:,.1f} times smaller than float32 of every frame"),
    ]


def _key_frames(condensed: Summary) -> list[RenderableType]:
    """Where the key frames of each video are; nothing where clips are rendered from something else."""
    if condensed.clips_per_video > 1:
        return []
    table = Table(box=None, padding=(0, 2), header_style="dim")
    table.add_column("class", overflow="fold")
    table.add_column("video", justify="right")
    table.add_column("key frames", justify="right")
    table.add_column("at times", overflow="fold")
    order = sorted(range(condensed.videos), key=lambda video: condensed.labels[video])
    for video in order[:MOST_ROWS]:
        keys = condensed.key_positions[video]
        times = "every frame" if len(keys) == condensed.frames else " ".join(map(str, keys))
        name = condensed.class_names[condensed.labels[video]]
        table.add_row(_plain(name), str(video), str(len(keys)), times)
    more = Text(f"  and {len(order) - MOST_ROWS} more videos", style="dim")
    return [Text("Key frames", style="bold"), table, *([more] if len(order) > MOST_ROWS else [])]


def _facts(facts: Iterable[tuple[str, str]]) -> RenderableType:
    table = Table(box=None, show_header=False, padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts:
        table.add_row(_plain(name), _plain(value))
    return Padding(table, (0, 0, 1, 0))


def dotted(values: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    """Nested mappings as dotted names, so that a recipe reads as its `--set` keys; those in lists counted."""
    for key, value in values.items():
        if isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
            value = {str(number): one for number, one in enumerate(value, 1)}
        if isinstance(value, Mapping) and value:
            yield from dotted(value, f"{prefix}{key}.")
        else:
            shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
            yield f"{prefix}{key}", shown


def _plain(text: str, style: str = "") -> Text:
    """Text as it is: no rich markup, and no escape sequences that would steer the terminal."""
    return Text("".join(mark if mark.isprintable() else "\N{REPLACEMENT CHARACTER}" for mark in text), style)

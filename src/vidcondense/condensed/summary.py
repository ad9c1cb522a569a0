"""What `show` tells of a condensed set; read without PyTorch, which takes seconds to load, for most."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.typed import parse, typed
from vidcondense.condensed.header import OFFSET, SCALE, Header, Storage, check_version
from vidcondense.data.options import MOST_FRAMES

if TYPE_CHECKING:
    from vidcondense.condensed.base import CondensedVideos


class _Unusual(Exception):
    """A file that is read the long way, which knows every kind and says what is wrong."""


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A condensed set without its pixels.

    Attributes:
        class_names: the name of each class.
        labels: the class of each rendered clip.
        clips_per_video: how many clips a video renders to.
        frames: of a rendered clip.
        size: (height, width) in pixels.
        key_positions: the times of each video's key frames, as `CondensedVideos.key_positions`.
        interpolation: what makes the frames between; with `segments` as in `KeyFrameVideos`.
        segments: the first time of each.
        holds: what is stored, in words.
        stored_values: float32 values as the papers count storage.
        storage: how the file holds frames.
        targets: learned values per video, 0 where none are learned.
        soft_labels: whether probabilities stand in place of labels.
        learning_rate: learned, None for most.
        provenance: how it was made.
    """

    class_names: tuple[str, ...]
    labels: list[int]
    clips_per_video: int = 1
    frames: int
    size: tuple[int, int]
    key_positions: list[list[int]]
    interpolation: str = "linear"
    segments: tuple[int, ...] = (0,)
    holds: str = ""
    stored_values: int
    storage: Storage
    targets: int = 0
    soft_labels: bool = False
    learning_rate: float | None
    provenance: Mapping[str, Any]

    @property
    def videos(self) -> int:
        """The number of videos."""
        return len(self.labels) // self.clips_per_video

    @property
    def vpc(self) -> int:
        """Videos per class, the largest over classes."""
        return max(Counter(self.labels).values()) // self.clips_per_video

    @staticmethod
    def of(condensed: "CondensedVideos") -> "Summary":
        """That of a set in memory."""
        content = condensed.content_header()
        several = condensed.clips_per_video > 1
        return Summary(
            class_names=condensed.class_names,
            labels=condensed.labels.tolist(),
            clips_per_video=condensed.clips_per_video,
            frames=condensed.frames,
            size=condensed.size,
            key_positions=condensed.key_positions(),
            interpolation=content.get("interpolation", "linear"),
            segments=tuple(content.get("segments", (0,))),
            holds=condensed.holds if several else "",
            stored_values=condensed.stored_values,
            storage=condensed.storage,
            targets=0 if condensed.targets is None else condensed.targets.shape[1],
            soft_labels=condensed.soft_labels is not None,
            learning_rate=condensed.learning_rate,
            provenance=condensed.provenance,
        )

    @staticmethod
    def read(path: Path) -> "Summary":
        """That of a file.

        Raises:
            VidcondenseError: as `CondensedVideos.load`.
        """
        try:
            return _key_frames(path)
        except (_Unusual, VidcondenseError, SafetensorError, OSError, ValueError, KeyError, TypeError):
            from vidcondense.condensed import CondensedVideos

            return Summary.of(CondensedVideos.load(path))


def _key_frames(path: Path) -> Summary:
    """The summary of a sound file of key frames, linear over whole clips; any exception for another."""
    with safe_open(path, framework="numpy") as file:
        values = typed(parse((file.metadata() or {})["vidcondense"]), dict[str, Any])
        check_version(values)
        header = typed(values, Header)
        names = file.keys()
        tensors = {name: file.get_tensor(name) for name in names}
    if header.get("representation", "key_frames") != "key_frames" or "soft_labels" in tensors:
        raise _Unusual
    storage, targets = header.get("storage", "float32"), tensors.get("targets")
    if not (_sound_header(header, values) and _sound_tensors(tensors, storage, len(header["class_names"]))):
        raise _Unusual
    counts, frames = tensors["counts"], tensors["key_frames"]
    key_positions = [part.tolist() for part in np.split(tensors["positions"], np.cumsum(counts)[:-1])]
    if any(sorted({*keys}) != keys or keys[0] < 0 or keys[-1] >= header["frames"] for keys in key_positions):
        raise _Unusual
    return Summary(
        class_names=header["class_names"],
        labels=tensors["labels"].tolist(),
        frames=header["frames"],
        size=(frames.shape[2], frames.shape[3]),
        key_positions=key_positions,
        stored_values=frames.size + (0 if targets is None else targets.size),
        storage=storage,
        targets=0 if targets is None else targets.shape[1],
        learning_rate=header.get("learning_rate"),
        provenance=header["provenance"],
    )


def _sound_header(header: Header, values: Mapping[str, Any]) -> bool:
    """What `CondensedVideos` asks of its fields; its messages are for those that are not."""
    rate, names = header.get("learning_rate"), header["class_names"]
    return (
        "shown" not in header
        and values.get("interpolation", "linear") == "linear"
        and list(values.get("segments", (0,))) == [0]
        and len(set(names)) == len(names)
        and 1 <= header["frames"] <= MOST_FRAMES
        and all(0 <= one <= 1 for one in header["mean"])
        and all(0 < one <= 1 for one in header["std"])
        and (rate is None or 0 < rate < math.inf)
    )


def _sound_tensors(tensors: Mapping[str, NDArray[Any]], storage: Storage, classes: int) -> bool:
    """What `KeyFrameVideos` asks of its tensors."""
    labels, positions, counts = (tensors[name] for name in ("labels", "positions", "counts"))
    frames, targets = tensors["key_frames"], tensors.get("targets")
    beside = [tensors[f"key_frames{end}"] for end in (SCALE, OFFSET)] if storage == "uint8" else []
    return (
        all(array.dtype == np.int64 and array.ndim == 1 for array in (labels, positions, counts))
        and all(array.dtype == np.float32 and array.shape == frames.shape[:1] for array in beside)
        and all(array.dtype.kind != "f" or bool(np.isfinite(array).all()) for array in tensors.values())
        and (frames.dtype == storage and frames.ndim == 4 and frames.shape[1] == 3 and frames.size > 0)
        and len(labels) == len(counts) > 0
        and bool(0 <= labels.min() <= labels.max() < classes)
        and bool(counts.min() > 0 and counts.sum() == len(positions) == len(frames))
        and (targets is None or (targets.dtype == np.float32 and targets.shape == (len(labels), classes)))
    )

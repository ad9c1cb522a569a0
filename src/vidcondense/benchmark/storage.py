"""Storage: by formula, what the papers' tables count; and as a share of the whole training set."""

import math
from collections.abc import Sequence
from typing import Any

from vidcondense.base.units import MEBIBYTE
from vidcondense.benchmark.cell import label
from vidcondense.benchmark.published import VPCS, lookup
from vidcondense.benchmark.rows import Row
from vidcondense.condensed import hallucinator
from vidcondense.data.shards import frame_bytes
from vidcondense.data.store import ClipStore
from vidcondense.recipes.datasets import DATASETS

FORMULAS = ("random", "herding", "k_center", "dm", "dc", "mtt", "frepo", "wang", "repeated_frame", "prism")


def stored_values(
    method: str, classes: int, vpc: int, frames: int, size: int, key_frames: float = 2.0
) -> float:
    """float32 values that a method stores.

    Args:
        method: one of `FORMULAS`.
        classes: of the dataset.
        vpc: videos per class.
        frames: T.
        size: height and width.
        key_frames: per video, of `prism`; 2 is the least it can store.
    """
    videos, frame = classes * vpc, 3 * size**2
    if method == "wang":  # static frames and dynamic memories of one channel per video, one hallucinator
        shared = math.prod(hallucinator.SHAPE) + hallucinator.SHAPE[0]
        return videos * hallucinator.CHOICES * (frame + frames * size**2) + shared
    kept = {"repeated_frame": 1, "prism": key_frames}.get(method, frames)
    extra = {"frepo": videos * classes, "mtt": 1}.get(method, 0)  # learned targets; a learned step size
    return videos * kept * frame + extra


def implied_key_frames(mib: float, classes: int, vpc: int, size: int) -> float:
    """Key frames per video that a published number of MiB amounts to."""
    return mib * MEBIBYTE / (classes * vpc * 3 * size**2 * 4)


def whole_values(videos: int, frames: int, size: int) -> int:
    """float32 values of one clip of each of so many videos: the whole training set, as the papers count."""
    return videos * frames * 3 * size**2


def shares(rows: Sequence[Row], store: ClipStore) -> list[dict[str, Any]]:
    """What condensed sets are in percent of the whole training set, like with like.

    Values are float32 over float32: what is stored, of one clip of each training video. Bytes are those of
    the condensed file, of the 8-bit pixels that the store has of all training videos, with all their frames.
    """
    train = store.select("train")
    values = whole_values(len(train), store.frames, store.size)
    pixels = int(store.lengths[train].sum()) * frame_bytes(store.size)
    return [
        {
            "method": row.method,
            "column": row.column or "-",
            "MiB of float32 values": row.mib,
            "% of all training clips' float32 values": 100 * row.stored_bytes / (4 * values),
            "file bytes": row.file_bytes,
            "% of all training videos' 8-bit pixels": 100 * row.file_bytes / pixels,
        }
        for row in rows
        if row.stored_bytes is not None and row.file_bytes is not None
    ]


def formula_lines() -> list[dict[str, Any]]:
    """PRISM Table 2 computed, with the papers' own figures beside, for all of the papers' datasets."""
    return [_line(key, method, vpc) for key in DATASETS for method in FORMULAS for vpc in VPCS]


def _line(key: str, method: str, vpc: int) -> dict[str, Any]:
    dataset, prism = DATASETS[key], method == "prism"
    size = stored_values(method, dataset.classes, vpc, dataset.frames, dataset.size) * 4
    published = next((figure.mean for figure in lookup("storage", key, method, f"VPC {vpc}")), None)
    whole = whole_values(dataset.training_videos or 0, dataset.frames, dataset.size)
    implied = None
    if prism and published is not None:
        implied = implied_key_frames(published, dataset.classes, vpc, dataset.size)
    return {
        "dataset": dataset.title,
        "method": label(method) + (", 2 key frames" if prism else ""),
        "vpc": vpc,
        "mib": size / MEBIBYTE,
        "bytes": int(size),
        "percent": 100 * size / (4 * whole) if whole else None,
        "published": published,
        "published percent": next(
            (figure.mean for figure in lookup("storage-percent", key, method, f"VPC {vpc}")), None
        ),
        "key frames that the published figure means": implied,
    }

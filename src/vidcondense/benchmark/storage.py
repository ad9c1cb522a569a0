"""Storage by formula: what the papers' tables count, float32 values of the papers' datasets."""

from collections.abc import Sequence
from typing import Any

from vidcondense.benchmark.cell import label
from vidcondense.benchmark.published import DATASETS, VPCS, lookup

MEBIBYTE = 2**20
HALLUCINATOR = 4 * 3 * 27 + 3
"""Weights of the one convolution that Wang et al. share between all classes."""

FORMULAS = ("random", "herding", "k_center", "dm", "dc", "mtt", "frepo", "wang", "repeated_frame", "prism")


def stored_values(
    method: str, classes: int, vpc: int, frames: int, size: int, key_frames: float | None = None
) -> float:
    """float32 values that a method stores.

    Args:
        method: one of `FORMULAS`.
        classes: of the dataset.
        vpc: videos per class.
        frames: T.
        size: height and width.
        key_frames: per video, of a method that stores key frames; 2 unless given, the least PRISM can store.
    """
    videos, frame = classes * vpc, 3 * size**2
    if method == "wang":  # 2 static frames and 2 dynamic memories of one channel per video
        return videos * 2 * (frame + frames * size**2) + HALLUCINATOR
    if method == "repeated_frame":
        return videos * frame
    if method == "prism":
        return videos * frame * (2 if key_frames is None else key_frames)
    extra = {"frepo": videos * classes, "mtt": 1}.get(method, 0)  # learned targets; a learned step size
    return videos * frames * frame + extra


def implied_key_frames(mib: float, classes: int, vpc: int, size: int) -> float:
    """Key frames per video that a published number of MiB amounts to."""
    return mib * MEBIBYTE / (classes * vpc * 3 * size**2 * 4)


def formula_lines(vpcs: Sequence[int] = VPCS) -> list[dict[str, Any]]:
    """PRISM Table 2 computed, with the papers' own figures beside, for all of the papers' datasets."""
    lines = []
    for key, dataset in DATASETS.items():
        for method in FORMULAS:
            for vpc in vpcs:
                values = stored_values(method, dataset.classes, vpc, dataset.frames, dataset.size)
                known = next(iter(lookup("storage", key, method, f"VPC {vpc}")), None)
                implied = None
                if known is not None and method == "prism":
                    implied = implied_key_frames(known.mean, dataset.classes, vpc, dataset.size)
                lines.append(
                    {
                        "dataset": dataset.title,
                        "method": label(method) + (", 2 key frames" if method == "prism" else ""),
                        "vpc": vpc,
                        "mib": values * 4 / MEBIBYTE,
                        "bytes": int(values * 4),
                        "published": None if known is None else known.mean,
                        "key frames that the published figure means": implied,
                    }
                )
    return lines

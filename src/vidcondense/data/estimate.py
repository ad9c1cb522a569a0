"""What a store will take, before it is made: bytes from a few headers, time from decoding a few videos."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median_low

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.units import gigabytes
from vidcondense.data.isolation import Died, Worker
from vidcondense.data.shards import frame_bytes

PROBES = 48
TRIALS = 4
TRIAL_SECONDS = 0.5


@dataclass(frozen=True)
class Estimate:
    """What is left to do.

    Attributes:
        videos: how many are to be decoded.
        frames: how many they have together, about: all have to be decoded.
        bytes: what they take in the store.
        aspect: width by height of the median video as it is shown, 0 if that is not known.
    """

    videos: int
    frames: int
    bytes: int
    aspect: float = 0.0


def estimate_size(paths: Sequence[Path], size: int, worker: Worker, keep: int = 0) -> Estimate:
    """Estimate frames and bytes of videos at `size` pixels from the headers of a few of them.

    Of each `keep` frames are stored, all for 0. Headers that promise more than there can be do not count.
    """
    probes = worker.each("probe", _spread(paths, PROBES))
    answers = [answer for answer in probes if not isinstance(answer, Died)]
    aspects = [answer["aspect"] for answer in answers if answer["aspect"] > 0]
    aspect = median_low(aspects) if aspects else 0.0
    known = [answer["frames"] for answer in answers if answer["frames"] > 0]
    if not known:
        return Estimate(len(paths), 0, 0, aspect)
    frames = round(sum(known) / len(known) * len(paths))
    stored = round(sum(min(count, keep or count) for count in known) / len(known) * len(paths))
    return Estimate(len(paths), frames, stored * frame_bytes(size), aspect)


def estimate_seconds(
    paths: Sequence[Path], size: int, frames: int, worker: Worker, workers: int
) -> float | None:
    """Decode the beginnings of a few videos, for half a second in all, and say how long `frames` would take.

    Returns:
        seconds with `workers` processes; None where no frame could be decoded.
    """
    limits = {"size": size, "seconds": TRIAL_SECONDS / TRIALS}
    answers = [
        answer
        for answer in worker.each("try", _spread(paths, TRIALS), lambda: limits)
        if not isinstance(answer, Died)
    ]
    decoded, seconds = (sum(column) for column in zip((0, 0.0), *answers, strict=True))
    return seconds / decoded * frames / min(workers, len(paths)) if decoded else None


def check_space(store: Path, needed: int) -> None:
    """Refuse to begin what will not fit on the disk.

    Raises:
        VidcondenseError: less than `needed` bytes are free where `store` will be.
    """
    free = free_bytes(store)
    if needed > free > 0:  # what says 0 is no disk: the first file written tells more
        raise VidcondenseError(
            f"{store} needs about {gigabytes(needed)}, but only {gigabytes(free)} are free there; make room, "
            "or take a smaller --size, fewer frames of each video (--keep), fewer classes (--classes) or "
            "fewer videos (--videos-per-class)"
        )


def free_bytes(store: Path) -> int:
    """Free bytes on the disk where `store` is or will be."""
    place = store.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    return shutil.disk_usage(place).free


def _spread(paths: Sequence[Path], count: int) -> list[Path]:
    """`count` of the paths, evenly spread."""
    count = min(count, len(paths))
    return [paths[number * len(paths) // count] for number in range(count)]

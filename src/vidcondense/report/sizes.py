"""What takes how many bytes: videos' own files, clips of them as numbers and as coded video, a set."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.units import plural
from vidcondense.condensed.coding import av1
from vidcondense.condensed.coding.colour import to_planes
from vidcondense.condensed.header import QUALITY
from vidcondense.data.store import ClipStore
from vidcondense.report.run import Run

CODED, FEWEST, MOST_PIXELS = 12, 4, 2_500_000
"""Clips that are coded to find what all would take: so many, fewer where they are large."""


@dataclass(frozen=True)
class Size:
    """Bytes of something.

    Attributes:
        what: it is.
        bytes: of it.
        by: how that is known, where it is not the run's own or the store's.
        is_estimate: whether only some of it was measured.
        short: it in a few words, where the headline says so too.
    """

    what: str
    bytes: int
    by: str = ""
    short: str = ""
    is_estimate: bool = False


def sizes_of(run: Run, runs: Sequence[Run], store: ClipStore | None) -> list[Size]:
    """What a run's bytes are to be held against, and the run's own; empty without a set.

    Args:
        run: what was condensed.
        runs: all of the page; real clips as coded video may be among them.
        store: that of the run, if it is at hand.
    """
    condensed, videos = run.condensed, run.train_videos
    if condensed is None or run.file_bytes is None:
        return []
    found = []
    source = source_bytes(run, store)
    if source is not None and videos:
        what = f"the {plural(videos, 'training video')}, their own files in full length"
        found.append(Size(what, source, short="these videos' own files"))
    if videos:
        height, width = condensed.size
        what = f"a clip of each, {plural(condensed.frames, 'frame')} of {width} × {height}, as 8-bit pixels"
        found.append(Size(what, videos * condensed.frames * 3 * height * width))
        found += _coded(run, runs, store)
    found.append(Size(f"the condensed set {run.label}", run.file_bytes))
    return found


def source_bytes(run: Run, store: ClipStore | None) -> int | None:
    """Bytes of the training videos' own files, None where neither the run nor its store knows them."""
    if run.source_bytes is not None or store is None:
        return run.source_bytes
    return store.source_bytes


def _coded(run: Run, runs: Sequence[Run], store: ClipStore | None) -> list[Size]:
    """The same clips as coded video: of a run that has them all, else by coding some of them."""
    what, short = "the same clips as coded video (AV1)", "the same clips as coded video"
    for other in runs:
        same = other.store.get("fingerprint") == run.store.get("fingerprint")
        if same and other.codes_real_clips and other.coreset == "every_video" and other.file_bytes:
            return [Size(what, other.file_bytes, f"run {other.label}", short)]
    sizes = _coded_sizes(store) if store is not None else []
    if not sizes or not run.train_videos:
        return []
    mean = sum(sizes) / len(sizes)
    by = f"{len(sizes)} of them were coded, at quality {QUALITY:g}"
    return [Size(what, round(mean * run.train_videos), by, short, is_estimate=True)]


def _coded_sizes(store: ClipStore) -> list[int]:
    """Bytes of the middle clips of some training videos, spread evenly, each as a stream of its own."""
    videos = store.select("train")
    count = min(len(videos), CODED, max(FEWEST, MOST_PIXELS // (store.frames * store.size**2)))
    some = videos[np.linspace(0, len(videos) - 1, count).round().astype(int)]
    clips = store.read(some, store.even_starts(some, 1)[:, 0]).permute(0, 1, 3, 4, 2).numpy()
    try:
        return [len(av1.encode(to_planes(clip), QUALITY)) for clip in clips]
    except VidcondenseError:  # this PyAV has no AV1 encoder
        return []

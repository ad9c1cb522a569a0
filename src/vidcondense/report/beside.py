"""Real clips to stand beside synthetic ones: what learning began with, or the nearest of their class."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from vidcondense.base.compute import choose, root_seed
from vidcondense.condensed import CondensedVideos
from vidcondense.condensed.pictures import Pixels, jpeg
from vidcondense.data.store import ClipStore
from vidcondense.report.clips import JPEG, by_class, data_uri
from vidcondense.report.run import Count, Run, readable
from vidcondense.run.folder import SPLIT_FORMAT
from vidcondense.synthetic import Start

FROM_CLIPS = ("key_frames", "every_frame", "displaced")
"""Representations that begin with whole real clips where `synthetic.init` is "real"."""
MOST = 100
"""Clips of a run that get a real one."""
COMPARED_BYTES = 2**28
"""Pixels of real clips that are read to find the nearest ones."""
JPEG_STEP = 4


@dataclass(frozen=True)
class RealClip:
    """A real training clip.

    Attributes:
        uri: its frames below one another in one picture, as a data URI.
        path: of its video, relative to the source.
        among: of how many training clips of the class it is the nearest; 0: learning began with it.
    """

    uri: str
    path: str
    among: int


def real_clips(run: Run, store: ClipStore | None, budget: int) -> dict[int, RealClip]:
    """A real clip for each of a run's first synthetic ones, by the number of the video.

    The first videos of all classes come first. None where the run keeps real clips as they are, or where its
    store is not at hand.

    Args:
        run: what was condensed.
        store: that of the run.
        budget: bytes of their pictures.
    """
    condensed = run.condensed
    if condensed is None or store is None or run.coreset or not _fits(condensed, store):
        return {}
    found: dict[int, RealClip] = {}
    for video, source, start, among in _began_with(run, condensed, store) or _nearest(condensed, store):
        frames = store.read(np.array([source]), np.array([start]))[0].permute(0, 2, 3, 1).numpy()
        picture: Pixels = np.ascontiguousarray(frames).reshape(-1, *frames.shape[2:])
        data = jpeg(picture, JPEG_STEP)
        budget -= len(data)
        if budget < 0:
            break
        found[video] = RealClip(data_uri(JPEG, data), store.paths[source], among)
    return found


def _fits(condensed: CondensedVideos, store: ClipStore) -> bool:
    shape = (store.frames, (store.size, store.size), tuple(store.class_names))
    return (condensed.frames, tuple(condensed.size), condensed.class_names) == shape


def _first(condensed: CondensedVideos) -> list[int]:
    """The first videos of all classes, then the second ones, and so on: `MOST` of them."""
    classes = [videos for _, videos in by_class(condensed)]
    longest = max(map(len, classes))
    return [videos[turn] for turn in range(longest) for videos in classes if turn < len(videos)][:MOST]


def _began_with(
    run: Run, condensed: CondensedVideos, store: ClipStore
) -> list[tuple[int, int, int, int]] | None:
    """The windows that a run drew to begin with, drawn again; None where it began with something else."""
    synthetic = run.recipe.get("synthetic") or {}
    seed, vpc, version = (
        readable(value, Count) for value in (run.recipe.get("seed"), run.vpc, run.info.get("format"))
    )
    known = synthetic.get("init") == "real" and synthetic.get("kind") in FROM_CLIPS
    if not known or seed is None or not vpc or version is None:
        return None
    root = root_seed(seed, store.split) if version >= SPLIT_FORMAT else seed
    drawn = Start(store, vpc, root, choose("cpu", "float32")).windows("real")
    if not np.array_equal(drawn.labels, condensed.labels.numpy()):
        return None  # a set that was cut or merged
    return [(video, int(drawn.videos[video]), int(drawn.starts[video]), 0) for video in _first(condensed)]


def _nearest(condensed: CondensedVideos, store: ClipStore) -> Iterator[tuple[int, int, int, int]]:
    """Of each video the middle clip of that training video of its class of nearest pixels, in mean square.

    Of large stores some videos of each class are compared, spread evenly.
    """
    clip_bytes = 3 * store.frames * store.size**2
    most = max(1, COMPARED_BYTES // (clip_bytes * len(store.class_names)))
    training = store.by_class("train")
    read: dict[int, tuple[NDArray[np.int64], NDArray[np.int64], torch.Tensor]] = {}
    for video in _first(condensed):
        label = int(condensed.labels[video])
        if label not in read:
            mine = training[label]
            some = mine[np.unique(np.linspace(0, len(mine) - 1, min(most, len(mine))).round().astype(int))]
            starts = store.even_starts(some, 1)[:, 0]
            read[label] = some, starts, store.read(some, starts)
        some, starts, clips = read[label]
        shown = condensed.pixels([video])[0].float()
        distances = [float((clip.float() - shown).square().mean()) for clip in clips]
        best = int(np.argmin(distances))
        yield video, int(some[best]), int(starts[best]), len(some)

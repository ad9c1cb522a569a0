"""Scores of real test videos: evenly spread windows, in order or with their frames in another one."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vidcondense.base.compute import Compute, generator
from vidcondense.data.batches import RealBatch
from vidcondense.data.sampling import even_starts, step
from vidcondense.data.store import ClipStore
from vidcondense.networks.base import VideoNetwork
from vidcondense.networks.passes import scored

Order = Callable[[Tensor, torch.Generator], Tensor]
"""Clips (clip, time, 3, height, width) with their frames in another order; the generator is on the CPU."""


def shuffled(clips: Tensor, rng: torch.Generator) -> Tensor:
    """Each clip's frames in a random order of its own."""
    order = torch.rand(clips.shape[:2], generator=rng).argsort(1).to(clips.device)
    return clips[torch.arange(len(clips), device=clips.device)[:, None], order]


def reversed_in_time(clips: Tensor, rng: torch.Generator) -> Tensor:
    """Clips from their last frame to their first."""
    return clips.flip(1)


def stilled(clips: Tensor, rng: torch.Generator) -> Tensor:
    """Clips that show their middle frame all the time."""
    return clips[:, clips.shape[1] // 2, None].expand_as(clips)


ORDERS: dict[str, Order] = {"shuffled": shuffled, "reversed": reversed_in_time, "stilled": stilled}
"""What tells whether a network uses time: one that does loses where frames come in these orders."""


class Outcome(NamedTuple):
    """What a network made of the test split.

    Attributes:
        scores: (case, class) float32 on the CPU.
        truth: (case,) int64, labels.
        controls: scores of the same cases with their frames in another order, by the order's name.
    """

    scores: Tensor
    truth: Tensor
    controls: Mapping[str, Tensor]


@torch.no_grad()
def score_store(
    network: VideoNetwork,
    store: ClipStore,
    compute: Compute,
    windows: int,
    orders: Mapping[str, Order] | None = None,
    seed: int = 0,
) -> Outcome:
    """Score each test video by the mean softmax over its evenly spread windows.

    Args:
        network: trained, on the device of `compute`.
        store: of the test videos of its split.
        compute: where and how precisely.
        windows: up to so many of each video, see `spread_windows`.
        orders: further orders of their frames to score them in; none by default.
        seed: of orders that are drawn.
    """
    videos = store.select("test")
    cases, starts = spread_windows(store.lengths[videos], store.frames, store.stride, windows)
    batch = RealBatch.unflipped(store, videos[cases], starts)

    def scores(order: Order | None, rng: torch.Generator) -> Tensor:
        clips = (clips for clips, _ in batch.read(store, compute, network.chunk(compute)))
        ordered = clips if order is None else (order(part, rng) for part in clips)
        return score_videos(network, ordered, torch.from_numpy(cases), compute)

    return Outcome(
        scores(None, generator(seed)),
        torch.from_numpy(store.labels[videos]),
        {name: scores(order, generator(seed, name)) for name, order in (orders or {}).items()},
    )


def score_videos(
    network: VideoNetwork, windows: Iterable[Tensor], videos: Tensor, compute: Compute
) -> Tensor:
    """The rule of `score_store` on clips of your own: the mean softmax over the windows of each video.

    Args:
        network: trained, on the device of `compute`.
        windows: normalised clips (window, time, 3, height, width) there, in parts: of a tensor `[clips]`.
        videos: (window,) int64 on the CPU, which video a window is from: 0 and on, each at least once.
        compute: where and how precisely.

    Returns:
        (video, class) float32 on the CPU; `results.accuracies` makes top-1, top-5 and the confusion of it.
    """
    scores = torch.cat([scored(network, clips, compute).softmax(1) for clips in windows]).cpu()
    counts = torch.bincount(videos)
    return scores.new_zeros(len(counts), scores.shape[1]).index_add_(0, videos, scores) / counts[:, None]


def spread_windows(
    lengths: NDArray[np.int64], frames: int, stride: int, windows: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Evenly spread test windows, up to `windows` per video, fewer where they would overlap by over half.

    Returns:
        cases (window,) int64, which video a window is from, ascending, and its start, (window,) int64.
    """
    span = step(lengths, frames, stride) * (frames - 1) + 1
    room = np.maximum(lengths - span, 0)
    counts = np.clip(1 + 2 * room // span, 1, windows)
    cases, starts = [], []
    for count in np.unique(counts).tolist():
        chosen = np.flatnonzero(counts == count)
        cases.append(np.repeat(chosen, count))
        starts.append(even_starts(lengths[chosen], frames, stride, count).reshape(-1))
    order = np.argsort(np.concatenate(cases), kind="stable")
    return np.concatenate(cases)[order].astype(np.int64), np.concatenate(starts)[order].astype(np.int64)

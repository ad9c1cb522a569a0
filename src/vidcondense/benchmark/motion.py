"""Whether a clip's class can be told from its motion alone, by a classifier of real clips' motion (ours).

Features come from differences of consecutive frames and from nothing else: a still clip has none. Two
histograms of directions are taken in each cell of a grid and for each pair of frames, as descriptors of
optical flow do without estimating it: of the normal flow (Horn and Schunck, 1981), where edges go; and of
the gradient of the difference, which outlines what moves (cf. motion boundaries, Dalal et al., ECCV 2006).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from vidcondense.base.compute import derive_seed, generator
from vidcondense.base.errors import VidcondenseError
from vidcondense.benchmark.flow import LUMA, spread
from vidcondense.condensed import CondensedVideos
from vidcondense.data.store import ClipStore

CELLS, DIRECTIONS = 4, 8
ROUNDING = 1 / 255
"""Differences of a grey level are rounding and compression, not motion."""
FLAT = 1e-4
"""Squared gradients below this are no edges: which way they go cannot be told (aperture)."""
PENALTIES = tuple(10.0**power for power in range(-4, 2))
BATCH = 16


def features(clips: Tensor) -> Tensor:
    """What of clips moves where and which way.

    Args:
        clips: (video, time, 3, height, width) uint8, of at least two frames.

    Returns:
        (video, feature) float64, each half of length 1; all 0 for a clip in which nothing moves.

    Raises:
        VidcondenseError: clips of one frame.
    """
    if clips.shape[1] < 2:
        raise VidcondenseError("motion needs clips of at least two frames")
    grey = torch.einsum("vtchw,c->vthw", clips.float(), torch.tensor(LUMA)) / 255
    grey = functional.avg_pool2d(grey, 3, 1, 1, count_include_pad=False)
    change = functional.softshrink(grey[:, 1:] - grey[:, :-1], ROUNDING)
    across, down = _gradient((grey[:, 1:] + grey[:, :-1]) / 2)
    steep = across.square() + down.square()
    edge = change.abs() * steep / (steep + FLAT)
    moving = _histograms(-change * across, -change * down, edge, 2 * torch.pi)
    across, down = _gradient(change)
    outline = _histograms(across, down, torch.hypot(across, down), torch.pi)
    return torch.cat([_of_length_one(moving), _of_length_one(outline)], 1)


@dataclass(frozen=True)
class Classifier:
    """Ridge regression from `features` to classes.

    Attributes:
        weights: (feature, class) float64.
        penalty: of the squared weights, chosen on the training clips.
    """

    weights: Tensor
    penalty: float

    def recognised(self, clips: Iterator[tuple[Tensor, Tensor]]) -> float:
        """Share of clips whose class has the highest score, in percent, mean over the classes that come.

        Where several classes have it, as all have in a clip in which nothing moves, a clip counts as guessed
        among them.

        Args:
            clips: batches of clips, uint8 as `features` takes them, and labels (video,) int64.
        """
        by_class: dict[int, list[float]] = {}
        for batch, labels in clips:
            scores = features(batch) @ self.weights
            highest = scores == scores.amax(1, keepdim=True)
            hits = highest.gather(1, labels[:, None])[:, 0].double() / highest.sum(1)
            for label, hit in zip(labels.tolist(), hits.tolist(), strict=True):
                by_class.setdefault(label, []).append(hit)
        return 100 * float(np.mean([np.mean(of_class) for of_class in by_class.values()]))


def fit(inputs: Tensor, labels: Tensor, classes: int) -> Classifier:
    """A classifier with the penalty that recognises most training clips, each left out in turn.

    Args:
        inputs: (video, feature) float64.
        labels: (video,) int64.
        classes: how many there are.
    """
    targets = functional.one_hot(labels, classes).double() - 1 / classes
    left, sizes, right = torch.linalg.svd(inputs, full_matrices=False)
    inside = left.T @ targets
    best, chosen = -1.0, PENALTIES[0]
    for penalty in PENALTIES:
        kept = sizes.square() / (sizes.square() + penalty)
        own = (left.square() @ kept)[:, None]  # the weight of a clip in its own score: leave-one-out
        without = (left @ (kept[:, None] * inside) - own * targets) / (1 - own).clamp(min=1e-9)
        share = float((without.argmax(1) == labels).double().mean())
        if share >= best:  # of equal ones the largest penalty
            best, chosen = share, penalty
    return Classifier(right.T @ ((sizes / (sizes.square() + chosen))[:, None] * inside), chosen)


def train(store: ClipStore, most: int) -> Classifier:
    """A classifier of a store's training clips, of at most `most` videos of each class."""
    batches = [(features(clips), labels) for clips, labels in real_clips(store, "train", most)]
    inputs, labels = (torch.cat(each) for each in zip(*batches, strict=True))
    return fit(inputs, labels, len(store.class_names))


def real_clips(store: ClipStore, role: str, most: int) -> Iterator[tuple[Tensor, Tensor]]:
    """The middle window of at most `most` videos of each class, evenly spread over it, and their labels."""
    for label, videos in enumerate(store.by_class(role)):
        chosen = spread(videos, most)
        for first in range(0, len(chosen), BATCH):
            batch = chosen[first : first + BATCH]
            clips = store.read(batch, store.even_starts(batch, 1).reshape(-1))
            yield clips, torch.full((len(batch),), label)


def condensed_clips(condensed: CondensedVideos) -> Iterator[tuple[Tensor, Tensor]]:
    """The rendered clips of a condensed set one by one, and their labels."""
    for video, label in enumerate(condensed.labels.tolist()):
        yield condensed.pixels([video]), torch.tensor([label])


def shuffled(clips: Iterator[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
    """The same with the frames of each clip in another order, drawn anew for each."""
    for number, (batch, labels) in enumerate(clips):
        random = generator(derive_seed(0, "shuffled", number))
        orders = [torch.randperm(batch.shape[1], generator=random) for _ in batch]
        yield torch.stack([clip[order] for clip, order in zip(batch, orders, strict=True)]), labels


def stilled(clips: Iterator[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
    """The same with the middle frame in place of all."""
    for batch, labels in clips:
        middle = batch.shape[1] // 2
        yield batch[:, middle : middle + 1].expand_as(batch), labels


def shares(classifier: Classifier, clips: Callable[[], Iterator[tuple[Tensor, Tensor]]]) -> dict[str, float]:
    """Percent of clips whose class is recognised: as they are, in another order, and stilled.

    Args:
        classifier: of motion.
        clips: gives all batches and labels, as often as it is called.
    """
    return {
        "as they are": classifier.recognised(clips()),
        "frames shuffled": classifier.recognised(shuffled(clips())),
        "stilled": classifier.recognised(stilled(clips())),
    }


def _gradient(pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Central differences to the right and down of (..., height, width), 0 along the border."""
    across, down = torch.zeros_like(pictures), torch.zeros_like(pictures)
    across[..., 1:-1] = (pictures[..., 2:] - pictures[..., :-2]) / 2
    down[..., 1:-1, :] = (pictures[..., 2:, :] - pictures[..., :-2, :]) / 2
    return across, down


def _histograms(across: Tensor, down: Tensor, weight: Tensor, period: float) -> Tensor:
    """(video, feature): how much of `weight` (video, time, height, width) has which direction in which cell.

    A direction between two of the `DIRECTIONS` within `period` counts for both in part.
    """
    place = torch.atan2(down, across).remainder(period) / period * DIRECTIONS
    low = place.floor()
    share, low = place - low, low.long() % DIRECTIONS
    apart = torch.zeros(*weight.shape, DIRECTIONS)
    apart.scatter_(-1, low[..., None], ((1 - share) * weight)[..., None])
    apart.scatter_add_(-1, ((low + 1) % DIRECTIONS)[..., None], (share * weight)[..., None])
    maps = apart.movedim(-1, 2).flatten(0, 1)
    return functional.adaptive_avg_pool2d(maps, CELLS).reshape(len(weight), -1)


def _of_length_one(histograms: Tensor) -> Tensor:
    """Square roots, so that one large motion does not outweigh all others, of length 1 for each clip."""
    return functional.normalize(histograms.double().sqrt(), dim=1)

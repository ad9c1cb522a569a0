"""Distribution matching: mean features of real and synthetic clips agree (DM; DFS eq. 8)."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from vidcondense import networks
from vidcondense.base.compute import generator
from vidcondense.base.settings import Share
from vidcondense.data.augmentation import Augmentation
from vidcondense.data.batches import RealClips
from vidcondense.networks.base import VideoNetwork, need_levels
from vidcondense.objectives.base import CHUNK, Context, Objective, RandomNetworks, RealClipsSettings
from vidcondense.objectives.layers import Compared, Embedding, Layers, compared, scales
from vidcondense.objectives.statistics import Matched

Change = Callable[[Tensor, Tensor], Tensor]
"""Changes clips (video, time, 3, height, width) by their labels (video,), differentiably."""
EMBEDDING = Embedding()


@dataclass(frozen=True, kw_only=True)
class MatchingSettings(RealClipsSettings):
    """What all that match mean features read."""

    augmentation: Share = 0.0
    """Random zooms, shifts and colours before features are taken, for the real and the synthetic clips of a
    class alike (DSA, Zhao and Bilen 2021); 1: as far as the protocol `strong` goes."""
    matched: Matched = "mean"
    """Of the features of a class: their mean (DM), moments up to the second, or their distribution."""
    layers: Layers = "last"
    """Of which layers: the embedding (DM), or each stage beside it, its features averaged over time and
    places (after CAFE, Wang et al., CVPR 2022)."""


class DistributionMatching(Objective):
    """Mean features of a network with fresh random weights in every iteration."""

    @dataclass(frozen=True, kw_only=True)
    class Settings(MatchingSettings):
        """Nothing besides MatchingSettings."""

        kind: str = "distribution_matching"

    settings: Settings

    def __init__(self, settings: Settings, context: Context) -> None:
        super().__init__(settings, context)
        self.networks = RandomNetworks(context)
        if settings.layers == "all":
            need_levels(networks.outline(context.network, *context.store.shape))

    def match(self, iteration: int, clips: Tensor, labels: Tensor) -> tuple[float, Tensor]:
        network = self.networks.at(iteration)
        chunk = network.chunk(self.compute)
        real = self.context.real_clips(self.settings, iteration, chunk)
        change = siamese(self.settings.augmentation, self.context, iteration)
        of = compared(self.settings.layers, self.settings.matched, self.context.seed, iteration)
        return distribution_matching(network, real, clips, labels, chunk, change, of)


def unchanged(clips: Tensor, labels: Tensor) -> Tensor:
    """No augmentation."""
    return clips


def siamese(strength: float, context: Context, iteration: int) -> Change:
    """The changes of an iteration, another for each class: real and synthetic clips of a class change alike.

    Args:
        strength: 0..1 of `Augmentation`'s extents. Mirroring is left to the real clips' own.
        context: says how many classes there are, and the seed.
        iteration: counted from 0.
    """
    if not strength:
        return unchanged
    rng = generator(context.seed, "siamese", iteration)
    drawn = Augmentation().scaled(strength).draw(len(context.store.class_names), 0.0, rng)
    return lambda clips, labels: drawn.at(labels).of(clips)


def distribution_matching(
    network: VideoNetwork,
    real: RealClips,
    clips: Tensor,
    labels: Tensor,
    chunk: int = CHUNK,
    change: Change = unchanged,
    of: Compared = EMBEDDING,
) -> tuple[float, Tensor]:
    """The sum over classes and features of the squared difference of mean features, and its gradient.

    Classes share forward passes of about `chunk` clips, so memory does not grow with their number.

    Args:
        network: whose weights say in which precision, and where, it runs; sums are float32.
        real: chunks of real clips (video, time, 3, height, width) and labels; every class of `labels` in it.
        clips: rendered synthetic clips (video, time, 3, height, width) float32.
        labels: (video,) int64, ascending.
        chunk: clips per forward pass.
        change: is applied to the real and the synthetic clips before the network sees them.
        of: what of the network has its mean matched, and `scales` how levels are weighed.

    Returns:
        The loss, and its gradient with respect to `clips`, float32 of the same shape.
    """
    lowest, dtype = int(labels[0]), next(network.parameters()).dtype
    changed = ((change(some, theirs), theirs) for some, theirs in real)
    real_means, scale = of_real_clips(network, changed, int(labels[-1]) + 1, lowest, of)
    gradient = torch.empty_like(clips)
    loss = 0.0
    for first, last in class_groups(labels, chunk):
        leaf = clips[first:last].to(dtype).requires_grad_()
        features = torch.cat(of(network, change(leaf, labels[first:last])), 1)
        present, index, counts = torch.unique_consecutive(
            labels[first:last], return_inverse=True, return_counts=True
        )
        sums = features.new_zeros(len(present), features.shape[1]).index_add(0, index, features)
        gap = sums / counts[:, None] - real_means[present - lowest]
        distance = (gap * scale[present - lowest]).square().sum()
        (leaf_gradient,) = torch.autograd.grad(distance, leaf)
        gradient[first:last] = leaf_gradient
        loss += distance.item()
    return loss, gradient


def mean_features(network: VideoNetwork, real: RealClips, classes: int, lowest: int = 0) -> Tensor:
    """Mean features of the classes from `lowest` to `classes` - 1, (class, feature) float32."""
    return of_real_clips(network, real, classes, lowest)[0]


@torch.no_grad()
def of_real_clips(
    network: VideoNetwork, real: RealClips, classes: int, lowest: int = 0, of: Compared = EMBEDDING
) -> tuple[Tensor, Tensor]:
    """Means of the classes from `lowest` to `classes` - 1, and `scales` of differences from them.

    (class, number) float32 each, the levels of `of` side by side.
    """
    sums, squares, widths = torch.empty(0), torch.empty(0), list[int]()
    counts = torch.zeros(classes - lowest)
    for clips, labels in real:
        levels = of(network, clips)
        if not widths:
            widths = [level.shape[1] for level in levels]
            sums = levels[0].new_zeros(classes - lowest, sum(widths))
            squares = levels[0].new_zeros(classes - lowest, len(widths))
            counts = counts.to(sums.device)
        sums.index_add_(0, labels - lowest, torch.cat(levels, 1))
        squares.index_add_(0, labels - lowest, torch.stack([one.square().sum(1) for one in levels], 1))
        counts.index_add_(0, labels - lowest, torch.ones_like(labels, dtype=counts.dtype))
    if not widths or bool((counts == 0).any()):
        raise ValueError("every class needs at least one real clip")
    means = sums / counts[:, None]
    return means, scales(means, squares / counts[:, None], widths)


def class_groups(labels: Tensor, chunk: int) -> list[tuple[int, int]]:
    """Split videos, sorted by class, into runs (first, last) of whole classes of at most `chunk` videos.

    A class of more than `chunk` videos is a run of its own: its mean couples all of them.
    """
    ends = torch.unique_consecutive(labels, return_counts=True)[1].cumsum(0).tolist()
    groups: list[tuple[int, int]] = []
    first = 0
    for end, following in zip(ends, [*ends[1:], None], strict=True):
        if following is None or following - first > chunk:
            groups.append((first, end))
            first = end
    return groups

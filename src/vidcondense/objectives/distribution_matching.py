"""Distribution matching: mean features of real and synthetic clips agree (DM; DFS eq. 8)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from vidcondense.data.batches import RealClips
from vidcondense.networks.base import VideoNetwork
from vidcondense.objectives.base import CHUNK, Context, Objective, RandomNetworks, RealClipsSettings


class DistributionMatching(Objective):
    """Mean features of a network with fresh random weights in every iteration."""

    @dataclass(frozen=True, kw_only=True)
    class Settings(RealClipsSettings):
        """Nothing besides RealClipsSettings."""

        kind: str = "distribution_matching"

    settings: Settings

    def __init__(self, settings: Settings, context: Context) -> None:
        super().__init__(settings, context)
        self.networks = RandomNetworks(context)

    def match(self, iteration: int, clips: Tensor, labels: Tensor) -> tuple[float, Tensor]:
        network = self.networks.at(iteration)
        chunk = network.chunk(self.compute)
        real = self.context.real_clips(self.settings, iteration, chunk)
        return distribution_matching(network, real, clips, labels, chunk)


def distribution_matching(
    network: VideoNetwork, real: RealClips, clips: Tensor, labels: Tensor, chunk: int = CHUNK
) -> tuple[float, Tensor]:
    """The sum over classes and features of the squared difference of mean features, and its gradient.

    Classes share forward passes of about `chunk` clips, so memory does not grow with their number.

    Args:
        network: whose weights say in which precision, and where, it runs; sums are float32.
        real: chunks of real clips (video, time, 3, height, width) and labels; every class of `labels` in it.
        clips: rendered synthetic clips (video, time, 3, height, width) float32.
        labels: (video,) int64, ascending.
        chunk: clips per forward pass.

    Returns:
        The loss, and its gradient with respect to `clips`, float32 of the same shape.
    """
    lowest, dtype = int(labels[0]), next(network.parameters()).dtype
    real_means = mean_features(network, real, int(labels[-1]) + 1, lowest)
    gradient = torch.empty_like(clips)
    loss = 0.0
    for first, last in class_groups(labels, chunk):
        leaf = clips[first:last].to(dtype).requires_grad_()
        features = network.embed(leaf).float()
        present, index, counts = torch.unique_consecutive(
            labels[first:last], return_inverse=True, return_counts=True
        )
        sums = features.new_zeros(len(present), features.shape[1]).index_add(0, index, features)
        distance = (sums / counts[:, None] - real_means[present - lowest]).square().sum()
        (leaf_gradient,) = torch.autograd.grad(distance, leaf)
        gradient[first:last] = leaf_gradient
        loss += distance.item()
    return loss, gradient


@torch.no_grad()
def mean_features(network: VideoNetwork, real: RealClips, classes: int, lowest: int = 0) -> Tensor:
    """Mean features of the classes from `lowest` to `classes` - 1, (class, feature) float32."""
    sums: Tensor | None = None
    counts = torch.zeros(classes - lowest)
    for clips, labels in real:
        features = network.embed(clips).float()
        if sums is None:
            sums = features.new_zeros(classes - lowest, features.shape[1])
            counts = counts.to(features.device)
        sums.index_add_(0, labels - lowest, features)
        counts.index_add_(0, labels - lowest, torch.ones_like(labels, dtype=counts.dtype))
    if sums is None or bool((counts == 0).any()):
        raise ValueError("every class needs at least one real clip")
    return sums / counts[:, None]


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

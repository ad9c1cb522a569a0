"""Passes of a network with float32 weights, in pieces that bound memory and at the precision of `Compute`."""

import torch
from torch import Tensor

from vidcondense.base.compute import Compute
from vidcondense.networks.base import VideoNetwork
from vidcondense.networks.loss import Goals


def forward(network: VideoNetwork, clips: Tensor, compute: Compute) -> Tensor:
    """Scores (clip, class) float32 in the mode that the network is in, of clips that go through at once."""
    with compute.autocast():
        scores: Tensor = network(clips)
    return scores.float()


def backward(
    network: VideoNetwork, clips: Tensor, goals: Goals, compute: Compute, smoothing: float = 0.0
) -> float:
    """Add the gradient of the mean training loss to the network's; returns the loss."""
    loss = 0.0
    network.train()
    chunk = network.chunk(compute)
    for part, target in zip(clips.split(chunk), goals.split(chunk), strict=True):
        piece = target.loss(forward(network, part, compute), smoothing) / len(clips)
        piece.backward()
        loss += piece.item()
    return loss


@torch.no_grad()
def scored(network: VideoNetwork, clips: Tensor, compute: Compute) -> Tensor:
    """Scores (clip, class) float32 in evaluation mode."""
    network.eval()
    return torch.cat([forward(network, part, compute) for part in clips.split(network.chunk(compute))])

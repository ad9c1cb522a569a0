"""Training on labelled clips, step by step: what the protocols share."""

import itertools
import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from vidcondense.base.compute import generator
from vidcondense.evaluation.clips import TrainingClips
from vidcondense.networks.loss import Goals

# Is told the loss of each training step.
Advance = Callable[[float], None]


def take_steps(
    step: Callable[[int, Tensor, Goals], float],
    steps: int,
    clips: TrainingClips,
    batch: int,
    seed: int,
    advance: Advance,
) -> float:
    """Train on batches, every clip once per epoch in a fresh order, until a loss is not finite.

    `step` updates the network by the number of the step, clips and their goals, and gives the loss. Returned
    is what `Protocol.train` returns.
    """
    losses: list[float] = []
    batches = _shuffled(len(clips), batch, generator(seed, "order"))
    for number, (epoch, chosen) in enumerate(itertools.islice(batches, steps)):
        losses.append(step(number, *clips.read(chosen, seed, epoch)))
        advance(losses[-1])
        if not math.isfinite(losses[-1]):
            break
    tail = losses[-max(1, len(losses) // 10) :]
    return sum(tail) / len(tail)


def descend(
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    rate: float,
    clip_norm: float,
    backward: Callable[[], float],
) -> float:
    """One step of an optimiser along gradients of norm `clip_norm` at most; gives the loss.

    Args:
        network: whose parameters the optimiser has.
        optimiser: of one step size for all.
        rate: that step size.
        clip_norm: of all gradients together; longer ones are shortened to it.
        backward: adds the gradients of the loss to the network's, and gives the loss.
    """
    for group in optimiser.param_groups:
        group["lr"] = rate
    optimiser.zero_grad(set_to_none=True)
    loss = backward()
    nn.utils.clip_grad_norm_(network.parameters(), clip_norm)
    optimiser.step()
    return loss


def cosine(step: int, steps: int, warm_up: float) -> float:
    """A step size over a training, as a share of the largest: up in a line, then down to 0 as a cosine.

    Args:
        step: counted from 0.
        steps: in all.
        warm_up: share of the steps in which it rises.
    """
    rising = max(1, round(warm_up * steps))
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))


def _shuffled(count: int, batch: int, rng: torch.Generator) -> Iterator[tuple[int, Tensor]]:
    """Endless batches of indices with their epoch: every index once per epoch, a fresh order each time."""
    for epoch in itertools.count():
        for chosen in torch.randperm(count, generator=rng).split(batch):
            yield epoch, chosen

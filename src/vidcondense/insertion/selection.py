"""Which of the candidates are inserted: the lowest scores, or random places (PRISM Table 5 B)."""

import torch
from torch import Tensor


def lowest(score: Tensor, candidate: Tensor, count: Tensor | int) -> Tensor:
    """The `count` candidates with the lowest scores in each row; of equal ones the first.

    Args:
        score: (row, place) float32.
        candidate: (row, place) bool.
        count: one number for all rows, or (row, 1) int64.

    Returns:
        (row, place) bool; all candidates of a row that has fewer.
    """
    order = torch.where(candidate, score, torch.inf).argsort(stable=True, dim=1)
    return candidate & (order.argsort(1) < count)


def lowest_of_all(score: Tensor, candidate: Tensor, count: int) -> Tensor:
    """The `count` candidates with the lowest scores of all videos together, (video, time) bool."""
    return lowest(score.reshape(1, -1), candidate.reshape(1, -1), count).view_as(candidate)


def random_scores(like: Tensor, rng: torch.Generator) -> Tensor:
    """Uniform random float32 of the shape of a tensor, drawn on the CPU so that devices agree."""
    return torch.rand(like.shape, generator=rng).to(like.device)


def random_share(count: int, chance: float, rng: torch.Generator) -> int:
    """How many of `count` things happen now, each with the same chance."""
    return int((torch.rand(count, generator=rng, dtype=torch.float64) < chance).sum())

"""Objectives: how synthetic clips are compared with real ones. One per file."""

from collections.abc import Callable

from torch import Tensor

from vidcondense.objectives.distribution_matching import distribution_matching

OBJECTIVES: dict[str, Callable[..., tuple[float, Tensor]]] = {
    "distribution_matching": distribution_matching,
}

"""Objectives: how synthetic clips are compared with real ones. One per file; `build` makes the one named."""

from vidcondense.base.compute import Compute
from vidcondense.base.extension import member
from vidcondense.data.store import ClipStore
from vidcondense.objectives.base import Objective
from vidcondense.objectives.distribution_matching import DistributionMatching
from vidcondense.objectives.gradient_matching import GradientMatching
from vidcondense.objectives.kernel_ridge_regression import KernelRidgeRegression
from vidcondense.objectives.trained_distribution_matching import TrainedDistributionMatching
from vidcondense.objectives.trajectory_matching import TrajectoryMatching
from vidcondense.recipes.recipe import Recipe

__all__ = ["OBJECTIVES", "Objective", "build", "kind"]

OBJECTIVES: dict[str, type[Objective]] = {
    "distribution_matching": DistributionMatching,
    "gradient_matching": GradientMatching,
    "kernel_ridge_regression": KernelRidgeRegression,
    "trained_distribution_matching": TrainedDistributionMatching,
    "trajectory_matching": TrajectoryMatching,
}


def kind(recipe: Recipe) -> type[Objective]:
    """The class that a recipe's [objective] table names."""
    return member(OBJECTIVES, recipe.objective.kind, Objective)


def build(recipe: Recipe, store: ClipStore, compute: Compute) -> Objective:
    """The objective that a recipe's [objective] table names."""
    return kind(recipe)(recipe, store, compute)

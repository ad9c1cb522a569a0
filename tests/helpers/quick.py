"""The recipes of the package in seconds: fewer iterations, real clips, networks and experts."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from vidcondense.recipes import load as recipes
from vidcondense.recipes.recipe import Recipe

FEWER: dict[str, Any] = {
    "objective.batch_real": 2,
    "objective.pool": 2,
    "objective.pool_updates": 4,
    "objective.max_start_epoch": 1,
    "objective.synthetic_steps": 2,
    "experts.count": 2,
    "experts.epochs": 1,
    "experts.steps": 0,
    "experts.batch": 4,
    "experts.learning_rate": 0.1,
    "synthetic.static_iterations": 3,
    "teachers.network": "minic3d",
    "teachers.steps": 3,
    "teachers.views": 2,
}
SLOW = {"dc": 2, "dc_small": 2, "mtt": 2, "mtt_small": 2, "prism_trajectory": 3}
USUAL = 6


def fewer(name: str) -> dict[str, Any]:
    """The overrides that make a recipe quick."""
    read = recipes.load(name).keys()
    iterations = {"iterations": SLOW.get(name, 4 if name.startswith("wang") else USUAL)}
    return {key: value for key, value in {**iterations, **FEWER}.items() if key in read}


def load(name: str, *, vpc: int | None = None, overrides: Mapping[str, Any] = MappingProxyType({})) -> Recipe:
    """A quick recipe of the package with overrides by dotted key."""
    return recipes.load(name, vpc=vpc, overrides={**_fitting(name, overrides), **overrides})


def words(name: str, overrides: Mapping[str, Any] = MappingProxyType({})) -> list[str]:
    """The same as arguments of `vidcondense condense`."""
    chosen = {**_fitting(name, overrides), **overrides}
    return ["--recipe", name, *(part for key in chosen for part in ("--set", f"{key}={chosen[key]}"))]


def _fitting(name: str, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Those of `fewer` that a recipe still reads with other kinds, and with experts that are named."""
    read = recipes.load(name, overrides=overrides).keys()
    named = bool(overrides.get("objective.experts"))
    return {
        key: value for key, value in fewer(name).items() if key in read and not (named and "experts." in key)
    }

"""A cell of a table as data: one recipe with its settings, and the networks that judge it."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from vidcondense.base.errors import VidcondenseError
from vidcondense.benchmark.options import Options
from vidcondense.evaluation.protocols import PROTOCOLS
from vidcondense.recipes import load as recipe

if TYPE_CHECKING:
    from vidcondense.recipes.recipe import Recipe
    from vidcondense.run.budget import Samples

WHOLE = "whole"
SPLIT = "{split}"
"""What stands for the name of the split in an override."""
LONGEST_NAME = 100
NOT_FOR_ALL = {"vpc": "--vpc", "seed": "--seeds", "name": "another recipe", "description": "another recipe"}

LABELS = {
    "random": "Random",
    "herding": "Herding",
    "k_center": "K-Center",
    "dm": "DM",
    "dc": "DC",
    "mtt": "MTT",
    "frepo": "FRePo",
    "wang": "DM + Wang",
    "prism": "PRISM",
    "prism_cvpr": "PRISM, other reading",
    "prism_gradient": "PRISM, gradients",
    "prism_trajectory": "PRISM, trajectories",
    "prism_frepo": "PRISM, kernel ridge",
    "dm_trained": "DM, trained networks",
    "prism_trained": "PRISM, trained networks",
    "repeated_frame": "Repeated frame",
    "segments": "Segments",
    "class_mean": "Class mean",
    "still": "One real frame",
    "displaced": "Displaced",
    "real_clips": "Real clips, a stream each",
    "random_soft": "Random, soft labels",
    "displaced_soft": "Displaced, soft labels",
    "every_video": "Whole dataset, coded",
    WHOLE: "Whole dataset",
}
"""What methods are called in tables."""


class Judge(NamedTuple):
    """Networks that judge a set, and how many steps they train for; 0 for what the protocol says."""

    network: str
    steps: int = 0


@dataclass(frozen=True)
class Cell:
    """One entry of a table, measured once per split and seed.

    Attributes:
        row: its row in the table.
        column: its column; with several evaluation networks their names are added.
        recipe: name or path of a recipe; empty for training on all real clips.
        vpc: videos per class; 0 for all, and for as many as the recipe's budget holds.
        overrides: "key=value" texts, later ones winning.
        dataset: whose published hyper-parameters to use, None for the recipe's default.
        networks: evaluation networks; none where only the condensed set matters.
        steps: that they train for; 0 for what the protocol says.
        reference: row and column of the published figure, None where there is none.
    """

    row: str
    column: str
    recipe: str
    vpc: int
    overrides: tuple[str, ...] = ()
    dataset: str | None = None
    networks: tuple[str, ...] = ()
    steps: int = 0
    reference: tuple[str, str] | None = None

    @property
    def name(self) -> str:
        """A folder name that two cells share only if they condense alike."""
        parts = [Path(self.recipe).stem] if self.recipe else [WHOLE]
        if self.vpc:
            parts.append(f"vpc{self.vpc}")
        if self.dataset:
            parts.append(self.dataset)
        values = recipe.parse_overrides(list(self.overrides))
        parts += [f"{key}={value}" for key, value in sorted(values.items())]
        name = re.sub(r"[^\w.=+-]", "_", "-".join(parts))
        if len(name) <= LONGEST_NAME:
            return name
        return f"{name[:LONGEST_NAME]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"

    @property
    def judges(self) -> tuple[Judge, ...]:
        """The evaluation networks with their steps."""
        return tuple(Judge(network, self.steps) for network in self.networks)

    @property
    def budget(self) -> int:
        """Most bytes of the file; 0: none."""
        return int(recipe.parse_overrides(list(self.overrides)).get("budget", 0))

    @property
    def fitted(self) -> bool:
        """Whether it has as many videos as the recipe's budget holds."""
        return bool(self.recipe) and not self.vpc

    @property
    def fixed(self) -> frozenset[str]:
        """Keys of the recipe that its overrides name."""
        return frozenset(recipe.parse_overrides(list(self.overrides)))

    def fit(self, samples: "Samples", made: "Recipe") -> "Recipe":
        """A recipe that it resolved to, with as many videos as its budget holds."""
        from vidcondense.run.budget import fit

        return fit(samples, made, fixed=self.fixed).recipe

    def resolve(self, seed: int, split: str) -> "Recipe":
        """The recipe with all settings.

        Raises:
            VidcondenseError: there is no such recipe, or a setting does not fit it.
        """
        overrides = {**recipe.parse_overrides(self._overrides_of(split)), "seed": seed}
        loaded = recipe.load(self.recipe, vpc=self.vpc or None, dataset=self.dataset, overrides=overrides)
        experts = getattr(loaded.objective, "experts", "")
        return loaded.with_experts(str(Path(experts).resolve())) if experts else loaded

    def seeds(self, given: Sequence[int]) -> Sequence[int]:
        """With which seeds it is measured: the whole dataset, of which nothing is chosen, with the first."""
        return given if self.recipe else given[:1]

    def remarks(self, store: str) -> tuple[str, ...]:
        """What of the recipe's settings for a store of this name was not published, a line for each."""
        if not self.recipe:
            return ()
        overrides = recipe.parse_overrides(list(self.overrides))
        return recipe.remarks(
            self.recipe, vpc=self.vpc or None, dataset=self.dataset, overrides=overrides, store=store
        )

    def arguments(self, seed: int, split: str) -> list[str]:
        """The same as arguments of `vidcondense condense`."""
        arguments = ["--recipe", self.recipe, *(("--vpc", str(self.vpc)) if self.vpc else ())]
        arguments += ["--seed", str(seed)]
        if self.dataset:
            arguments += ["--dataset", self.dataset]
        return arguments + [part for text in self._overrides_of(split) for part in ("--set", text)]

    def _overrides_of(self, split: str) -> list[str]:
        """With the name of the split where an override asks for it, such as in a folder of experts."""
        return [text.replace(SPLIT, split) for text in self.overrides]


@dataclass(frozen=True)
class Skipped:
    """An entry that cannot be measured, and why."""

    row: str
    column: str
    reason: str


@dataclass(frozen=True)
class Choices(Options):
    """What a benchmark builds its cells from: the user's options, and what the store decides.

    Attributes:
        frames: T of the store.
        small: whether to prefer recipes for short runs.
        dataset: which of the papers' datasets the store is, None for any other.
    """

    frames: int = 16
    small: bool = False
    dataset: str | None = None

    def recipe_name(self, method: str) -> str:
        """The recipe that a method means: `<method>_small` for short runs where there is one."""
        small = f"{method}_small"
        return small if self.small and small in recipe.available() else method

    def cell(
        self, method: str, column: str, vpc: int, *, row: str = "", overrides: Sequence[str] = ()
    ) -> Cell:
        """A cell of `method` with the user's overrides, then `overrides`; published under its own name."""
        own = self._overrides(method)
        networks = self.network or (PROTOCOLS[self.protocol]().usual_network,)
        steps = self.steps[0] if self.steps else 0
        if method == WHOLE:
            flip = tuple(text for text in own if _key(text) == "flip")
            return Cell(
                label(WHOLE), "all", "", 0, flip, networks=networks, steps=steps, reference=(WHOLE, "all")
            )
        name = self.recipe_name(method)
        known = name in recipe.available() and self.dataset in recipe.datasets(name)
        return Cell(
            row=row or label(method),
            column=column,
            recipe=name,
            vpc=vpc,
            overrides=(*own, *overrides),
            dataset=self.dataset if known else None,
            networks=networks,
            steps=steps,
            reference=(published_name(method), column),
        )

    def _overrides(self, method: str) -> tuple[str, ...]:
        """The user's overrides that are for `method`."""
        own = {method, _stem(method), published_name(method)}
        split = [_owner(text) for text in self.overrides]
        shared = tuple(text for owner, text in split if not owner)
        read = _applicable(self.recipe_name(method), shared)
        return tuple(text for owner, text in split if owner in own or (not owner and text in read))


def label(method: str) -> str:
    """What a method, or a recipe by its full name, is called in tables."""
    name = published_name(method)
    if name in LABELS and name != method:
        return f"{LABELS[name]} (small)"
    return LABELS.get(method, _stem(method))


def published_name(method: str) -> str:
    """The name under which papers' figures of a method are kept: short runs count as the method."""
    return method.removesuffix("_small")


def check_overrides(overrides: Sequence[str], cells: Sequence[Cell]) -> None:
    """Refuse an override that no recipe could take, or that no cell reads: it would change nothing.

    Args:
        overrides: "key=value" or "method:key=value" texts.
        cells: what a benchmark would measure with them.

    Raises:
        VidcondenseError: names the override and the mend.
    """
    from vidcondense.recipes.reading import keys, nearest

    # Files of the user's may be among recipes: what keys they have, their cells alone know.
    own_recipes = any(cell.recipe.endswith(".toml") for cell in cells)
    known = keys()
    for text in overrides:
        _, plain = _owner(text)
        (key,) = recipe.parse_overrides([plain])
        if key not in known and not own_recipes:
            raise VidcondenseError(f"unknown recipe key {key!r}{nearest(key, known)}")
        if key in NOT_FOR_ALL:
            raise VidcondenseError(f"--set {key} is not for all cells; use {NOT_FOR_ALL[key]}")
        if not any(plain in cell.overrides for cell in cells):
            raise VidcondenseError(f"--set {text}: no method of this benchmark reads {key!r}; leave it out")


def _stem(method: str) -> str:
    """A recipe's name; of one of your own that of its file."""
    return Path(method).stem if method.endswith(".toml") else method


def _applicable(name: str, overrides: tuple[str, ...]) -> tuple[str, ...]:
    """Those for all methods without what a recipe of the package does not read, such as a coreset."""
    if name not in recipe.available():
        return overrides
    known = recipe.load(name).keys()
    deciding = [text for text in overrides if _key(text).endswith((".kind", ".features"))]
    decided = recipe.parse_overrides([text for text in deciding if _key(text) in known])
    known = recipe.load(name, overrides=decided).keys()
    return tuple(text for text in overrides if _key(text) in known)


def _owner(text: str) -> tuple[str, str]:
    """The method that an override is for, "" for all, and the override."""
    owner, separator, rest = text.partition(":")
    return (owner, rest) if separator and "=" not in owner else ("", text)


def _key(text: str) -> str:
    return text.partition("=")[0].strip()

"""Which command comes after which, where that depends on what is there."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.repeats import beside, say_next
from vidcondense.data.index import is_store
from vidcondense.recipes.load import load

if TYPE_CHECKING:
    from vidcondense.run.folder import Description

# Runs are read with PyTorch, for which `prepare` need not wait.

MOST_BESIDE = 20
"""Entries of a folder among which runs to compare with are looked for."""


def new_run(store: Path, recipe: str) -> Path:
    """Where a run on a store may go."""
    return beside(store, "runs") / recipe


def after_store(store: Path) -> None:
    """A store is there: condense it."""
    recipe = "prism_small"
    say_next("condense", store, "--recipe", recipe, "--out", new_run(store, recipe))


def after_experts(store: Path, experts: Path, split: str, values: Mapping[str, object]) -> None:
    """Trained networks are there: condense on them, with the values that the recipe must share with them."""
    recipe = "prism_trained_small"
    usual = load(recipe).fields()
    differing = {key: value for key, value in values.items() if value != usual[key]}
    settings = {"objective.experts": experts, **differing}
    words = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    out = new_run(store, recipe)
    say_next("condense", store, "--recipe", recipe, *words, *_split(split), "--out", out)


def _split(name: str) -> tuple[str, ...]:
    return () if name == "1" else ("--split", name)


def after_run(path: Path) -> None:
    """A run is finished: evaluate it; or if that is done, report it beside the runs that it compares with."""
    if _evaluated(path):
        say_next("report", path, *_beside(path))
    else:
        say_next("evaluate", path)


def after_report(runs: Sequence[Path]) -> None:
    """A page is there: give the runs random selection to compare with, or look at the clips."""
    known = [found for path in runs if (found := _known(path))]
    ours = known[0] if known else None
    if ours and not any(map(_is_random, known)) and _is_there(ours):
        vpc, out = ours["recipe"].get("vpc"), beside(runs[0], f"random-vpc{ours['recipe'].get('vpc')}")
        words = ("--recipe", "random", "--vpc", vpc, *_split(ours["store"]["split"]), "--out", out)
        say_next("condense", ours["store"]["path"], *words)
    else:
        say_next("export", runs[0], runs[0] / "clips")


def _is_there(known: "Description") -> bool:
    """Whether a run, which may be from a stranger, names a store that is here, and nothing like an option."""
    store, vpc = known["store"], known["recipe"].get("vpc")
    path = Path(store["path"])
    return path.is_absolute() and is_store(path) and type(vpc) is int and not store["split"].startswith("-")


def _beside(path: Path) -> list[Path]:
    """Evaluated runs in the same folder that are of the same videos and as many synthetic ones."""
    ours, folder = _known(path), path.resolve().parent
    entries = sorted(folder.iterdir())
    if ours is None or len(entries) > MOST_BESIDE:
        return []
    others = [path.parent / one.name for one in entries if one.name != path.resolve().name]
    return [one for one in others if _evaluated(one) and _same(_known(one), ours)]


def _same(one: "Description | None", other: "Description") -> bool:
    if one is None:
        return False
    facts = [(known["store"]["fingerprint"], known["recipe"].get("vpc")) for known in (one, other)]
    return facts[0] == facts[1]


def _evaluated(path: Path) -> bool:
    from vidcondense.run.folder import RunFolder

    return any(RunFolder(path).evaluations.glob("*.json"))


def _is_random(known: "Description") -> bool:
    coreset = known["recipe"].get("coreset")
    return isinstance(coreset, dict) and coreset.get("kind") == "random"


def _known(path: Path) -> "Description | None":
    """What a folder says of its run; None where it says nothing that can be read."""
    from vidcondense.run.folder import RunFolder

    try:
        return RunFolder(path).read()
    except VidcondenseError:
        return None

"""Which command comes after which, where that depends on what is there."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.repeats import beside, say_next
from vidcondense.data.index import is_store, read_index
from vidcondense.recipes.guide import RECOMMENDED
from vidcondense.recipes.load import load

if TYPE_CHECKING:
    from vidcondense.run.folder import Description

# Runs are read with PyTorch, for which `prepare` need not wait.

MOST_BESIDE = 20
"""Entries of a folder among which runs to compare with are looked for."""
CLASS_KILOBYTES = 2
"""Of the budget that is proposed, which is a power of two and 64 KB at least."""


def new_run(store: Path, recipe: str) -> Path:
    """Where a run on a store may go."""
    return beside(store, "runs") / recipe


def after_store(store: Path) -> None:
    """A store is there: condense it."""
    kilobytes = max(64, 2 ** (CLASS_KILOBYTES * len(read_index(store).class_names) - 1).bit_length())
    words = ("--recipe", RECOMMENDED, "--budget", f"{kilobytes}KB")
    say_next("condense", store, *words, "--out", new_run(store, RECOMMENDED))


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
    """A page is there: give the runs real clips to compare with, or look at the clips."""
    known = [found for path in runs if (found := _known(path))]
    ours = known[0] if known else None
    if ours and not any(map(_is_drawn, known)) and _is_there(ours):
        key, count = _extent(ours)
        recipe = "real_clips" if key == "budget" else "random"
        out = beside(runs[0], f"{recipe}-{key}{count}")
        words = ("--recipe", recipe, f"--{key}", count, *_split(ours["store"]["split"]), "--out", out)
        say_next("condense", ours["store"]["path"], *words)
    else:
        say_next("export", runs[0], runs[0] / "clips")


def _is_there(known: "Description") -> bool:
    """Whether a run, which may be from a stranger, names a store that is here, and nothing like an option."""
    store, path = known["store"], Path(known["store"]["path"])
    counted = type(_extent(known)[1]) is int
    return path.is_absolute() and is_store(path) and counted and not store["split"].startswith("-")


def _extent(known: "Description") -> tuple[str, object]:
    """What runs that are compared fairly share: bytes of the file where there is a budget, else VPC."""
    recipe = known["recipe"]
    return ("budget", recipe["budget"]) if recipe.get("budget") else ("vpc", recipe.get("vpc"))


def _beside(path: Path) -> list[Path]:
    """Evaluated runs in the same folder that are of the same videos and of the same extent."""
    ours, folder = _known(path), path.resolve().parent
    entries = sorted(folder.iterdir())
    if ours is None or len(entries) > MOST_BESIDE:
        return []
    others = [path.parent / one.name for one in entries if one.name != path.resolve().name]
    return [one for one in others if _evaluated(one) and _same(_known(one), ours)]


def _same(one: "Description | None", other: "Description") -> bool:
    if one is None:
        return False
    facts = [(known["store"]["fingerprint"], _extent(known)) for known in (one, other)]
    return facts[0] == facts[1]


def _evaluated(path: Path) -> bool:
    from vidcondense.run.folder import RunFolder

    return any(RunFolder(path).evaluations.glob("*.json"))


def _is_drawn(known: "Description") -> bool:
    """Whether real clips were drawn."""
    coreset = known["recipe"].get("coreset")
    return isinstance(coreset, dict) and coreset.get("kind") in ("random", "at_most")


def _known(path: Path) -> "Description | None":
    """What a folder says of its run; None where it says nothing that can be read."""
    from vidcondense.run.folder import RunFolder

    try:
        return RunFolder(path).read()
    except VidcondenseError:
        return None

"""A run that is there already: whether it is the one that is asked for, and how it is removed for another."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from vidcondense.base import files, members
from vidcondense.base.compute import Precision
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.repeats import MEND, refuse_difference
from vidcondense.base.tables import flat
from vidcondense.data.store import ClipStore
from vidcondense.objectives.on_experts import FOLDER as EXPERTS
from vidcondense.recipes.load import MEMBERS
from vidcondense.recipes.recipe import Recipe
from vidcondense.run.folder import Description, RunFolder
from vidcondense.tracking import FOLDER as TRACKING

SHARDS = "shards"
"""The folder of a run in which its shards are, until they are merged."""


def refuse_other(
    run: RunFolder, recipe: Recipe, store: ClipStore, precision: Precision, shards: int | None
) -> None:
    """Refuse a run that was made from another store or split, by another recipe, or in another way.

    Where it was computed does not count, nor does its precision where "auto" is asked for.

    Raises:
        VidcondenseError: names the first difference, the value that is there and the one asked for.
    """
    known = run.read()
    held = known["store"]
    if held["fingerprint"] != store.fingerprint:
        here = str(store.path.resolve())
        now = "as it was before it was made anew" if held["path"] == here else f"not {here}"
        raise VidcondenseError(f"{run.path} was made from the store at {held['path']}, {now}; {MEND}")
    before: dict[str, Any] = {"split": held["split"], **_recipe(run, known, recipe), **_files(known)}
    after: dict[str, Any] = {"split": store.split, **_values(recipe), **_files_of(recipe)}
    before["shards"], after["shards"] = known.get("shards"), shards
    if precision != "auto":
        before["precision"] = known.get("chosen_precision", known["precision"])
        after["precision"] = precision
    refuse_difference(run.path, before, after)


def _recipe(run: RunFolder, known: Description, wanted: Recipe) -> dict[str, Any]:
    """The values of the run's recipe; no file of a member is loaded but those of the one asked for."""
    raw, ours = flat(known["recipe"]), flat(wanted.to_dict())
    for key in MEMBERS:
        name = raw.get(key)
        if isinstance(name, str) and members.is_extension(name):
            refuse_difference(run.path, {key: name}, {key: ours.get(key)})
    return _values(run.recipe(known))


def _values(recipe: Recipe) -> dict[str, Any]:
    """By dotted key, with the name first; what a recipe says of itself is no difference."""
    values = flat(recipe.to_dict())
    del values["description"]
    return {"recipe": values.pop("name"), **values}


def _files(known: Description) -> dict[str, str]:
    return {f"file {name}": digest for name, digest in known.get("extensions", {}).items()}


def _files_of(recipe: Recipe) -> dict[str, str]:
    return {f"file {name}": digest for name, digest in recipe.extension_files().items()}


def refuse_unclearable(run: RunFolder, recipe: Recipe) -> None:
    """Refuse to make a run anew where something else lies, or on experts that would be removed with it."""
    if run.description.exists():
        run.read()
    else:
        files.refuse_filled(run.path)
    experts = getattr(recipe.objective, "experts", "")
    if experts and Path(experts).is_relative_to(run.path.resolve()):
        raise VidcondenseError(
            f"the experts in {experts} would be removed with what {run.path} holds; name another --out"
        )


def clear(run: RunFolder) -> None:
    """Remove what a run and its evaluations left, but for run.json, which `create` replaces.

    So there is no moment at which the folder is not that of a run: killed in the middle, it is an unfinished
    one. Whatever else lies there stays. The caller holds the folder.

    Raises:
        VidcondenseError: another process works in it, or it cannot be written.
    """
    evaluations = (*run.evaluations.glob("*.json"), *run.evaluations.glob("*.networks"))
    with _held(run.path):
        tracked = (run.path / TRACKING, run.evaluations / TRACKING)
        folders = (run.path / SHARDS, run.path / EXPERTS, run.teachers, *tracked)
        for path in (*evaluations, run.condensed, run.checkpoint, run.metrics, *folders):
            with files.refused(f"cannot remove {path}"):
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink(missing_ok=True)
        with suppress(OSError):  # something else is in it, or it is not there
            run.evaluations.rmdir()


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Hold every lock in the folders below one, so that nobody works on a part of what it holds."""
    locks = []
    try:
        for held in sorted(path.glob("*/**/*.lock")):
            lock = files.try_lock(held)
            if lock is None:
                raise VidcondenseError(f"{files.BUSY} {held.parent}; wait for it, or stop it first")
            locks.append(lock)
        yield
    finally:
        for lock in locks:
            files.unlock(lock)

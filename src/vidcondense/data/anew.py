"""A store made anew: within the old one, which stays until the new one is finished and takes its place."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from vidcondense.base import files
from vidcondense.base.errors import VidcondenseError
from vidcondense.data.index import INDEX, PATHS, VIDEOS, is_store
from vidcondense.data.plan import Plan, check_target
from vidcondense.data.shards import anew_folder, frames_path, unfinished_folder


def planned_anew(plan: Plan) -> Plan:
    """The same plan for a folder within the store that is there; unchanged where none is.

    Raises:
        VidcondenseError: the folder holds something else than a store or the beginning of one.
    """
    store, place = plan.store, anew_folder(plan.store)
    if not store.is_dir() or files.is_free(store):
        return plan
    for entry in store.iterdir():
        if not _is_of_store(entry):
            raise VidcondenseError(f"{store} holds {entry.name}, which is of no store; choose another folder")
    if not any(path.exists() for path in (store / VIDEOS, unfinished_folder(store), place)):
        raise VidcondenseError(f"{store} is not empty and not a store; choose a new or empty folder")
    return replace(plan, store=place, tasks=[replace(task, store=place) for task in plan.tasks])


def forget_other(plan: Plan) -> None:
    """Remove what an interrupted call has made anew so far, if that was in another way than this plan's."""
    try:
        check_target(plan)
    except VidcondenseError:
        with files.refused(f"cannot remove {plan.store}"):
            shutil.rmtree(plan.store)


def waits(store: Path) -> bool:
    """Whether one that was made anew is finished and has not taken its place yet."""
    return is_store(anew_folder(store))


def take_place(store: Path) -> None:
    """Replace a store by the one that was made anew in it. The caller holds the folder.

    Whenever this is stopped, doing it again ends the same way; until then there is no finished store.

    Raises:
        VidcondenseError: the folder cannot be written.
    """
    new = anew_folder(store)
    shards = len(files.read_json(new / INDEX, dict[str, Any])["shard_frames"])
    with files.refused(f"cannot write {store}", "; prepare it again to go on"):
        (store / INDEX).unlink(missing_ok=True)
        for path in sorted(new.iterdir()):
            if path.name != INDEX and path.is_file() and _is_of_store(path):
                path.replace(store / path.name)
        kept = {frames_path(store, number) for number in range(shards)}
        for path in {*store.glob("frames-*.u8")} - kept:
            path.unlink()
        shutil.rmtree(unfinished_folder(store), ignore_errors=True)
        (new / INDEX).replace(store / INDEX)
    sweep_place(store)


def sweep_place(store: Path) -> None:
    """Remove the folder of what has taken its place."""
    place = anew_folder(store)
    if place.is_dir() and files.is_free(place):
        shutil.rmtree(place, ignore_errors=True)


def _is_of_store(entry: Path) -> bool:
    """Whether an entry of a folder is called as those of a store are."""
    names = {INDEX, VIDEOS, PATHS, unfinished_folder(entry.parent).name, anew_folder(entry.parent).name}
    shard = entry.name.startswith("frames-") and entry.suffix == ".u8"
    return entry.name in names or shard or files.is_left(entry)

"""What a store will be made from, decided before anything is decoded, and compared with what is there."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vidcondense.base import files
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.versions import refuse_newer
from vidcondense.data.index import FORMAT_VERSION, INDEX, read_index
from vidcondense.data.options import PrepareOptions
from vidcondense.data.shards import (
    ShardTask,
    VideoRecord,
    block_size,
    finished_records,
    shard_key,
    sweep,
    unfinished_folder,
)
from vidcondense.data.sources import Source, find_videos
from vidcondense.data.standins import address_of

PLAN = "plan.json"


@dataclass(frozen=True)
class Plan:
    """The work of making a store.

    Attributes:
        found: the videos.
        store: the store's folder.
        content: all that the store is made from, as in its index.
        tasks: one per shard.
        options: how it is made.
    """

    found: Source
    store: Path
    content: dict[str, Any]
    tasks: list[ShardTask]
    options: PrepareOptions


def make_plan(source: Path, store: Path, options: PrepareOptions) -> Plan:
    """Find the videos and share them out among shards; nothing is written.

    Args:
        source: folder of videos, as for `prepare`.
        store: the folder that `build_store` is to write.
        options: how.

    Raises:
        VidcondenseError: a source that cannot be used.
    """
    source, store = Path(source), Path(store)
    found = find_videos(source, options.layout, options.test_fraction, options.limits, options.follow_links)
    listing = [[video.path, video.label, video.roles] for video in found.videos]
    digest = hashlib.sha256(json.dumps([found.class_names, listing]).encode()).hexdigest()
    origin = {"folder": address_of(found.root), "layout": found.layout, "listing": digest}
    extras = {"limits": options.limits.to_dict(), "keep": options.keep}
    content = {
        "format_version": FORMAT_VERSION,
        "name": options.name or found.root.resolve().name,
        "frames": options.frames,
        # No video has more than `keep` frames, so that clips span all of them.
        "stride": options.keep or options.stride,
        "size": options.size,
        "framing": options.framing,
        "mirror": options.mirror,
        "split_names": list(found.split_names),
        "source": origin | {name: value for name, value in extras.items() if value},
    }
    return Plan(found, store, content, _tasks(found, store, options), options)


def check_finished(plan: Plan) -> bool:
    """Whether the store is there already.

    Raises:
        VidcondenseError: it is, but was made from something else.
    """
    if not (plan.store / INDEX).exists():
        return False
    index = read_index(plan.store)
    held = {field: getattr(index, field) for field in plan.content} | {"split_names": list(index.split_names)}
    # A source that moved as a whole makes no difference to a finished store.
    _refuse_difference(plan, held, ("keep", "layout", "listing"))
    return True


def check_target(plan: Plan) -> None:
    """Refuse a folder that holds something else than the beginning of this store.

    Raises:
        VidcondenseError: naming the folder and the mend.
    """
    store, plan_path = plan.store, unfinished_folder(plan.store) / PLAN
    if store.exists() and not store.is_dir():
        raise VidcondenseError(f"cannot write a store to {store}: that is a file")
    if plan_path.exists():
        # Videos may be mended, added and removed between two runs: the shards' keys tell what still fits.
        held = files.read_json(plan_path, dict[str, Any])
        refuse_newer(plan_path, held.get("format_version"), FORMAT_VERSION)
        # Earlier versions name neither framing nor mirroring.
        _refuse_difference(
            plan, {"framing": "squeeze", "mirror": "auto"} | held, ("keep", "folder", "layout")
        )
    elif store.is_dir() and any(
        entry != plan_path.parent and not files.is_left(entry) for entry in store.iterdir()
    ):
        raise VidcondenseError(f"{store} is not empty and not a store; choose a new or empty folder")


def claim(plan: Plan) -> None:
    """Claim the folder, or take up the work that an earlier run left there."""
    folder = files.make_folder(unfinished_folder(plan.store))
    files.write_bytes(folder / PLAN, json.dumps(plan.content, indent=2).encode())
    sweep(plan.store, keep=frozenset(task.number for task in plan.tasks))


def finished_shards(plan: Plan) -> dict[int, list[VideoRecord]]:
    """The records of the shards that an earlier run finished and that still fit their videos."""
    return {task.number: records for task in plan.tasks if (records := finished_records(task)) is not None}


def _refuse_difference(plan: Plan, held: dict[str, Any], source_fields: tuple[str, ...]) -> None:
    store, mend = plan.store, "choose another folder, or make it anew with --force"
    for field in source_fields:
        old, value = ((made.get("source") or {}).get(field, 0) for made in (held, plan.content))
        if field == "listing" and old != value:
            raise VidcondenseError(f"{store} was prepared from other videos, classes or splits; {mend}")
        if old != value:
            how = "with" if field == "keep" else "from"
            raise VidcondenseError(f"{store} was prepared {how} {field} {old}, not {value}; {mend}")
    for field, value in plan.content.items():
        if field not in ("source", "format_version") and held.get(field) != value:
            raise VidcondenseError(
                f"{store} was prepared with {field} {held.get(field)}, not {value}; {mend}"
            )


def _tasks(found: Source, store: Path, options: PrepareOptions) -> list[ShardTask]:
    paths = [video.path for video in found.videos]
    block = options.videos_per_shard or block_size(len(paths))
    blocks = [tuple(paths[begin : begin + block]) for begin in range(0, len(paths), block)]
    size, how = options.size, (options.keep, options.framing)
    return [
        ShardTask(number, store, found.root, block, size, shard_key(found.root, block, size, *how), *how)
        for number, block in enumerate(blocks)
    ]

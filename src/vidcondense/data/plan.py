"""What a store will be made from, decided before anything is decoded, and compared with what is there."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vidcondense.base import files
from vidcondense.base.errors import VidcondenseError
from vidcondense.data.index import FORMAT_VERSION, INDEX, MOST_SIZE, read_index
from vidcondense.data.limits import NO_LIMITS, Limits
from vidcondense.data.sampling import MOST_FRAMES, MOST_STRIDE
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
from vidcondense.recipes.settings import check_whole

PLAN = "plan.json"
MOST_PER_SHARD = 1_000_000


@dataclass(frozen=True)
class Plan:
    """The work of making a store.

    Attributes:
        found: the videos.
        store: the store's folder.
        content: all that the store is made from, as in its index.
        tasks: one per shard.
    """

    found: Source
    store: Path
    content: dict[str, Any]
    tasks: list[ShardTask]

    @property
    def size(self) -> int:
        """Height and width of the frames in pixels."""
        return int(self.content["size"])

    @property
    def keep(self) -> int:
        """Frames to store of each video; 0 for all."""
        return int(self.content["source"].get("keep", 0))


def make_plan(
    source: Path,
    store: Path,
    *,
    frames: int = 16,
    stride: int = 4,
    keep: int = 0,
    size: int = 112,
    layout: str = "auto",
    test_fraction: float = 0.2,
    name: str | None = None,
    limits: Limits = NO_LIMITS,
    videos_per_shard: int | None = None,
    follow_links: bool = False,
) -> Plan:
    """Find the videos and share them out among shards; nothing is written.

    Args:
        source: as for `prepare`, and so are the others but one.
        store: the folder that `build_store` is to write.
        frames: T, frames of a clip.
        stride: wanted distance between the frames of a clip; with `keep` it has no effect.
        keep: frames to store of each video, evenly spread; clips then span the whole video. 0 stores all.
        size: height and width in pixels.
        layout: a layout's name, or "auto" to look.
        test_fraction: share of each class to hold out where the layout has no test videos, in (0, 1).
        name: the dataset's name.
        limits: which classes, and how many videos of each.
        videos_per_shard: how many videos share a file of the store; by default 16, fewer for small
            datasets, so that there is work for many processes, more for big ones, so that there are at most
            512 files.
        follow_links: see `find_videos`.

    Raises:
        VidcondenseError: a number out of range, or a source that cannot be used.
    """
    check_whole("frames", frames, 1, MOST_FRAMES)
    check_whole("stride", stride, 1, MOST_STRIDE)
    check_whole("size", size, 1, MOST_SIZE)
    check_whole("videos_per_shard", 1 if videos_per_shard is None else videos_per_shard, 1, MOST_PER_SHARD)
    check_whole("keep", keep, 0, MOST_STRIDE)
    if keep and keep < frames:
        raise VidcondenseError(
            f"keep must be 0 (all frames of a video) or at least the {frames} frames of a clip, not {keep}"
        )
    source, store = Path(source), Path(store)
    found = find_videos(source, layout, test_fraction, limits, follow_links)
    listing = [[video.path, video.label, video.roles] for video in found.videos]
    digest = hashlib.sha256(json.dumps([found.class_names, listing]).encode()).hexdigest()
    origin = {"folder": str(found.root.resolve()), "layout": found.layout, "listing": digest}
    extras = {"limits": limits.to_dict(), "keep": keep}
    content = {
        "format_version": FORMAT_VERSION,
        "name": name or found.root.resolve().name,
        "frames": frames,
        "stride": keep or stride,  # no video has more than `keep` frames, so that clips span all of them
        "size": size,
        "split_names": list(found.split_names),
        "source": origin | {name: value for name, value in extras.items() if value},
    }
    return Plan(found, store, content, _tasks(found, store, size, keep, videos_per_shard))


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
        _refuse_difference(plan, files.read_json(plan_path), ("keep", "folder", "layout"))
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
    store, mend = plan.store, "choose another folder, or delete this one"
    for field in source_fields:
        old, value = ((made.get("source") or {}).get(field, 0) for made in (held, plan.content))
        if field == "listing" and old != value:
            raise VidcondenseError(f"{store} was prepared from other videos, classes or splits; {mend}")
        if old != value:
            how = "with" if field == "keep" else "from"
            raise VidcondenseError(f"{store} was prepared {how} {field} {old}, not {value}; {mend}")
    for field, value in plan.content.items():
        if field != "source" and held.get(field) != value:
            raise VidcondenseError(
                f"{store} was prepared with {field} {held.get(field)}, not {value}; {mend}"
            )


def _tasks(found: Source, store: Path, size: int, keep: int, videos_per_shard: int | None) -> list[ShardTask]:
    paths = [video.path for video in found.videos]
    block = videos_per_shard or block_size(len(paths))
    blocks = [tuple(paths[begin : begin + block]) for begin in range(0, len(paths), block)]
    return [
        ShardTask(number, store, found.root, block, size, shard_key(found.root, block, size, keep), keep)
        for number, block in enumerate(blocks)
    ]

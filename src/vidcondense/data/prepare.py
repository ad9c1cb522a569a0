"""From video files to a ClipStore: in parallel, resumable, in memory that stays small."""

import hashlib
import json
import shutil
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from vidcondense import files
from vidcondense.data.index import (
    FORMAT_VERSION,
    INDEX,
    StoreIndex,
    fingerprint,
    read_index,
    video_table,
    write_index,
)
from vidcondense.data.layouts.listing import ROLES, TEST, TRAIN
from vidcondense.data.messages import Messages, estimated_bytes, gigabytes
from vidcondense.data.shards import (
    ShardTask,
    VideoRecord,
    block_size,
    decoder_versions,
    finished_records,
    frame_bytes,
    shard_key,
    sweep,
    unfinished_folder,
)
from vidcondense.data.sources import Source, SourceVideo, check_classes, find_videos
from vidcondense.data.store import ClipStore
from vidcondense.data.workers import build_shards, usable_cores
from vidcondense.errors import VidcondenseError

PLAN = "plan.json"


def prepare(
    source: Path,
    store: Path,
    *,
    frames: int = 16,
    stride: int = 4,
    size: int = 112,
    layout: str = "auto",
    test_fraction: float = 0.2,
    name: str | None = None,
    workers: int = 0,
    strict: bool = False,
    progress: bool = True,
) -> ClipStore:
    """Decode a labelled video dataset into a store; run again after an interruption to go on.

    Args:
        source: folder of videos, one sub-folder per class, or another layout that `find_videos` knows.
        store: folder to write; it must be new, empty, or hold a store of the same source and settings.
        frames: T, frames of a clip.
        stride: wanted distance between the frames of a clip (shorter videos are sampled more densely).
        size: height and width in pixels.
        layout: a layout's name, or "auto" to look.
        test_fraction: share of each class to hold out where the layout has no test videos, in (0, 1).
        name: the dataset's name; the source folder's by default.
        workers: decoding processes; 0 is one per core, 1 decodes in this process.
        strict: stop at the first broken or missing file instead of skipping it.
        progress: print progress, estimates and skipped files to standard error.

    Returns:
        the store, opened at its first split.

    Raises:
        VidcondenseError: bad source or settings, a target that cannot be written or holds something else, a
            class left without training or test videos once broken files are skipped, or, if `strict`, any
            broken file.
    """
    source, store = Path(source), Path(store)
    _check_numbers(frames=frames, stride=stride, size=size)
    if workers < 0:
        raise VidcondenseError(f"workers must be 0 (one per core) or more, not {workers}")
    found = find_videos(source, layout, test_fraction)
    plan = _plan(found, name, frames, stride, size)
    if (store / INDEX).exists():
        return _finished_store(store, plan, found.split_names[0])
    if strict and found.missing:
        raise VidcondenseError(f"{found.root / found.missing[0][0]}: {found.missing[0][1]}")
    messages = Messages(progress)
    tasks = _tasks(found, store, size)
    _begin(store, plan, tasks)
    records = _build(tasks, found, workers or usable_cores(), strict, messages)
    _finish(store, found, plan, tasks, records, messages)
    return ClipStore.open(store, found.split_names[0])


def _check_numbers(**numbers: int) -> None:
    for field, value in numbers.items():
        if value < 1:
            raise VidcondenseError(f"{field} must be at least 1, not {value}")


def _plan(found: Source, name: str | None, frames: int, stride: int, size: int) -> dict[str, Any]:
    """All that a store is made from, compared with what a folder already holds."""
    listing = [[video.path, video.label, video.roles] for video in found.videos]
    digest = hashlib.sha256(json.dumps([found.class_names, listing]).encode()).hexdigest()
    return {
        "format_version": FORMAT_VERSION,
        "name": name or found.root.resolve().name,
        "frames": frames,
        "stride": stride,
        "size": size,
        "split_names": list(found.split_names),
        "source": {"folder": str(found.root.resolve()), "layout": found.layout, "listing": digest},
    }


def _finished_store(store: Path, plan: dict[str, Any], split: str) -> ClipStore:
    index = read_index(store)
    held = {field: getattr(index, field) for field in plan} | {"split_names": list(index.split_names)}
    # A source that moved as a whole makes no difference to a finished store.
    _refuse_difference(store, held, plan, ("layout", "listing"))
    return ClipStore.open(store, split)


def _refuse_difference(
    store: Path, held: dict[str, Any], plan: dict[str, Any], source_fields: tuple[str, ...]
) -> None:
    mend = "choose another folder, or delete this one"
    for field, value in plan.items():
        if field != "source" and held.get(field) != value:
            raise VidcondenseError(
                f"{store} was prepared with {field} {held.get(field)}, not {value}; {mend}"
            )
    for field in source_fields:
        old, value = (held.get("source") or {}).get(field), plan["source"][field]
        if field == "listing" and old != value:
            raise VidcondenseError(f"{store} was prepared from other videos, classes or splits; {mend}")
        if old != value:
            raise VidcondenseError(f"{store} was prepared from {field} {old}, not {value}; {mend}")


def _begin(store: Path, plan: dict[str, Any], tasks: list[ShardTask]) -> None:
    """Claim the folder, or take up the work that an earlier run left there."""
    if store.exists() and not store.is_dir():
        raise VidcondenseError(f"cannot write a store to {store}: that is a file")
    plan_path = unfinished_folder(store) / PLAN
    if plan_path.exists():
        # Videos may be mended, added and removed between two runs: the shards' keys tell what still fits.
        _refuse_difference(store, files.read_json(plan_path), plan, ("folder", "layout"))
    elif store.is_dir() and any(entry != plan_path.parent for entry in store.iterdir()):
        raise VidcondenseError(f"{store} is not empty and not a store; choose a new or empty folder")
    files.make_folder(plan_path.parent)
    files.write_bytes(plan_path, json.dumps(plan, indent=2).encode())
    sweep(store, keep=frozenset(task.number for task in tasks))


def _tasks(found: Source, store: Path, size: int) -> list[ShardTask]:
    paths = [video.path for video in found.videos]
    block = block_size(len(paths))
    blocks = [tuple(paths[begin : begin + block]) for begin in range(0, len(paths), block)]
    return [
        ShardTask(number, store, found.root, block, size, shard_key(found.root, block, size))
        for number, block in enumerate(blocks)
    ]


def _build(
    tasks: list[ShardTask], found: Source, workers: int, strict: bool, messages: Messages
) -> list[list[VideoRecord]]:
    """The records of every shard, in order; shards that are already there are kept."""
    done = {task.number: records for task in tasks if (records := finished_records(task)) is not None}
    for records in done.values():
        _refuse_skipped(records, strict)
    left = [task for task in tasks if task.number not in done]
    kept = len(found.videos) - sum(len(task.paths) for task in left)
    if left:
        paths = [found.root / path for task in left for path in task.paths]
        messages.begin(
            found.root.name, len(paths), kept, estimated_bytes(paths, left[0].size), tasks[0].store
        )
    try:
        with closing(build_shards(left, workers)) as built, messages.bar(len(found.videos), kept) as advance:
            for task, records in built:
                _refuse_skipped(records, strict)
                done[task.number] = records
                advance(len(records))
    except KeyboardInterrupt:
        messages.line(
            f"stopped; {len(done)} of {len(tasks)} parts are kept: run the same command again to go on"
        )
        raise
    return [done[task.number] for task in tasks]


def _refuse_skipped(records: Sequence[VideoRecord], strict: bool) -> None:
    broken = next((record for record in records if record.skipped), None)
    if strict and broken:
        raise VidcondenseError(
            f"{broken.path}: {broken.skipped}; mend or remove it, or prepare without --strict"
        )


def _finish(
    store: Path,
    found: Source,
    plan: dict[str, Any],
    tasks: list[ShardTask],
    records: list[list[VideoRecord]],
    messages: Messages,
) -> None:
    flat = [(task.number, record) for task, part in zip(tasks, records, strict=True) for record in part]
    skipped = [(record.path, record.skipped) for _, record in flat if record.skipped] + list(found.missing)
    messages.skipped(skipped)
    usable = [(video, *row) for video, row in zip(found.videos, flat, strict=True) if not row[1].skipped]
    where = f"{found.root} without its {len(skipped)} unusable files" if skipped else str(found.root)
    check_classes(found.class_names, found.split_names, [video for video, _, _ in usable], where)
    messages.duplicates(
        duplicates([(video, record.sha256) for video, _, record in usable], found.split_names)
    )
    table = video_table(len(usable), len(found.split_names))
    table["label"] = [video.label for video, _, _ in usable]
    table["frames"] = [record.frames for _, _, record in usable]
    table["shard"] = [shard for _, shard, _ in usable]
    table["roles"] = [[ROLES.index(role) for role in video.roles] for video, _, _ in usable]
    table["sha256"] = [np.frombuffer(bytes.fromhex(record.sha256), np.uint8) for _, _, record in usable]
    seen = {field: plan[field] for field in ("split_names", "frames", "stride", "size")}
    index = StoreIndex(
        **{**plan, "split_names": found.split_names},
        class_names=found.class_names,
        decoder=decoder_versions(),
        fingerprint=fingerprint({**seen, "class_names": found.class_names}, table),
        videos=len(usable),
        shard_frames=tuple(sum(record.frames for record in part) for part in records),
        skipped=tuple({"path": path, "reason": reason} for path, reason in skipped),
    )
    write_index(store, index, table, [video.path for video, _, _ in usable])
    shutil.rmtree(unfinished_folder(store), ignore_errors=True)
    total = sum(index.shard_frames)
    messages.line(
        f"{store}: {len(usable)} videos, {total} frames, {gigabytes(total * frame_bytes(plan['size']))}"
    )


def duplicates(
    videos: Sequence[tuple[SourceVideo, str]], split_names: Sequence[str]
) -> list[tuple[str, str, str]]:
    """Videos with the same pixels on both sides of a split.

    Args:
        videos: each video with the SHA-256 of its pixels.
        split_names: names of the splits, in the order of a video's roles.

    Returns:
        (training path, test path, split) of each test video that has a twin, the first split where it has.
    """
    twins: dict[str, list[SourceVideo]] = {}
    for video, digest in videos:
        twins.setdefault(digest, []).append(video)
    found: dict[tuple[str, str], str] = {}
    for group in twins.values():
        for index, split in enumerate(split_names):
            train = [video.path for video in group if video.roles[index] == TRAIN]
            test = [video.path for video in group if video.roles[index] == TEST]
            for path in test if train else ():
                found.setdefault((train[0], path), split)
    return [(train_path, test_path, split) for (train_path, test_path), split in found.items()]

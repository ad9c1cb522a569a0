"""From video files to a ClipStore: in parallel, resumable, in memory that stays small."""

import shutil
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from vidcondense.base import files
from vidcondense.base.errors import VidcondenseError, printable
from vidcondense.data.estimate import check_space, estimate_seconds, estimate_size, gigabytes
from vidcondense.data.index import StoreIndex, fingerprint, video_table, write_index
from vidcondense.data.isolation import Worker, hired
from vidcondense.data.layouts.listing import ROLES, TEST, TRAIN
from vidcondense.data.limits import NO_LIMITS, Limits
from vidcondense.data.messages import Messages, describe
from vidcondense.data.plan import Plan, check_finished, check_target, claim, finished_shards, make_plan
from vidcondense.data.shards import VideoRecord, decoder_versions, frame_bytes, sweep, unfinished_folder
from vidcondense.data.sources import SourceVideo, check_classes
from vidcondense.data.store import ClipStore
from vidcondense.data.workers import build_shards, usable_cores

Done = dict[int, list[VideoRecord]]


def prepare(
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
        keep: see `make_plan`.
        size: height and width in pixels.
        layout: a layout's name, or "auto" to look.
        test_fraction: share of each class to hold out where the layout has no test videos, in (0, 1).
        name: the dataset's name; the source folder's by default.
        limits: which classes, and how many videos of each; all by default.
        videos_per_shard: see `make_plan`.
        follow_links: see `find_videos`.
        workers: decoding processes; 0 is one per core.
        strict: stop at the first broken or missing file instead of skipping it.
        progress: print progress, estimates and skipped files to standard error.

    Returns:
        the store, opened at its first split.

    Raises:
        VidcondenseError: as `make_plan` and `build_store`.
    """
    plan = make_plan(
        source,
        store,
        frames=frames,
        stride=stride,
        keep=keep,
        size=size,
        layout=layout,
        test_fraction=test_fraction,
        name=name,
        limits=limits,
        videos_per_shard=videos_per_shard,
        follow_links=follow_links,
    )
    return build_store(plan, workers=workers, strict=strict, progress=progress)


def build_store(plan: Plan, *, workers: int = 0, strict: bool = False, progress: bool = True) -> ClipStore:
    """Make the store that a plan describes, or go on with it; `prepare` in two steps.

    Raises:
        VidcondenseError: a target that cannot be written, holds something else or has too little room, a
            class left without training or test videos once broken files are skipped, or, if `strict`, any
            broken file.
    """
    workers = _check_workers(workers)
    found = plan.found
    if check_finished(plan):
        if unfinished_folder(plan.store).is_dir():  # whoever finished it was killed in the very end
            _tidy(plan.store)
        return ClipStore.open(plan.store, found.split_names[0])
    if strict and found.missing:
        raise VidcondenseError(f"{found.root / found.missing[0][0]}: {found.missing[0][1]}")
    check_target(plan)
    done = finished_shards(plan)
    messages = Messages(progress)
    left = _left(plan, done)
    with hired(min(workers, max(1, len(plan.tasks) - len(done)))) as crew:
        if left:
            expected = estimate_size(left, plan.size, crew[0], plan.keep)
            if progress:
                seconds = estimate_seconds(left, plan.size, expected.frames, crew[0], len(crew))
                messages.lines(describe(plan, expected, seconds))
            check_space(plan.store, expected.bytes)
        with files.lock_folder(files.make_folder(plan.store)):
            claim(plan)
            records = _build(plan, done, crew, strict, messages)
            _finish(plan, records, messages)
    return ClipStore.open(plan.store, found.split_names[0])


def preview(plan: Plan, *, workers: int = 0) -> str:
    """Say in a few lines what `build_store` would find, need and take; nothing is written.

    Raises:
        VidcondenseError: what `build_store` would refuse before it decodes anything.
    """
    workers = _check_workers(workers)
    if check_finished(plan):
        return f"{plan.store} is there already, made from the same videos with the same settings"
    check_target(plan)
    left = _left(plan, finished_shards(plan))
    with hired(1) as (worker,):
        expected = estimate_size(left, plan.size, worker, plan.keep)
        seconds = estimate_seconds(left, plan.size, expected.frames, worker, workers)
    lines = describe(plan, expected, seconds)
    check_space(plan.store, expected.bytes)
    return "\n".join(printable(line) for line in lines)


def _check_workers(workers: int) -> int:
    if workers < 0:
        raise VidcondenseError(f"workers must be 0 (one per core) or more, not {workers}")
    return workers or usable_cores()


def _left(plan: Plan, done: Done) -> list[Path]:
    """The videos of the shards that are not done."""
    return [plan.found.root / path for task in plan.tasks if task.number not in done for path in task.paths]


def _build(
    plan: Plan, done: Done, crew: list[Worker], strict: bool, messages: Messages
) -> list[list[VideoRecord]]:
    """The records of every shard, in order; those in `done` are kept."""
    for records in done.values():
        _refuse_skipped(records, strict)
    left = [task for task in plan.tasks if task.number not in done]
    total = len(plan.found.videos)
    kept = total - sum(len(task.paths) for task in left)
    done = dict(done)
    try:
        with closing(build_shards(left, crew)) as built, messages.bar(total, kept) as advance:
            for task, records in built:
                _refuse_skipped(records, strict)
                done[task.number] = records
                advance(len(records))
    except KeyboardInterrupt:
        messages.line(
            f"stopped; {len(done)} of {len(plan.tasks)} parts are kept: run the same command again to go on"
        )
        raise
    return [done[task.number] for task in plan.tasks]


def _refuse_skipped(records: Sequence[VideoRecord], strict: bool) -> None:
    broken = next((record for record in records if record.skipped), None)
    if strict and broken:
        raise VidcondenseError(
            f"{broken.path}: {broken.skipped}; mend or remove it, or prepare without --strict"
        )


def _finish(plan: Plan, records: list[list[VideoRecord]], messages: Messages) -> None:
    """Write the index over the finished shards."""
    found, store, content = plan.found, plan.store, plan.content
    flat = [(task.number, record) for task, part in zip(plan.tasks, records, strict=True) for record in part]
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
    seen = {field: content[field] for field in ("split_names", "frames", "stride", "size")}
    index = StoreIndex(
        **{**content, "split_names": found.split_names},
        class_names=found.class_names,
        decoder=decoder_versions(),
        fingerprint=fingerprint({**seen, "class_names": found.class_names}, table),
        videos=len(usable),
        shard_frames=tuple(sum(record.frames for record in part) for part in records),
        skipped=tuple({"path": path, "reason": reason} for path, reason in skipped),
    )
    write_index(store, index, table, [video.path for video, _, _ in usable])
    _tidy(store)
    total = sum(index.shard_frames)
    messages.line(
        f"{store}: {len(usable)} videos, {total} frames, {gigabytes(total * frame_bytes(plan.size))}"
    )


def _tidy(store: Path) -> None:
    """Remove what a finished store no longer needs, and what workers wrote that outlived a killed prepare."""
    shutil.rmtree(unfinished_folder(store), ignore_errors=True)
    sweep(store)


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

"""From video files to a ClipStore: in parallel, resumable, in memory that stays small."""

import shutil
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import numpy as np

from vidcondense.base import files
from vidcondense.base.errors import VidcondenseError, printable
from vidcondense.base.processes import usable_cores
from vidcondense.base.progress import Progress
from vidcondense.base.units import gigabytes, plural
from vidcondense.data import anew, messages, standins
from vidcondense.data.estimate import check_space, estimate_seconds, estimate_size
from vidcondense.data.index import StoreIndex, fingerprint, video_table, write_index
from vidcondense.data.isolation import Worker, worker_pool
from vidcondense.data.layouts.listing import ROLES, TEST, TRAIN
from vidcondense.data.options import PrepareFields, PrepareOptions
from vidcondense.data.plan import Plan, check_finished, check_target, claim, finished_shards, make_plan
from vidcondense.data.shard import build_on
from vidcondense.data.shards import (
    VideoRecord,
    bytes_of,
    decoder_versions,
    frame_bytes,
    sweep,
    unfinished_folder,
)
from vidcondense.data.sources import SourceVideo, check_classes
from vidcondense.data.survey import unusable
from vidcondense.data.workers import Built, build_shards
from vidcondense.work.engines import HERE, check_on

if TYPE_CHECKING:
    from vidcondense.data.store import ClipStore

Done = dict[int, list[VideoRecord]]
SAME = "is there already, made from the same videos with the same settings"


def prepare(
    source: Path | str,
    store: Path | str,
    *,
    progress: bool = True,
    force: bool = False,
    on: str = HERE,
    **options: Unpack[PrepareFields],
) -> "ClipStore":
    """Decode a labelled video dataset into a store; called again it goes on, or opens the finished store.

    Args:
        source: folder of videos, one sub-folder per class, or another layout that `find_videos` knows; or its
            address, such as s3://bucket/videos.
        store: folder to write; it must be new, empty, or hold a store of the same source and settings.
        progress: print progress, estimates and skipped files to standard error.
        force: make the store anew; the one that is there stays until the new one is finished.
        on: "here", "ray" or "ray://HOST:PORT": see docs/scale.md.
        options: the fields of `PrepareOptions`, which says what they mean.

    Returns:
        the store, opened at its first split.

    Raises:
        VidcondenseError: an option out of range, or as `make_plan` and `build_store`.
    """
    with standins.local(source, Path(store)) as root:
        plan = make_plan(root, Path(store), PrepareOptions(**options))
        build_store(plan, progress=progress, force=force, on=on)
    from vidcondense.data.store import ClipStore  # it needs PyTorch, for which decoding need not wait

    return ClipStore.open(plan.store, plan.found.split_names[0])


def build_store(plan: Plan, *, progress: bool = True, force: bool = False, on: str = HERE) -> None:
    """Make the store that a plan describes, or go on with it; `prepare` in two steps.

    Raises:
        UnitsFailed: shards that failed three times on a cluster; the others are built.
        VidcondenseError: a target that cannot be written, holds something else or has too little room, a
            class left without training or test videos once broken files are skipped, or, if strict, any
            broken file.
    """
    check_on(on)
    if anew.waits(plan.store):  # whoever made it was killed in the very end
        with files.lock_folder(plan.store):
            anew.take_place(plan.store)
    inside = anew.planned_anew(plan) if force else plan
    if inside is not plan:
        with files.lock_folder(plan.store):
            anew.forget_other(inside)
            build_store(inside, progress=progress, on=on)
            anew.take_place(plan.store)
        _say([f"it has taken the place of the earlier {plan.store}"], show=progress)
    elif check_finished(plan):
        _say([f"{plan.store} {SAME}: nothing to do"], show=progress)
        anew.sweep_place(plan.store)
        if unfinished_folder(plan.store).is_dir():  # whoever finished it was killed in the very end
            _tidy(plan.store)
    else:
        _build_missing(plan, progress=progress, on=on)


def _build_missing(plan: Plan, *, progress: bool, on: str) -> None:
    """Build the shards that are not there yet, and finish the store."""
    found, options = plan.found, plan.options
    if options.strict and found.missing:
        raise VidcondenseError(f"{found.root / found.missing[0][0]}: {found.missing[0][1]}")
    check_target(plan)
    done = finished_shards(plan)
    left = _left(plan, done)
    count = options.workers or usable_cores() if on == HERE else 1  # elsewhere we only estimate
    needed = min(count, max(1, len(plan.tasks) - len(done)))
    with worker_pool(needed) as workers:
        if left:
            expected = estimate_size(left, options.size, workers[0], options.keep)
            if progress:
                seconds = estimate_seconds(left, options.size, expected.frames, workers[0], len(workers))
                _say(messages.describe(plan, expected, seconds))
            check_space(plan.store, expected.bytes)
        with files.lock_folder(files.make_folder(plan.store)):
            claim(plan)
            if on == HERE:
                records = _build(plan, done, workers, show=progress)
            else:
                records = _build_on(on, plan, done, show=progress)
            _finish(plan, records, show=progress)


def preview(plan: Plan) -> str:
    """Say in a few lines what `build_store` would find, need and take; nothing is written.

    Raises:
        VidcondenseError: what `build_store` would refuse before it decodes anything.
    """
    if check_finished(plan):
        return f"{plan.store} {SAME}"
    check_target(plan)
    left, size = _left(plan, finished_shards(plan)), plan.options.size
    with worker_pool(1) as (worker,):
        expected = estimate_size(left, size, worker, plan.options.keep)
        workers = plan.options.workers or usable_cores()
        seconds = estimate_seconds(left, size, expected.frames, worker, workers)
    lines = messages.describe(plan, expected, seconds)
    check_space(plan.store, expected.bytes)
    return "\n".join(printable(line) for line in lines)


def _say(lines: Sequence[str], *, show: bool = True) -> None:
    for line in lines:
        Progress(0, enabled=show).say(printable(line))


def _left(plan: Plan, done: Done) -> list[Path]:
    """The videos of the shards that are not done."""
    return [plan.found.root / path for task in plan.tasks if task.number not in done for path in task.paths]


def _build(plan: Plan, done: Done, workers: list[Worker], *, show: bool) -> list[list[VideoRecord]]:
    """The records of every shard, in order; those in `done` are kept."""
    strict = plan.options.strict
    for records in done.values():
        _refuse_skipped(records, strict)
    left = [task for task in plan.tasks if task.number not in done]
    total = len(plan.found.videos)
    kept = total - sum(len(task.paths) for task in left)
    done, began = dict(done), time.monotonic()
    try:
        with (
            closing(build_shards(left, workers)) as built,
            Progress(total, kept, enabled=show and bool(left)) as progress,
        ):
            for task, records in built:
                _refuse_skipped(records, strict)
                done[task.number] = records
                rate = (progress.done + len(records) - kept) / (time.monotonic() - began)
                progress.advance(len(records), videos_per_second=rate)
    except KeyboardInterrupt:
        text = (
            f"stopped; {len(done)} of {len(plan.tasks)} parts are kept: run the same command again to go on"
        )
        _say([text], show=show)
        raise
    return [done[task.number] for task in plan.tasks]


def _build_on(on: str, plan: Plan, done: Done, *, show: bool) -> list[list[VideoRecord]]:
    """The same on the machines of a cluster."""
    strict, known = plan.options.strict, dict(done)
    for records in done.values():
        _refuse_skipped(records, strict)

    def built(one: Built) -> None:
        task, records = one
        _refuse_skipped(records, strict)
        known[task.number] = records

    build_on(on, [task for task in plan.tasks if task.number not in done], built, show=show)
    return [known[task.number] for task in plan.tasks]


def _refuse_skipped(records: Sequence[VideoRecord], strict: bool) -> None:
    broken = next((record for record in records if record.skipped), None)
    if strict and broken:
        raise VidcondenseError(
            f"{broken.path}: {broken.skipped}; mend or remove it, or prepare without --strict"
        )


@dataclass(frozen=True)
class _Stored:
    """A video that the store holds: where it is from, the number of its shard, and what decoding gave."""

    video: SourceVideo
    shard: int
    record: VideoRecord

    def row(self) -> tuple[object, ...]:
        """Its row of `video_table`."""
        roles = [ROLES.index(role) for role in self.video.roles]
        digest = np.frombuffer(bytes.fromhex(self.record.sha256), np.uint8)
        return self.video.label, self.record.frames, self.shard, roles, digest


def _finish(plan: Plan, records: list[list[VideoRecord]], *, show: bool) -> None:
    """Write the index over the finished shards."""
    found, store, content, options = plan.found, plan.store, plan.content, plan.options
    shards = [
        (task.number, record) for task, part in zip(plan.tasks, records, strict=True) for record in part
    ]
    skipped = [(record.path, record.skipped) for _, record in shards if record.skipped] + list(found.missing)
    _say(messages.skipped(skipped), show=show)
    notes = [(record.path, record.note) for _, record in shards if record.note]
    _say(messages.noted(notes), show=show)
    about_source = [("", note) for note in found.notes]
    stored = [
        _Stored(video, shard, record)
        for video, (shard, record) in zip(found.videos, shards, strict=True)
        if not record.skipped
    ]
    where = f"{found.root}{unusable(skipped)}"
    check_classes(found.class_names, found.split_names, [entry.video for entry in stored], where)
    digests = [(entry.video, entry.record.sha256) for entry in stored]
    _say(messages.duplicates(duplicates(digests, found.split_names)), show=show)
    table = video_table(len(stored), len(found.split_names))
    for number, entry in enumerate(stored):
        table[number] = entry.row()
    seen = {field: content[field] for field in ("split_names", "frames", "stride", "size")}
    if options.framing != "squeeze":  # before there were others nothing was said of it
        seen["framing"] = options.framing
    index = StoreIndex(
        **{**content, "split_names": found.split_names},
        class_names=found.class_names,
        decoder=decoder_versions(),
        fingerprint=fingerprint({**seen, "class_names": found.class_names}, table),
        videos=len(stored),
        shard_frames=tuple(sum(record.frames for record in part) for part in records),
        skipped=tuple({"path": path, "reason": reason} for path, reason in skipped),
        notes=tuple({"path": path, "note": note} for path, note in [*about_source, *notes]),
        test_from=found.test_from,
        seen={"files": found.seen.files, "folders": found.seen.folders, "lists": found.seen.lists},
        passed_over=tuple(asdict(one) for one in found.seen.passed_over),
        source_bytes=_source_bytes(found.root, [entry.video for entry in stored], len(found.split_names)),
    )
    write_index(store, index, table, [entry.video.path for entry in stored])
    _tidy(store)
    total = sum(index.shard_frames)
    size = gigabytes(total * frame_bytes(options.size))
    lines = [f"{store}: {plural(len(stored), 'video')}, {total:,} frames, {size}"]
    if skipped:  # the counts that were said before the videos were decoded
        lines += messages.counts(found, [entry.video for entry in stored])
    _say(lines, show=show)


def _source_bytes(root: Path, videos: Sequence[SourceVideo], splits: int) -> tuple[int, ...]:
    """Of each split the bytes of its training videos' files; empty where the size of one cannot be told."""
    found = [bytes_of(root / video.path) for video in videos]
    sizes = [size if isinstance(size, int) else size[-1] for size in found]
    if any(size < 0 for size in sizes):
        return ()
    return tuple(
        sum(size for size, video in zip(sizes, videos, strict=True) if video.roles[split] == TRAIN)
        for split in range(splits)
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

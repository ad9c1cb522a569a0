"""One shard of a store: the frames of a fixed block of videos in one file.

Which videos share a shard depends on the dataset alone, so that the bytes are the same for any number of
workers. A record beside the frames says what is in them and from what they were made: a shard whose record
still fits is kept when `prepare` runs again. Nothing here imports torch, which would slow down every worker's
start.
"""

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypedDict

import av

from vidcondense.base import files
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.typed import Count
from vidcondense.data import tars
from vidcondense.data.contents import DecodeError
from vidcondense.data.decode import decode_frames
from vidcondense.data.pictures import pictures_in
from vidcondense.data.thinning import spread_frames

CHANNELS = 3
RULES = 2
"""Counts changes of what is read of a file, and how."""
MOST_SHARDS = 512
USUAL_BLOCK = 16
SMALL_DATASET_SHARDS = 32


@dataclass(frozen=True)
class VideoRecord:
    """What became of one video: its frames and the SHA-256 of their pixels, or why it was skipped; a note."""

    path: str
    frames: Count = 0
    sha256: str = ""
    skipped: str = ""
    note: str = ""


class _Record(TypedDict):
    key: str
    videos: list[VideoRecord]


@dataclass(frozen=True)
class ShardTask:
    """The work of building one shard.

    Attributes:
        number: position of the shard in the store.
        store: the store's folder.
        root: the source's folder.
        paths: the videos, relative to root, in order.
        size: height and width of the frames in pixels.
        key: hash of everything that the frames depend on.
        keep: frames to keep of each video, see `thinning.spread_frames`; 0 for all.
        framing: how frames are made square, see `PrepareOptions`.
    """

    number: int
    store: Path
    root: Path
    paths: tuple[str, ...]
    size: int
    key: str
    keep: int = 0
    framing: str = "squeeze"


def block_size(videos: int) -> int:
    """Videos per shard: few files for big datasets, work for many processes for small ones."""
    return max(-(-videos // MOST_SHARDS), min(USUAL_BLOCK, -(-videos // SMALL_DATASET_SHARDS)))


def frames_path(store: Path, number: int) -> Path:
    """The file with the frames of a shard: (frame, height, width, 3) uint8 and nothing else."""
    return store / f"frames-{number:05d}.u8"


def record_path(store: Path, number: int) -> Path:
    """The file that says a shard is finished, and what is in it."""
    return unfinished_folder(store) / f"{number:05d}.json"


def unfinished_folder(store: Path) -> Path:
    """Where a store keeps what it needs only until it is finished."""
    return store / "unfinished"


def anew_folder(store: Path) -> Path:
    """Where in a store another one is made that is to replace it."""
    return store / "anew"


def decoder_versions() -> dict[str, str]:
    """The versions of what decides the pixels."""
    libraries = {name: ".".join(map(str, version)) for name, version in av.library_versions.items()}
    return {"pyav": av.__version__, **{name: libraries[name] for name in ("libavcodec", "libswscale")}}


def frame_bytes(size: int) -> int:
    """Bytes of one stored frame."""
    return size * size * CHANNELS


def shard_key(root: Path, paths: tuple[str, ...], size: int, keep: int, framing: str) -> str:
    """Hash of everything the frames of a shard depend on: videos, their sizes in bytes, resizing, decoder."""
    sizes = [(path, bytes_of(root / path)) for path in paths]
    text = json.dumps([RULES, size, keep, framing, decoder_versions(), sizes])
    return hashlib.sha256(text.encode()).hexdigest()


def temporary_path(task: ShardTask) -> Path:
    """Where the frames of a shard are before they are safe on disk; no other `prepare` writes there."""
    return task.store / f".frames-{task.number:05d}.{os.getpid()}.tmp"


def append_video(path: Path, size: int, keep: int, framing: str, file: str, target: str) -> dict[str, Any]:
    """Decode a video and append its frames to a file; memory holds one frame at a time.

    Args:
        path: the video.
        size: height and width of the frames in pixels.
        keep: frames to keep, see `thinning.spread_frames`; 0 for all.
        framing: how frames are made square, see `PrepareOptions`.
        file: where to append.
        target: what the file is to become, for messages.

    Returns:
        all fields of a `VideoRecord` but the path; a broken video leaves the file as it was.

    Raises:
        VidcondenseError: the file cannot be written.
    """
    count, digest, notes = 0, hashlib.sha256(), list[str]()
    try:
        with Path(file).open("ab") as out:
            start = out.tell()
            try:
                for frame in spread_frames(decode_frames(path, size, framing, notes.append), keep):
                    digest.update(frame.data)
                    out.write(frame.data)
                    count += 1
            except (DecodeError, MemoryError) as error:
                out.truncate(start)
                return {"skipped": str(error) or "too little memory for it"}
    except OSError as error:
        raise _cannot_write(Path(target), error) from error
    return {"frames": count, "sha256": digest.hexdigest(), "note": "; ".join(notes)}


def begin_shard(task: ShardTask, records: list[VideoRecord]) -> dict[str, Any]:
    """Make a shard's temporary file hold the frames of these records and no more.

    Returns:
        the arguments of `append_video` for the videos that follow.

    Raises:
        VidcondenseError: it cannot be written.
    """
    file, target = temporary_path(task), frames_path(task.store, task.number)
    try:
        with file.open("ab") as out:
            out.truncate(sum(record.frames for record in records) * frame_bytes(task.size))
    except OSError as error:
        raise _cannot_write(target, error) from error
    how = {"size": task.size, "keep": task.keep, "framing": task.framing}
    return {**how, "file": str(file), "target": str(target)}


def commit_shard(task: ShardTask, records: list[VideoRecord]) -> None:
    """Make a decoded shard permanent: flush it to disk, give it its name, then write its record.

    Raises:
        VidcondenseError: the store cannot be written.
    """
    temporary, target = temporary_path(task), frames_path(task.store, task.number)
    try:
        with temporary.open("rb+") as file:
            # What a process left of the last video when it died.
            file.truncate(sum(record.frames for record in records) * frame_bytes(task.size))
            os.fsync(file.fileno())
        temporary.replace(target)
    except OSError as error:
        files.unlink_quietly(temporary)
        raise _cannot_write(target, error) from error
    record: _Record = {"key": task.key, "videos": records}
    text = json.dumps(record, indent=1, default=asdict)
    files.write_bytes(record_path(task.store, task.number), text.encode())


def finished_records(task: ShardTask) -> list[VideoRecord] | None:
    """The records of a shard that is already there and still fits its videos, else None."""
    try:
        record = files.read_json(record_path(task.store, task.number), _Record)
        records = record["videos"]
        expected = sum(video.frames for video in records) * frame_bytes(task.size)
        fits = record["key"] == task.key
        return records if fits and frames_path(task.store, task.number).stat().st_size == expected else None
    except (VidcondenseError, OSError):
        return None


def sweep(store: Path, keep: frozenset[int] | None = None) -> None:
    """Remove what killed writers left and, if `keep` is given, the frames of shards it does not name."""
    leftovers = {*store.glob(".*.tmp"), *unfinished_folder(store).glob(".*.tmp")}
    if keep is not None:
        leftovers |= {*store.glob("frames-*.u8")} - {frames_path(store, number) for number in keep}
    for leftover in leftovers:
        files.unlink_quietly(leftover)


def _cannot_write(path: Path, error: OSError) -> VidcondenseError:
    return VidcondenseError(
        f"cannot write {path}: {error.strerror or error}; finished parts are kept: mend that and run it again"
    )


def bytes_of(path: Path) -> int | list[int]:
    """Bytes of a file or a tar's member; number and bytes of the pictures in a folder; -1 for neither."""
    try:
        if path.is_dir():
            sizes = [picture.stat().st_size for picture in pictures_in(path)]
            return [len(sizes), sum(sizes)]
        inside = tars.split(path)
        return tars.find(*inside).size if inside else path.stat().st_size
    except OSError:
        return -1

"""The index of a store: what a person reads in index.json, arrays with a row per video in videos.npy.

A store is a folder:

    index.json         classes, splits, sampling, source, decoder, fingerprint, skipped files, shard sizes
    videos.npy         per video: label, frames, shard, roles in the splits, SHA-256 of its pixels
    paths.json         per video: its file, relative to the source
    frames-00000.u8    shards: (frame, height, width, 3) uint8, all frames of a block of videos

index.json is written last: a folder without it is not a finished store.
"""

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from vidcondense.base import files
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.typed import Count, typed
from vidcondense.base.versions import refuse_newer
from vidcondense.data.layouts.listing import ROLES
from vidcondense.data.mirroring import Mirror
from vidcondense.data.options import MOST_FRAMES, MOST_SIZE, MOST_STRIDE, Framing
from vidcondense.data.shards import anew_folder, frame_bytes, frames_path, unfinished_folder

FORMAT_VERSION = 3
"""1 had no framing, no notes and no count of what was seen, 2 no bytes of the source."""
T = TypeVar("T")
INDEX, VIDEOS, PATHS = "index.json", "videos.npy", "paths.json"


@dataclass(frozen=True)
class StoreIndex:
    """The content of index.json.

    Attributes:
        format_version: of the folder's layout.
        name: the dataset's name.
        class_names: label is an index into it.
        split_names: the column of a video's roles is an index into it.
        frames: T, frames of a clip.
        stride: wanted distance between the frames of a clip.
        size: height and width in pixels.
        source: folder, layout and digest of the source's listing.
        decoder: versions of what decided the pixels.
        fingerprint: SHA-256 over classes, splits, sampling, framing, labels, roles and pixels.
        videos: number of videos.
        shard_frames: frames in each shard.
        skipped: {"path", "reason"} of each file that is not in the store.
        framing: how frames were made square, see `PrepareOptions`.
        mirror: whether clips may be mirrored, as `prepare` was told.
        notes: {"path", "note"} of each file that is in the store otherwise than one might think; the path of
            the source as a whole is "".
        test_from: where the test videos come from, for a person.
        seen: how many "files", "folders" and "lists" lay in the source.
        passed_over: {"kind", "count", "examples"} of what was neither stored nor skipped.
        source_bytes: of the training videos' own files, one sum per split; empty where they were not counted.
    """

    format_version: Count
    name: str
    class_names: tuple[str, ...]
    split_names: tuple[str, ...]
    frames: Count
    stride: Count
    size: Count
    source: dict[str, Any]
    decoder: dict[str, str]
    fingerprint: str
    videos: Count
    shard_frames: tuple[Count, ...]
    skipped: tuple[dict[str, str], ...]
    framing: Framing = "squeeze"
    mirror: Mirror = "auto"
    notes: tuple[dict[str, str], ...] = ()
    test_from: str = ""
    seen: dict[str, Count] = field(default_factory=dict)
    passed_over: tuple[dict[str, Any], ...] = ()
    source_bytes: tuple[Count, ...] = ()


def video_table(rows: int, splits: int) -> NDArray[Any]:
    """An empty table with a row per video: the content of videos.npy."""
    return np.zeros(
        rows,
        dtype=[
            ("label", "<i4"),
            ("frames", "<i4"),
            ("shard", "<i4"),
            ("roles", "u1", (splits,)),
            ("sha256", "u1", (32,)),
        ],
    )


def fingerprint(sampling: dict[str, Any], table: NDArray[Any]) -> str:
    """SHA-256 of what a network can see of a store: not of file names, nor of how it is cut into shards."""
    digest = hashlib.sha256(json.dumps(sampling, sort_keys=True).encode())
    for column in ("label", "frames", "roles", "sha256"):
        digest.update(np.ascontiguousarray(table[column]).tobytes())
    return digest.hexdigest()


def write_index(store: Path, index: StoreIndex, table: NDArray[Any], paths: list[str]) -> None:
    """Write the three files, index.json last."""
    buffer = io.BytesIO()
    np.save(buffer, table, allow_pickle=False)
    files.write_bytes(store / VIDEOS, buffer.getvalue())
    files.write_bytes(store / PATHS, json.dumps(paths, indent=0).encode())
    # ASCII: a file name may hold bytes that are no text, which UTF-8 could not hold either.
    files.write_bytes(store / INDEX, json.dumps(asdict(index), indent=2).encode())


def remedy(store: Path) -> str:
    """What makes a damaged store whole: `prepare` keeps away from a folder that it does not understand."""
    return f"delete {store} and prepare it again"


def is_store(path: Path) -> bool:
    """Whether a path is the folder of a finished store, sound or not."""
    return (path / INDEX).is_file()


def read_index(store: Path) -> StoreIndex:
    """Read index.json and check it against what the folder holds.

    Raises:
        VidcondenseError: no folder, not a store, an unfinished one, one of another version, or one cut short.
    """
    if not store.is_dir():
        raise VidcondenseError(f"no store at {store}; make one with: vidcondense prepare SOURCE {store}")
    if not (store / INDEX).is_file():
        if unfinished_folder(store).is_dir() or anew_folder(store).is_dir():
            raise VidcondenseError(f"{store} is unfinished; run the same prepare again to finish it")
        raise VidcondenseError(
            f"{store} is not a store (no {INDEX} in it); a store is made by: vidcondense prepare"
        )
    content = _read_json(store, INDEX, dict[str, Any])
    version = content.get("format_version")
    refuse_newer(store / INDEX, version, FORMAT_VERSION)
    if version not in range(1, FORMAT_VERSION + 1):
        raise VidcondenseError(
            f"{store / INDEX} has format version {version}, not 1 to {FORMAT_VERSION}; {remedy(store)}"
        )
    try:
        index = typed(content, StoreIndex)
        if unknown := content.keys() - vars(index).keys():
            raise VidcondenseError(f"unknown entries: {', '.join(sorted(unknown))}")
        _check_values(index)
    except VidcondenseError as error:
        raise VidcondenseError(f"{store / INDEX} is damaged ({error}); {remedy(store)}") from error
    _check_sizes(store, index)
    return index


def read_table(store: Path, index: StoreIndex) -> NDArray[Any]:
    """Read videos.npy.

    Raises:
        VidcondenseError: it is missing, cut short, or of another number of videos or splits than the index
            says.
    """
    try:
        # Mapped, so that a header that promises more than the file holds costs no memory.
        table: NDArray[Any] = np.lib.format.open_memmap(store / VIDEOS, mode="r")
    except PermissionError as error:
        raise VidcondenseError(f"cannot read {store / VIDEOS}: {error.strerror}") from error
    except Exception as error:  # what NumPy raises for a header that makes no sense is not documented
        raise VidcondenseError(f"cannot read {store / VIDEOS} ({error}); {remedy(store)}") from error
    fits = table.dtype == video_table(0, len(index.split_names)).dtype and table.shape == (index.videos,)
    if not fits or not _is_of(table, index):
        raise VidcondenseError(f"{store / VIDEOS} does not fit {INDEX}; {remedy(store)}")
    return np.array(table)


def _read_json(store: Path, name: str, kind: type[T]) -> T:
    try:
        return files.read_json(store / name, kind)
    except VidcondenseError as error:
        if isinstance(error.__cause__, PermissionError):
            raise
        raise VidcondenseError(f"{error}; {remedy(store)}") from error


def _check_values(index: StoreIndex) -> None:
    names: tuple[Sequence[str], ...] = (index.class_names, index.split_names)
    if not all(names) or any(len(set(one)) < len(one) for one in names) or len(index.class_names) < 2:
        raise VidcondenseError("at least two classes and a split need names, each its own")
    if not 1 <= index.frames <= MOST_FRAMES:
        raise VidcondenseError(f"frames must lie in 1..{MOST_FRAMES}, not {index.frames}")
    if index.source_bytes and len(index.source_bytes) != len(index.split_names):
        raise VidcondenseError(f"source_bytes has {len(index.source_bytes)} sums, not one per split")
    if not 1 <= index.size <= MOST_SIZE or index.stride > MOST_STRIDE:
        raise VidcondenseError(f"size must lie in 1..{MOST_SIZE} and stride be at most {MOST_STRIDE}")


def read_paths(store: Path, videos: int) -> tuple[str, ...]:
    """Read paths.json.

    Raises:
        VidcondenseError: it is missing, damaged, or of another number of videos.
    """
    paths = _read_json(store, PATHS, tuple[str, ...])
    if len(paths) != videos:
        raise VidcondenseError(f"{store / PATHS} does not fit {INDEX}; {remedy(store)}")
    return paths


def _is_of(table: NDArray[Any], index: StoreIndex) -> bool:
    """Whether labels, roles and frames are in range, and videos fill the shards one after another."""
    label, shard, frames = (table[name].astype(np.int64) for name in ("label", "shard", "frames"))
    if not len(table):
        return not any(index.shard_frames)
    ascend = all((np.diff(column, prepend=0) >= 0).all() for column in (label, shard))
    inside = label[-1] < len(index.class_names) and shard[-1] < len(index.shard_frames)
    if not ascend or not inside or frames.min() < 1 or table["roles"].max() >= len(ROLES):
        return False
    filled = np.zeros(len(index.shard_frames), dtype=np.int64)
    np.add.at(filled, shard, frames)
    return bool((filled == np.array(index.shard_frames)).all())


def _check_sizes(store: Path, index: StoreIndex) -> None:
    for number, frames in enumerate(index.shard_frames):
        path, expected = frames_path(store, number), frames * frame_bytes(index.size)
        try:
            found = path.stat().st_size
        except OSError as error:
            raise VidcondenseError(
                f"{store} lacks {path.name} ({error.strerror}); {remedy(store)}"
            ) from error
        if found != expected:
            raise VidcondenseError(
                f"{path} has {found} bytes instead of {expected}: the store was cut short; {remedy(store)}"
            )

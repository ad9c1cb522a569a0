"""WebDataset shards: tar files in which `<key>.mp4` lies beside `<key>.cls` and `<key>.json`."""

import json
import tarfile
from collections.abc import Iterator

from vidcondense.base.files import to_utf8
from vidcondense.condensed import CondensedVideos
from vidcondense.condensed.export.clips import Choices, Clip, File, Row, clips_of
from vidcondense.condensed.pictures import mp4

SHARD_CLIPS = 1000


def as_webdataset(condensed: CondensedVideos, choices: Choices) -> Iterator[File]:
    """`00000.tar` and so on, of up to `SHARD_CLIPS` clips; plain tar without dates and owners."""
    shard, rows, parts = 0, list[Row](), list[bytes]()
    for clip in clips_of(condensed, choices.scale):
        parts += _members(clip, choices.fps)
        rows.append(clip.row("clip"))
        if len(rows) == SHARD_CLIPS:
            yield _shard(shard, parts, rows)
            shard, rows, parts = shard + 1, [], []
    if rows:
        yield _shard(shard, parts, rows)


def _members(clip: Clip, fps: float) -> Iterator[bytes]:
    about = {"label": clip.label, "class_name": clip.name, "video": clip.number, "key_positions": clip.keys}
    contents = {
        "mp4": mp4(clip.pixels, fps),
        "cls": str(clip.label).encode(),
        "json": to_utf8(json.dumps(about, ensure_ascii=False)),
    }
    for ending, data in contents.items():
        member = tarfile.TarInfo(f"{clip.number:06d}.{ending}")
        member.size = len(data)
        yield member.tobuf(tarfile.USTAR_FORMAT)
        yield data + bytes(-len(data) % tarfile.BLOCKSIZE)


def _shard(number: int, members: list[bytes], rows: list[Row]) -> File:
    return File(f"{number:05d}.tar", [*members, bytes(2 * tarfile.BLOCKSIZE)], rows)

"""Members of plain tar files, read where they lie: nothing is extracted, and no member's name is ever opened.

A member is addressed by a path that leads through its tar file, such as shards/train-000.tar/clip7.mp4.
"""

import io
import posixpath
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, cast

from vidcondense.data.pictures import VIDEO_SUFFIXES

BLOCK = tarfile.BLOCKSIZE


@dataclass(frozen=True)
class Member:
    """Where the bytes of a member lie in its tar file."""

    offset: int
    size: int


@dataclass(frozen=True)
class Contents:
    """The regular files in a tar file by name, without "./" in front, and what is wrong with it, if it is."""

    members: dict[str, Member]
    damage: str = ""


def read_contents(path: Path) -> Contents:
    """List a tar file by its headers. Links, devices, and names that lead out of it are left out.

    What comes after damage cannot be found; a member that comes twice is the later one, as when extracting.
    """
    members: dict[str, Member] = {}
    end, length = 0, path.stat().st_size
    try:
        with tarfile.open(path, "r:") as archive:
            for info in archive:
                end = info.offset_data + -(-info.size // BLOCK) * BLOCK
                name = posixpath.normpath(info.name)
                if info.isreg() and not info.issparse() and not name.startswith(("/", "..")):
                    members[name] = Member(info.offset_data, min(info.size, length - info.offset_data))
        damage = _damage_at(path, end)
    except (tarfile.TarError, EOFError, ValueError):
        damage = "cut short or damaged" if members else "not a plain tar file"
    return Contents(
        members, f"{damage} after {len(members)} readable members" if damage and members else damage
    )


def split(path: Path) -> tuple[Path, str] | None:
    """(tar file, member's name) of a path that leads into a tar file, None for any other path."""
    for parent in path.parents:
        if parent.suffix.lower() == ".tar" and parent.is_file():
            return parent, path.relative_to(parent).as_posix()
    return None


def find(tar: Path, name: str) -> Member:
    """Look up a video in a tar file; the headers are read once per process, and again if the file changes.

    Raises:
        OSError: no such tar file, or no such video in it.
    """
    status = tar.stat()
    member = _videos(tar, status.st_size, status.st_mtime_ns).get(name)
    if member is None:
        raise FileNotFoundError(f"no {name} in {tar}")
    return member


@contextmanager
def open_member(tar: Path, member: Member) -> Iterator[IO[bytes]]:
    """A member as a file to read and seek in, within the block; it never shows its neighbours.

    Raises:
        OSError: no such tar file.
        tarfile.TarError: it has become damaged, or shorter, since it was listed.
    """
    info = tarfile.TarInfo()
    info.offset_data, info.size = member.offset, member.size
    with tarfile.open(tar, "r:") as archive, cast(IO[bytes], archive.extractfile(info)) as file:
        yield file


@cache
def _videos(tar: Path, size: int, modified: int) -> dict[str, Member]:
    members = read_contents(tar).members
    return {name: member for name, member in members.items() if Path(name).suffix.lower() in VIDEO_SUFFIXES}


def _damage_at(path: Path, end: int) -> str:
    """tarfile ends in silence at a broken header, and at a last member that is cut short."""
    with path.open("rb") as file:
        if file.seek(0, io.SEEK_END) < end:
            return "cut short"
        file.seek(end)
        return "damaged" if file.read(BLOCK).strip(b"\0") else ""

"""Members of plain tar files, read where they lie: nothing is extracted, and no member's name is ever opened.

A member is addressed by a path that leads through its tar file, such as shards/train-000.tar/clip7.mp4.
"""

import io
import posixpath
import tarfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO

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


class Slice(io.RawIOBase):
    """A member as a file to read and seek in; close it when done."""

    def __init__(self, tar: Path, member: Member) -> None:
        """Open the tar file at the member."""
        super().__init__()
        self._file: BinaryIO = tar.open("rb")
        self._member = member
        self._position = 0

    def readable(self) -> bool:
        """It can be read."""
        return True

    def seekable(self) -> bool:
        """It can be sought in."""
        return True

    def tell(self) -> int:
        """The position in the member."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position in the member, which may lie behind its end."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._member.size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes of the member, never those of its neighbour."""
        left = max(0, self._member.size - self._position)
        self._file.seek(self._member.offset + self._position)
        data = self._file.read(left if size < 0 else min(size, left))
        self._position += len(data)
        return data

    def close(self) -> None:
        """Close the tar file."""
        self._file.close()
        super().close()


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

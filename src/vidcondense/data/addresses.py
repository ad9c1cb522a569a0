"""Files at an address beyond the disk (s3, gs, http, ...), by fsspec, which is optional."""

import posixpath
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any
from urllib.parse import urlsplit

from vidcondense.base.errors import VidcondenseError

CHUNK = 8 << 20
"""Bytes of a request for a whole file."""
HEADERS = 1 << 16
"""Bytes of a request where only a few are wanted."""


def is_address(source: object) -> bool:
    """Whether a source is no path of the disk."""
    return "://" in str(source)


@dataclass(frozen=True)
class Place:
    """A folder at an address.

    Attributes:
        address: as the user gave it, without a slash at the end.
        files: fsspec's file system.
        path: of the folder there.
    """

    address: str
    files: Any
    path: str

    def sizes(self) -> dict[str, int]:
        """Bytes of all files here and further down, by their path below the address; sorted.

        Raises:
            VidcondenseError: there is none, or nobody lets us see them.
        """
        with reached(self.address):
            self.files.invalidate_cache()
            self.files.ls(self.path, detail=False)  # `find` keeps silent on errors
            found = self.files.find(self.path, detail=True)
            below = self.path.rstrip("/") + "/"
            inside = {
                name.removeprefix(below): held for name, held in found.items() if name.startswith(below)
            }
            sizes = {name: self._size(below + name, held) for name, held in sorted(inside.items())}
        named = {name: size for name, size in sizes.items() if _is_plain(name)}
        if not named:
            raise VidcondenseError(f"there are no files at {self.address}")
        return named

    def _size(self, path: str, held: dict[str, Any]) -> int:
        size = held["size"] if held.get("size") is not None else self.files.info(path)["size"]
        if size is None:
            raise VidcondenseError(f"the server does not say how many bytes {path} has")
        return int(size)

    def open(self, name: str, **cache: Any) -> Any:
        """A file below the address, to read and seek in; errors of reading are those of `reached`."""
        return self.files.open(posixpath.join(self.path, name), "rb", **cache)

    def read(self, name: str) -> bytes:
        """All of a file.

        Raises:
            VidcondenseError: see `reached`.
        """
        with reached(f"{self.address}/{name}"):
            return bytes(self.files.cat_file(posixpath.join(self.path, name)))

    @contextmanager
    def fetched(self, name: str, bytes_in_all: int, begin: int, size: int) -> Iterator[IO[bytes]]:
        """A part of a file, here on the disk, where no name leads to it: it is gone with the block.

        Args:
            name: below the address.
            bytes_in_all: of the file, so that nobody has to ask.
            begin: the first byte.
            size: how many.

        Raises:
            VidcondenseError: see `reached`; or it has become shorter.
        """
        with tempfile.TemporaryFile() as held:
            where = f"{self.address}/{name}"
            with reached(where), self.open(name, size=bytes_in_all, cache_type="none") as file:
                if begin:
                    file.seek(begin)
                left = size
                while left and (part := file.read(min(CHUNK, left))):
                    held.write(part)
                    left -= len(part)
            if left:
                raise VidcondenseError(f"{where} is shorter than when it was listed; prepare it again")
            held.seek(0)
            yield held


def at(address: str) -> Place:
    """The folder at an address.

    Raises:
        VidcondenseError: what reads such addresses is not installed, or nothing does; a password in it.
    """
    if "@" in urlsplit(address).netloc:
        raise VidcondenseError(
            "a name and password in an address would be written into the store; give them as your provider's "
            "tools take them, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
    address = address.rstrip("/")
    try:
        from fsspec.core import url_to_fs

        files, path = url_to_fs(address)
    except ImportError as error:
        raise VidcondenseError(
            f"{address} cannot be read with what is installed: pip install 'vidcondense[remote]', and for "
            "gs:// also gcsfs"
        ) from error
    except Exception as error:  # fsspec's file systems have many
        raise VidcondenseError(f"{address} is no address that fsspec reads: {_first(error)}") from error
    return Place(address, files, path)


@contextmanager
def reached(address: str) -> Iterator[None]:
    """Errors of reading in the block as one line.

    Raises:
        VidcondenseError: there is nothing, access is refused, or nobody answers.
    """
    try:
        yield
    except VidcondenseError:
        raise
    except FileNotFoundError as error:
        raise VidcondenseError(f"there is nothing at {address}") from error
    except Exception as error:  # fsspec's file systems have many
        if isinstance(error, PermissionError) or getattr(error, "status", 0) in (401, 403):
            raise VidcondenseError(
                f"access to {address} is refused ({_first(error)}); check the credentials of your provider"
            ) from error
        raise VidcondenseError(f"cannot read {address}: {_first(error)}") from error


def free_copy(source: Any, target: IO[bytes], size: int) -> None:
    """Copy so many bytes between files that are open."""
    while size > 0 and (part := source.read(min(size, CHUNK))):
        target.write(part)
        size -= len(part)


def _is_plain(name: str) -> bool:
    """Whether it may be the path of a file here: names of objects may be anything."""
    return not name.endswith("/") and not {"", ".", ".."} & set(name.split("/")) and "\0" not in name


def _first(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]

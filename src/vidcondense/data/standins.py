"""Videos at an address, by a folder of stand-ins: files of the same names and sizes that hold nothing yet.

Layouts, shards and their keys see a folder as any other. Lists and labels are there in truth, also in tar
files; a video is fetched when it is decoded, by whoever does that, and forgotten.
"""

import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, TypedDict

from vidcondense.base import files
from vidcondense.base.errors import VidcondenseError
from vidcondense.data import addresses, tars
from vidcondense.data.addresses import HEADERS, Place, free_copy, reached
from vidcondense.data.pictures import PICTURE_SUFFIXES, VIDEO_SUFFIXES

RECORD = "address.json"
ENDING = ".source"
LONGEST_LIST = 64 << 20
"""Other files that have more bytes are nobody's lists or labels."""
LONGEST_LABEL = 1 << 20
AT_ONCE = 16
"""Requests for small files and headers: they wait for the network, not for a core."""


class _Record(TypedDict):
    address: str


@contextmanager
def local(source: Path | str, store: Path) -> Iterator[Path]:
    """The folder of a source on this disk: itself, or stand-ins beside the store while the block lasts.

    Raises:
        VidcondenseError: nothing at the address, or nobody lets us read it; another command has the folder.
    """
    if not addresses.is_address(source):
        yield Path(source)
        return
    place = addresses.at(str(source))
    folder = store.absolute().parent / f".{store.absolute().name}{ENDING}"
    root = folder / (place.address.rpartition("/")[2] or "source")
    with files.lock_folder(files.make_folder(folder)):
        try:
            files.remove_folder(root)
            _make(place, files.make_folder(root))
            files.write_json(folder / RECORD, {"address": place.address})
            yield root
        except VidcondenseError as error:
            raise type(error)(str(error).replace(str(root), place.address)) from error
        finally:
            files.remove_folder(folder)


def address_of(root: Path) -> str:
    """Where a source lies in truth: its address, or its folder."""
    place = _place(root.absolute())
    return place.address if place else str(root.resolve())


def fetched(path: Path) -> AbstractContextManager[IO[bytes]] | None:
    """The file that stands behind a stand-in, or behind a path into a tar file; None for any other path.

    Raises:
        OSError: there is no such member.
        VidcondenseError: as the block begins, see `addresses.reached`.
    """
    found = _root_of(path)
    if found is None:
        return None
    root, place = found
    inside = tars.split(path)
    if inside:
        member = tars.find(*inside)
        tar, name = inside[0], inside[0].relative_to(root).as_posix()
        return place.fetched(name, tar.stat().st_size, member.offset, member.size)
    size = path.stat().st_size
    return place.fetched(path.relative_to(root).as_posix(), size, 0, size)


def _root_of(path: Path) -> tuple[Path, Place] | None:
    above: Path | None = None
    for parent in (path, *path.parents):
        if parent.name.endswith(ENDING) and parent.name.startswith(".") and above is not None:
            place = _place(above)
            if place:
                return above, place
        above = parent
    return None


def _place(root: Path) -> Place | None:
    """Where the stand-ins in a folder come from; None for a folder of anything else."""
    record = root.parent / RECORD
    if not root.parent.name.endswith(ENDING) or not record.is_file():
        return None
    return addresses.at(files.read_json(record, _Record)["address"])


def _make(place: Place, root: Path) -> None:
    """Write the stand-ins."""
    sizes = place.sizes()
    with files.refused(f"cannot write {root}"):
        for folder in sorted({(root / name).parent for name in sizes}):
            folder.mkdir(parents=True, exist_ok=True)

    def one(name: str) -> None:
        with files.refused(f"cannot write {root / name}"), (root / name).open("wb") as file:
            ending = Path(name).suffix.lower()
            if ending == ".tar":
                _copy_headers(place, name, file)
            elif ending not in VIDEO_SUFFIXES | PICTURE_SUFFIXES and sizes[name] <= LONGEST_LIST:
                file.write(place.read(name))
            file.truncate(sizes[name])

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in pool.map(one, sizes):
            pass


def _copy_headers(place: Place, name: str, target: IO[bytes]) -> None:
    """Of a tar file, its headers and all members that are no videos, each where it lies."""
    with (
        reached(f"{place.address}/{name}"),
        place.open(name, block_size=HEADERS, cache_type="readahead") as source,
    ):
        end = 0
        try:
            with tarfile.open(fileobj=source, mode="r:") as archive:
                for info in archive:
                    size = info.offset_data - info.offset
                    if Path(info.name).suffix.lower() not in VIDEO_SUFFIXES:
                        size += min(info.size, LONGEST_LABEL)
                    _copy_part(source, target, info.offset, size)
                    end = info.offset_data + -(-info.size // tars.BLOCK) * tars.BLOCK
        except tarfile.TarError:
            pass  # what is wrong with it is found again when it is read here
        _copy_part(source, target, end, tars.BLOCK)


def _copy_part(source: IO[bytes], target: IO[bytes], begin: int, size: int) -> None:
    source.seek(begin)
    target.seek(begin)
    free_copy(source, target, size)

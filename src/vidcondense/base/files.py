"""Writing files so that a reader never sees half of one.

What the file system refuses is a VidcondenseError of one line that names the path and the reason.
"""

import errno
import glob
import json
import os
import shutil
import stat
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from vidcondense.base import typed
from vidcondense.base.errors import VidcondenseError

if TYPE_CHECKING:
    from filelock import BaseFileLock

# The library for locks is imported where one is needed: help and decoding processes start without it.

LOCK = ".vidcondense.lock"
"""The file that lies in a folder while a process works there, and longer if that is killed."""

BUSY = "another process is working in"
"""How the refusal begins; a benchmark tries such a cell again."""

WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP)
"""What file systems without locks say, besides ENOSYS, which the library knows."""

T = TypeVar("T")
MOST_RECORD_BYTES = 2**22
"""The largest record of an evaluation that is read: that of a thousand classes has three quarters of it."""


@contextmanager
def refused(what: str, mend: str = "") -> Iterator[None]:
    """Within the block, what the file system refuses is one line: `what`, its reason, and the mend."""
    try:
        yield
    except OSError as error:
        raise VidcondenseError(f"{what}: {error.strerror or error}{mend}") from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success flush it to disk and rename it over `path`.

    What processes that were killed while they wrote `path` have left beside it is removed.

    Anything else than a file, such as a folder or a device, is refused.
    """
    if path.exists() and not path.is_file():
        raise VidcondenseError(f"cannot write {path}: it is not a file")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with refused(f"cannot write {path}"):
            for leftover in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
                number = leftover.suffixes[-2].removeprefix(".")
                if number.isdecimal() and not _is_alive(int(number)):
                    unlink_quietly(leftover)
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
    finally:
        unlink_quietly(temporary)


def _is_alive(process: int) -> bool:
    """Whether a process of this number runs on this machine."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # another user's
        return True
    return True


def is_free(folder: Path) -> bool:
    """Whether a folder may be made or filled: nothing is there but what `is_left` says."""
    if not folder.is_dir():
        return not folder.exists()
    return all(is_left(entry) for entry in folder.iterdir())


def refuse_filled(folder: Path) -> None:
    """Refuse a folder that is not free."""
    if not is_free(folder):
        raise VidcondenseError(f"{folder} exists and is not an empty folder; name another --out folder")


def is_left(path: Path) -> bool:
    """Whether a file is a lock, or what a killed writer left, by its name."""
    return path.name.startswith(LOCK) or (path.name.startswith(".") and path.name.endswith(".tmp"))


@contextmanager
def lock_folder(folder: Path, wait: float = 0.0) -> Iterator[None]:
    """Hold a folder for this process within the block. The lock ends with the process.

    Args:
        folder: an existing folder; a hidden file lies in it while it is held.
        wait: seconds to wait for another process that holds it.
    """
    lock = try_lock(folder / LOCK, wait)
    if lock is None:
        raise VidcondenseError(f"{BUSY} {folder}; wait for it, or stop it first")
    try:
        yield
    finally:
        unlock(lock)


def try_lock(path: Path, wait: float = 0.0) -> "BaseFileLock | None":
    """Lock a file, made if it is not there, until `unlock` or the end of this process.

    Where the file system has no locks, the file itself is the lock, made by one process alone.

    Returns:
        None if another process holds the lock for longer than `wait` seconds.
    """
    from filelock import FileLock, SoftFileLock

    with refused(f"cannot write {path}"):
        try:
            return _acquired(FileLock(path, timeout=wait))
        except OSError as error:
            if error.errno not in WITHOUT_LOCKS:
                raise
        unlink_quietly(path)
        return _acquired(SoftFileLock(path.with_name(path.name + ".held"), timeout=wait))


def _acquired(lock: "BaseFileLock") -> "BaseFileLock | None":
    from filelock import Timeout

    try:
        with warnings.catch_warnings():  # filelock tells of file systems without locks
            warnings.simplefilter("ignore")
            lock.acquire()
    except Timeout:
        return None
    return lock


def unlock(lock: "BaseFileLock") -> None:
    """Give up what `try_lock` gave, and remove its file.

    A file is removed while it is locked: whoever has opened it meanwhile, and locks it after us, sees that it
    is gone and makes another. Where an open file cannot be removed, the library removes it in its own way.
    """
    from filelock import SoftFileLock

    if not isinstance(lock, SoftFileLock):
        unlink_quietly(Path(lock.lock_file))
    lock.release()


def unlink_quietly(path: Path) -> None:
    """Remove `path` if it is still there; a failing clean-up must not hide the first error."""
    with suppress(OSError):
        path.unlink(missing_ok=True)


def check_readable(path: Path) -> None:
    """Open a file, for the reason if that fails: safetensors calls any reason a missing file."""
    with refused(f"cannot read {path}"):
        path.open("rb").close()


def refuse_other(path: Path, is_ours: Callable[[bytes], bool], what: str) -> None:
    """Refuse to write over a file that does not begin as those that are written there.

    Args:
        path: where something is to be written.
        is_ours: whether a file that begins with these bytes may be replaced.
        what: what such files are called.
    """
    if path.is_file() and path.stat().st_size:
        with path.open("rb") as file:
            if not is_ours(file.read(64)):
                raise VidcondenseError(f"{path} is there already and not {what}; name another --out")


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` atomically."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_parts(path: Path, parts: Iterable[bytes | memoryview]) -> None:
    """Write `parts` one after another to `path` atomically."""
    with replacing(path) as temporary, temporary.open("wb", buffering=0) as file:
        for part in parts:
            left = memoryview(part)
            while left:
                left = left[file.write(left) :]


def append(path: Path, data: bytes) -> None:
    """Add `data` to the end of `path`, all of it or nothing."""
    with refused(f"cannot write {path}"), path.open("ab", buffering=0) as file:
        before = file.seek(0, os.SEEK_END)
        try:
            while data:
                data = data[file.write(data) :]
        except OSError:
            file.truncate(before)
            raise


def flush(path: Path) -> None:
    """Wait until what was written to `path` is on disk."""
    with refused(f"cannot write {path}"), path.open("rb+") as file:
        os.fsync(file.fileno())


def cut(path: Path, length: int) -> None:
    """Keep the first `length` bytes of `path`; a file that has fewer is refused."""
    with refused(f"cannot write {path}"), path.open("rb+") as file:
        if file.seek(0, os.SEEK_END) < length:
            raise VidcondenseError(f"{path} was cut short: it should have at least {length} bytes")
        file.truncate(length)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON to `path` atomically, lists of plain values on a line each."""
    write_bytes(path, to_utf8(_indented(value) + "\n"))


def _indented(value: Any, margin: str = "\n") -> str:
    inner = f"{margin}  "
    if isinstance(value, dict) and value:
        lines = (
            f"{json.dumps(str(key), ensure_ascii=False)}: {_indented(one, inner)}"
            for key, one in value.items()
        )
        return f"{{{inner}{f',{inner}'.join(lines)}{margin}}}"
    if isinstance(value, list | tuple) and any(isinstance(one, dict | list | tuple) for one in value):
        return f"[{inner}{f',{inner}'.join(_indented(one, inner) for one in value)}{margin}]"
    return json.dumps(value, ensure_ascii=False)


def to_utf8(json_text: str) -> bytes:
    """JSON as UTF-8. What UTF-8 has no place for, half a surrogate pair in a file's name, is escaped."""
    return json_text.encode(errors="backslashreplace")


def read_json(path: Path, kind: type[T], most: int | None = None) -> T:
    """Read a JSON file, of so many bytes at most, as a type; see `typed.typed`.

    Raises:
        VidcondenseError: the file is missing, too large, a pipe or a device, is not JSON, or a value in it,
            which is named, is of another type.
    """
    try:
        with refused(f"cannot read {path}"):
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):  # opening it might wait for ever
                raise VidcondenseError(f"{path} is not a file")
            if most is not None and status.st_size > most:
                raise VidcondenseError(f"{path} has {status.st_size} bytes, more than {most}: it is not ours")
            value = typed.parse(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise VidcondenseError(f"{path} is not valid JSON ({error}); it may have been cut short") from error
    try:
        return typed.typed(value, kind)
    except VidcondenseError as error:
        raise VidcondenseError(f"{path} is damaged: {error}") from error


def make_folder(path: Path) -> Path:
    """Create `path` and its parents, or say in one line why not."""
    with refused(f"cannot create folder {path}"):
        path.mkdir(parents=True, exist_ok=True)
    return path


def remove_folder(folder: Path) -> None:
    """Remove a folder of single results that have been put together, if it is there."""
    shutil.rmtree(folder, ignore_errors=True)

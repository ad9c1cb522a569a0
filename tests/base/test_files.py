"""Writing and reading files: all or nothing, and one line that names the file."""

import errno
import fcntl
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import quick

from vidcondense import ClipStore, condense, prepare, resume
from vidcondense.base import files
from vidcondense.base.compute import choose
from vidcondense.base.errors import VidcondenseError
from vidcondense.experts.settings import ExpertSettings
from vidcondense.experts.training import train
from vidcondense.recipes import load as recipe
from vidcondense.run import folder as run_folder


@pytest.fixture
def small_files_only() -> Iterator[None]:
    """Writing more than 8 kB to a file fails after a part of it, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A file with content that must not be lost."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    return path


def test_writing_replaces_the_whole_file_and_leaves_nothing_beside_it(old: Path) -> None:
    files.write_bytes(old, b"new content")
    assert old.read_bytes() == b"new content"
    assert list(old.parent.iterdir()) == [old]


def test_a_full_disk_leaves_the_old_file(old: Path, small_files_only: None) -> None:
    with pytest.raises(VidcondenseError, match=f"cannot write {old}: File too large"):
        files.write_bytes(old, bytes(20000))
    assert old.read_bytes() == b"old"
    assert list(old.parent.iterdir()) == [old]


def test_what_killed_writers_left_is_removed_with_the_next_writing(old: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left = old.with_name(f".{old.name}.{dead.pid}.tmp")
    others = [old.with_name(name) for name in (f".{old.name}.1.tmp", f".{old.name}.x.tmp", ".else.9.tmp")]
    for path in (left, *others):
        path.write_bytes(b"half")
    files.write_bytes(old, b"new")
    assert sorted(old.parent.iterdir()) == sorted([old, *others]), "process 1 runs; the others are not ours"


def test_a_folder_with_nothing_but_what_killed_writers_left_is_free(tmp_path: Path) -> None:
    assert files.is_free(tmp_path / "none")
    assert files.is_free(tmp_path)
    (tmp_path / ".run.json.123.tmp").write_text("{")
    assert files.is_free(tmp_path)
    (tmp_path / "file").write_text("")
    assert not files.is_free(tmp_path)
    assert not files.is_free(tmp_path / "file")


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_failure_at_the_last_moment_leaves_the_old_file(
    failing: str, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(*{"fsync": (os, "fsync", fail), "replace": (Path, "replace", fail)}[failing])
    with pytest.raises(VidcondenseError, match=r"cannot write .*: Read-only file system"):
        files.write_bytes(old, b"new")
    assert old.read_bytes() == b"old"
    assert list(old.parent.iterdir()) == [old]


def test_an_error_of_the_caller_goes_through_and_leaves_the_old_file(old: Path) -> None:
    with pytest.raises(KeyboardInterrupt), files.replacing(old) as temporary:
        temporary.write_bytes(b"half")
        raise KeyboardInterrupt
    assert old.read_bytes() == b"old"
    assert list(old.parent.iterdir()) == [old]


def test_folders_and_devices_are_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (tmp_path, pipe):
        with pytest.raises(VidcondenseError, match="it is not a file"):
            files.write_bytes(path, b"new")
    assert pipe.is_fifo()


def test_appending_adds_at_the_end(old: Path) -> None:
    files.append(old, b" and ")
    files.append(old, b"new")
    assert old.read_bytes() == b"old and new"
    files.append(old.with_name("other"), b"new")
    assert old.with_name("other").read_bytes() == b"new"


def test_appending_to_a_full_disk_adds_no_part(old: Path, small_files_only: None) -> None:
    with pytest.raises(VidcondenseError, match=f"cannot write {old}: File too large"):
        files.append(old, bytes(20000))
    assert old.read_bytes() == b"old"
    with pytest.raises(VidcondenseError, match="cannot write"):
        files.append(old / "below", b"new")


def test_cutting(old: Path) -> None:
    files.cut(old, 2)
    assert old.read_bytes() == b"ol"
    with pytest.raises(VidcondenseError, match="was cut short: it should have at least 3 bytes"):
        files.cut(old, 3)
    with pytest.raises(VidcondenseError, match="cannot write"):
        files.cut(old.with_name("missing"), 1)
    assert old.read_bytes() == b"ol"


def test_json(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    value = {"text": "Zürich", "numbers": [1, 2.5, None]}
    files.write_json(path, value)
    assert files.read_json(path, dict) == value
    path.write_text('{"text": ')
    with pytest.raises(VidcondenseError, match=r"a\.json is not valid JSON"):
        files.read_json(path, dict)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(VidcondenseError, match=r"a\.json is not valid JSON"):
        files.read_json(path, dict)
    path.write_text('{"text": 3}')
    with pytest.raises(
        VidcondenseError, match=r"a\.json is damaged: Expected `str`, got `int` - at `\$\[\.\.\.\]`"
    ):
        files.read_json(path, dict[str, str])
    with pytest.raises(VidcondenseError, match=r"cannot read .*b\.json: No such file"):
        files.read_json(tmp_path / "b.json", dict)


def test_folders_are_made_with_their_parents(tmp_path: Path) -> None:
    assert files.make_folder(tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").write_text("")
    with pytest.raises(VidcondenseError, match="cannot create folder"):
        files.make_folder(tmp_path / "file" / "c")


def test_a_folder_is_for_one_process_at_a_time(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from vidcondense.base import files\n"
        "with files.lock_folder(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(VidcondenseError, match="another process is working in"), files.lock_folder(tmp_path):
        pass
    holder.kill()  # a lock ends with its process, however that ends
    holder.communicate()
    assert files.is_free(tmp_path), "what the killed one left does not count"
    with files.lock_folder(tmp_path):
        assert files.is_free(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_lock_is_waited_for_as_long_as_the_caller_says(tmp_path: Path) -> None:
    lock = files.try_lock(tmp_path / "a.lock")
    assert lock is not None
    began = time.monotonic()
    assert files.try_lock(tmp_path / "a.lock", 0.3) is None
    assert time.monotonic() - began >= 0.3
    with ThreadPoolExecutor(1) as pool:
        later = pool.submit(files.try_lock, tmp_path / "a.lock", 20.0)
        files.unlock(lock)
        assert later.result(timeout=30) is not None


def test_processes_that_lock_and_unlock_are_never_two_at_a_time(tmp_path: Path) -> None:
    (tmp_path / "count").write_text("0")
    code = (
        "import sys; from pathlib import Path; from vidcondense.base import files\n"
        "folder = Path(sys.argv[1]); count = folder / 'count'\n"
        "for _ in range(50):\n"
        "    with files.lock_folder(folder, 60.0): count.write_text(str(int(count.read_text()) + 1))"
    )
    crowd = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(3)]
    assert [process.wait(timeout=120) for process in crowd] == [0, 0, 0]
    assert (tmp_path / "count").read_text() == "150"
    assert [path.name for path in tmp_path.iterdir()] == ["count"]


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_has_files_for_locks(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", fail)
    busy = pytest.raises(VidcondenseError, match="another process is working in")
    with files.lock_folder(tmp_path):
        assert files.is_free(tmp_path)
        with busy, files.lock_folder(tmp_path):
            pass
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_locked_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "open", fail)
    with pytest.raises(VidcondenseError, match=r"cannot write .*lock: Permission denied"):
        files.try_lock(tmp_path / "a.lock")


def test_commands_refuse_a_folder_that_another_process_works_in(
    tiny_store: ClipStore, tmp_path: Path
) -> None:
    made = quick.load("prism_small")
    cut, fresh = tmp_path / "cut", tmp_path / "fresh"
    run_folder.create(cut, made, tiny_store, choose("cpu"))
    fresh.mkdir()
    options: dict[str, Any] = {"device": "cpu", "show": False}
    few = ExpertSettings(count=1, epochs=1)
    works: list[Callable[[], object]] = [
        lambda: resume(cut, **options),
        lambda: condense(tiny_store, made, fresh, **options),
        lambda: train(tiny_store, fresh, few, show=False),
        lambda: prepare(tiny_store.path.parent / "clips", fresh, progress=False),
    ]
    with files.lock_folder(cut), files.lock_folder(fresh):
        for work in works:
            with pytest.raises(VidcondenseError, match="another process is working in"):
                work()
    assert list(fresh.iterdir()) == []
    resume(cut, **options)


def test_a_folder_in_which_the_first_writing_was_killed_is_taken_again(
    tiny_store: ClipStore, tmp_path: Path
) -> None:
    for name, file in (("run", "run.json"), ("experts", "experts.json")):
        (tmp_path / name).mkdir()
        (tmp_path / name / f".{file}.4194399.tmp").write_text("{")  # no system counts that far
    run_folder.create(tmp_path / "run", recipe.load("random"), tiny_store, choose("cpu"))
    few = ExpertSettings(count=1, epochs=1)
    train(tiny_store, tmp_path / "experts", few, network="cnn_mean", show=False)
    assert not list(tmp_path.glob("*/.*.tmp"))


def test_json_is_read_from_files_of_a_sensible_size_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(VidcondenseError, match="pipe is not a file"):
        files.read_json(tmp_path / "pipe", dict)
    (tmp_path / "large").write_text("[" + "0," * 10 + "0]")
    assert files.read_json(tmp_path / "large", list, 23) == [0] * 11
    with pytest.raises(VidcondenseError, match="has 23 bytes, more than 22"):
        files.read_json(tmp_path / "large", list, 22)


def test_files_of_another_kind_are_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    files.refuse_other(path, lambda begin: False, "a report")  # not there yet
    path.write_text("")
    files.refuse_other(path, lambda begin: False, "a report")
    path.write_text("{}")
    with pytest.raises(VidcondenseError, match=r"run\.json is there already and not a report; name another"):
        files.refuse_other(path, lambda begin: begin.startswith(b"<"), "a report")
    path.write_text("<html>")
    files.refuse_other(path, lambda begin: begin.startswith(b"<"), "a report")


def test_an_evaluation_of_a_thousand_classes_is_read_again(tmp_path: Path) -> None:
    value = {"text": "[\n1, 2]", "none": [], "confusion": [[0] * 1000] * 1000, "mixed": [[1.5, None], ["a"]]}
    files.write_json(tmp_path / "x.json", value)
    assert files.read_json(tmp_path / "x.json", dict, files.MOST_RECORD_BYTES) == value
    assert (tmp_path / "x.json").read_text().count("\n") < 1100  # a row of the matrix on a line each
    assert json.loads((tmp_path / "x.json").read_text()) == value

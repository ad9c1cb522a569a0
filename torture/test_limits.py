"""Full disks, limits, folders that are taken: one line, and the last good state stays."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from forks import Ended, Forks
from tasks import (
    TASKS,
    Inputs,
    Task,
    condense,
    evaluate,
    experts,
    export,
    prepare,
    prepare_with_workers,
)

Make = Callable[[Inputs, Path], Task]
DISK = 4 * 2**20

every_command = pytest.mark.parametrize("make", TASKS)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"mounting is not allowed here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def whole(make: Make, forks: Forks, inputs: Inputs, folder: Path) -> Task:
    """An undisturbed run."""
    task = make(inputs, folder / "whole")
    ended = forks.run(*task.words)
    assert ended.code == 0, ended.said
    return task


def refused(ended: Ended, *reasons: str) -> None:
    """Exit code 2 and one line that says why."""
    assert ended.code == 2, ended.said
    lines = [line for line in ended.said.splitlines() if line.startswith("vidcondense: ")]
    assert len(lines) == 1 and "Traceback" not in ended.said, ended.said
    assert any(reason in lines[0] for reason in reasons), lines[0]


def finish(forks: Forks, task: Task, expected: Task) -> None:
    ended = forks.run(*task.next())
    assert ended.code == 0, ended.said
    assert task.content() == expected.content()


@every_command
def test_a_full_disk(make: Make, forks: Forks, inputs: Inputs, tmp_path: Path, disk: Path) -> None:
    """With no room, room for a part, and at last for all."""
    expected = whole(make, forks, inputs, tmp_path)
    needed = sum(path.stat().st_size for path in expected.out.rglob("*") if path.is_file())
    task, filler = make(inputs, disk / "out"), disk / "filler"
    filler.write_bytes(bytes(DISK))
    stopped = 0
    for share in (0.0, 0.2, 0.5, 0.8):
        with filler.open("rb+") as file:
            file.truncate(0)
            used = shutil.disk_usage(disk).used
            file.write(bytes(max(0, DISK - used - int(share * needed) - 4096)))
        ended = forks.run(*task.next())
        if ended.code:
            stopped += 1
            refused(ended, "No space left on device", "free")
    assert stopped
    filler.unlink()
    finish(forks, task, expected)


@every_command
def test_a_disk_that_cannot_be_written(
    make: Make, forks: Forks, inputs: Inputs, tmp_path: Path, disk: Path
) -> None:
    """From the start, and in the middle of the work."""
    expected = whole(make, forks, inputs, tmp_path)
    task = make(inputs, disk / "out")
    steps = forks.run(*make(inputs, tmp_path / "again").words, watch=tmp_path / "again").steps
    for begun in (False, True):
        if begun:
            forks.run(*task.words, watch=task.out, kill_at=steps // 2)
        before = task.content()
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        refused(forks.run(*task.next()), "Read-only file system")
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        assert task.content() == before
    finish(forks, task, expected)


@every_command
def test_a_limit_of_file_sizes(make: Make, forks: Forks, inputs: Inputs, tmp_path: Path) -> None:
    expected = whole(make, forks, inputs, tmp_path)
    largest = max(path.stat().st_size for path in expected.out.rglob("*") if path.is_file())
    task = make(inputs, tmp_path / "out")
    refused(forks.run(*task.words, size=largest - 1), "File too large")
    finish(forks, task, expected)


@every_command
def test_a_limit_of_open_files(make: Make, forks: Forks, inputs: Inputs, tmp_path: Path) -> None:
    """Whatever the limit, a result or a line that names the reason."""
    expected = whole(make, forks, inputs, tmp_path)
    task = make(inputs, tmp_path / "out")
    codes = []
    for most in (4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 20, 24):
        ended = forks.run(*task.next(), files=most)
        codes.append(ended.code)
        if ended.code == 0:
            break
        refused(ended, "Too many open files")
    assert codes[-1] == 0, codes
    assert codes[0] == 2 or task.words[0] == "generate", codes  # which opens no more than the test itself
    finish(forks, task, expected)


@pytest.mark.parametrize("make", [prepare, condense, experts, evaluate, export])
def test_a_target_on_another_file_system(
    make: Make, forks: Forks, inputs: Inputs, tmp_path: Path, disk: Path
) -> None:
    """By its path, and by a link to it."""
    expected = whole(make, forks, inputs, tmp_path)
    link = tmp_path / "link"
    link.symlink_to(disk / "linked", target_is_directory=True)
    (disk / "linked").mkdir()
    for out in (disk / "out", link):
        finish(forks, make(inputs, out), expected)
    assert link.is_symlink()


@pytest.mark.parametrize("make", [prepare, prepare_with_workers, condense, experts, evaluate, export])
def test_a_second_process_is_refused_and_a_dead_one_is_not_in_the_way(
    make: Make, forks: Forks, inputs: Inputs, tmp_path: Path
) -> None:
    expected = whole(make, forks, inputs, tmp_path)
    task = make(inputs, tmp_path / "out")
    steps = forks.run(*make(inputs, tmp_path / "again").words, watch=tmp_path / "again").steps
    first = forks.start(*task.words, watch=task.out, stop_at=steps // 2)
    first.wait_for("T")
    before = settled(task)
    refused(forks.run(*task.next()), "another process is working in")
    assert settled(task) == before
    first.send(signal.SIGKILL)
    first.end()
    finish(forks, task, expected)


def settled(task: Task) -> dict[str, object]:
    """What is there but for what decoding processes are writing, which do not stop with their parent."""
    return {name: value for name, value in task.content().items() if not name.endswith(".tmp")}


@pytest.fixture(scope="module")
def unprivileged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    """Commands that may not write where the mode of a folder forbids it, as root's may."""
    if os.geteuid() == 0 and not shutil.which("setpriv"):
        pytest.skip("root may write anywhere, and there is no setpriv to take that from it")
    under = ("setpriv", "--bounding-set", "-dac_override") if os.geteuid() == 0 else ()
    made = Forks(tmp_path_factory.mktemp("unprivileged"), under=under)
    yield made
    made.close()


@every_command
def test_a_folder_of_somebody_else(make: Make, unprivileged: Forks, inputs: Inputs, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir(mode=0o555)
    refused(unprivileged.run(*make(inputs, theirs / "out").words), "Permission denied")

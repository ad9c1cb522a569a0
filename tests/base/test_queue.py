"""A queue on a folder: each unit is done once, by whoever is free, and by others if that one dies."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from vidcondense.base import files
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.interrupt import Interrupted
from vidcondense.base.queue import Queue, remove_folder, work


def queue(folder: Path, count: int = 4, **changes: Any) -> Queue[int]:
    """Units by number, whose results are files of that name."""
    return Queue(folder, range(count), name=str, is_done=lambda n: (folder / str(n)).is_file(), **changes)


def writer(folder: Path, did: list[int], seconds: float = 0.0) -> Callable[[int], None]:
    def run(number: int) -> None:
        time.sleep(seconds)
        did.append(number)
        (folder / str(number)).touch()

    return run


def test_what_is_not_done_is_done_in_order_and_leaves_results_only(tmp_path: Path) -> None:
    did: list[int] = []
    (tmp_path / "1").touch()
    work(queue(tmp_path), writer(tmp_path, did))
    assert did == [0, 2, 3]
    work(queue(tmp_path), writer(tmp_path, did))
    assert did == [0, 2, 3]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1", "2", "3"]


def test_units_of_different_length_even_out(tmp_path: Path) -> None:
    did: list[list[int]] = [[], []]

    def run(number: int, worker: int) -> None:
        time.sleep(1.0 if number == 0 else 0.02)
        did[worker].append(number)
        (tmp_path / str(number)).touch()

    with ThreadPoolExecutor(2) as pool:
        futures = [
            pool.submit(work, queue(tmp_path, 12), lambda n, w=worker: run(n, w), show=False)
            for worker in range(2)
        ]
        for future in futures:
            future.result(timeout=60)
    assert sorted(did[0] + did[1]) == list(range(12))
    assert [0] in did, "whoever had the long one did nothing else"


def test_a_process_waits_for_what_others_hold_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = queue(tmp_path)
    assert other.claim() == 0

    def finish() -> None:
        (tmp_path / "0").touch()
        other.release(0)

    threading.Timer(0.5, finish).start()
    did: list[int] = []
    told: list[int] = []
    work(queue(tmp_path, settled=told.append), writer(tmp_path, did))
    assert did == [1, 2, 3]
    assert told == [0]
    assert capsys.readouterr().err == "waiting for other processes: 0\n"


HOLD = """
import sys, time
from pathlib import Path
from vidcondense.base.queue import Queue
queue = Queue(Path(sys.argv[1]), range(4), name=str, is_done=lambda n: False)
print(queue.claim(), flush=True)
time.sleep(60)
"""


def test_units_of_a_killed_process_are_taken_over(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "0\n"
    threading.Timer(0.5, holder.kill).start()
    did: list[int] = []
    work(queue(tmp_path), writer(tmp_path, did), show=False)
    holder.communicate()
    assert did == [1, 2, 3, 0]


def test_failures_are_noted_and_not_tried_again_by_those_at_work(tmp_path: Path) -> None:
    first, second = queue(tmp_path), queue(tmp_path)

    def fail(number: int) -> None:
        raise VidcondenseError(f"the loss of {number} is nan")

    with pytest.raises(VidcondenseError, match="the loss of 0 is nan"):
        work(first, fail)
    assert first.failed == {"0": "the loss of 0 is nan"}
    did: list[int] = []
    with pytest.raises(VidcondenseError, match="0 has failed in another process: the loss of 0 is nan"):
        work(second, writer(tmp_path, did))
    assert did == []
    work(queue(tmp_path), writer(tmp_path, did))  # who comes later tries again
    assert did == [0, 1, 2, 3]
    assert not (tmp_path / "0.failed").exists()


def test_what_is_put_back_is_claimed_again_later(tmp_path: Path) -> None:
    made = queue(tmp_path, 2)
    assert made.claim() == 0
    made.release(0, again_after=0.3)
    assert made.claim() == 1
    assert made.claim() is None
    assert queue(tmp_path, 1).claim() == 0, "others may have it"
    time.sleep(0.3)
    assert list(made.waiting) == [0]


@pytest.mark.parametrize("error", [Interrupted, KeyboardInterrupt, ZeroDivisionError])
def test_a_unit_that_was_stopped_is_free_again(error: type[BaseException], tmp_path: Path) -> None:
    def stop(number: int) -> None:
        raise error

    with pytest.raises(error):
        work(queue(tmp_path), stop)
    assert list(tmp_path.iterdir()) == []
    assert queue(tmp_path).claim() == 0


def test_ctrl_c_while_waiting(tmp_path: Path) -> None:
    other = queue(tmp_path, 1)
    assert other.claim() == 0
    threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    with pytest.raises(Interrupted, match="all is saved, the same command goes on"):
        work(queue(tmp_path, 1), writer(tmp_path, []), show=False)
    other.release(0)


def test_nothing_is_done_again_when_all_was_gathered_and_removed(tmp_path: Path) -> None:
    folder, result = files.make_folder(tmp_path / "units"), tmp_path / "result"
    late = queue(folder, is_gathered=result.is_file)
    work(queue(folder), writer(folder, []))
    result.touch()
    remove_folder(folder)
    did: list[int] = []
    work(late, writer(folder, did))
    assert did == []
    assert list(tmp_path.iterdir()) == [result]

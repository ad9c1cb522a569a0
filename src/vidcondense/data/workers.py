"""Shards built in parallel processes that stop cleanly: on errors, on Ctrl-C, and when the parent dies."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from typing import Any

from vidcondense.data.shards import ShardTask, VideoRecord, build_shard
from vidcondense.errors import VidcondenseError

Built = tuple[ShardTask, list[VideoRecord]]

_cancelled: Callable[[], bool] = bool


def usable_cores() -> int:
    """Cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def build_shards(tasks: list[ShardTask], workers: int) -> Generator[Built, None, None]:
    """Build shards, in this process for one worker, and yield each as it is finished, in any order.

    Close the iterator to stop early: running shards are given up, finished ones stay.

    Raises:
        VidcondenseError: the store cannot be written, or a worker died.
    """
    if min(workers, len(tasks)) <= 1:
        for task in tasks:
            yield task, build_shard(task)
        return
    # Not fork: the caller may have threads running. The fork server imports the decoder once for all workers.
    methods = multiprocessing.get_all_start_methods()
    context: Any = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    if "forkserver" in methods:
        context.set_forkserver_preload([__name__])
    stop = context.Event()
    count = min(workers, len(tasks))
    pool = ProcessPoolExecutor(count, mp_context=context, initializer=_start, initargs=(stop,))
    try:
        futures = [pool.submit(_build, task) for task in tasks]
        for future in as_completed(futures):
            yield future.result()
    except BrokenProcessPool as error:
        raise VidcondenseError(
            "a decoding process died (out of memory, killed, or a script that calls prepare() outside "
            '`if __name__ == "__main__":`); finished parts are kept: run it again, or set workers to 1'
        ) from error
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


def _start(stop: Any) -> None:
    global _cancelled
    _cancelled = stop.is_set
    # Ctrl-C reaches every process of the terminal; only the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _build(task: ShardTask) -> Built:
    return task, build_shard(task, _cancelled)

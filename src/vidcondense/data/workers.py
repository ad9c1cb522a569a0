"""Shards built in parallel by plain child processes, which take tasks and give answers as lines of JSON.

Not `multiprocessing`: its children import the main program again, with torch, and need a guard in every
script that calls `prepare`. These import the decoder alone. Ctrl-C does not reach them, the parent ends them;
if the parent is killed, their input ends and they stop after the shard at hand.
"""

import json
import os
import subprocess
import sys
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from queue import SimpleQueue

from vidcondense.data.shards import ShardTask, VideoRecord, commit_shard, decode_shard, sweep
from vidcondense.errors import VidcondenseError

Built = tuple[ShardTask, list[VideoRecord]]


def usable_cores() -> int:
    """Cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def build_shards(tasks: list[ShardTask], workers: int) -> Generator[Built, None, None]:
    """Build shards, in this process for one worker, and yield each as it is finished, in any order.

    Close the generator to stop early: shards at hand are given up, finished ones stay.

    Raises:
        VidcondenseError: the store cannot be written, or a worker died.
    """
    count = min(workers, len(tasks))
    if count <= 1:
        for task in tasks:
            records = decode_shard(task)
            commit_shard(task, records, os.getpid())
            yield task, records
        return
    crew = [Worker() for _ in range(count)]
    idle: SimpleQueue[Worker] = SimpleQueue()
    for worker in crew:
        idle.put(worker)

    def build(task: ShardTask) -> Built:
        worker = idle.get()
        try:
            records = worker.decode(task)
        finally:
            idle.put(worker)
        commit_shard(task, records, worker.pid)
        return task, records

    # Twice as many threads as processes: these decode on while finished shards are flushed to disk.
    pool = ThreadPoolExecutor(2 * count)
    try:
        for future in as_completed([pool.submit(build, task) for task in tasks]):
            yield future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in crew:
            worker.stop()
        pool.shutdown()
        sweep(tasks[0].store)


class Worker:
    """A child process that decodes one shard at a time."""

    def __init__(self) -> None:
        """Start the process; it finds the package where this one does."""
        program = f"import sys; sys.path[:] = {sys.path!r}; from {__name__} import serve; serve()"
        self._process = subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def decode(self, task: ShardTask) -> list[VideoRecord]:
        """Have the process decode a shard into its temporary file, and wait for it.

        Raises:
            VidcondenseError: what the process says went wrong, or that it died.
        """
        assert self._process.stdin and self._process.stdout
        try:
            self._process.stdin.write(json.dumps(asdict(task), default=str) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except (OSError, ValueError):
            answer = ""
        if not answer.endswith("\n"):
            raise VidcondenseError(
                f"a decoding process died between {task.paths[0]} and {task.paths[-1]} (out of memory, or a "
                "file that breaks FFmpeg); finished parts are kept: run it again, or take that file out"
            )
        content = json.loads(answer)
        if "error" in content:
            raise VidcondenseError(content["error"])
        return [VideoRecord(**record) for record in content["records"]]

    def stop(self) -> None:
        """End the process, whatever it is doing."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            # Closing flushes, which fails for a process that is no more.
            with suppress(OSError):
                if stream:
                    stream.close()


def serve() -> None:
    """The child's side: decode the shards that come in until there are no more."""
    for line in sys.stdin:
        fields = json.loads(line)
        paths = {name: Path(fields[name]) for name in ("store", "root")}
        task = ShardTask(**{**fields, **paths, "paths": tuple(fields["paths"])})
        try:
            answer: dict[str, object] = {"records": [asdict(record) for record in decode_shard(task)]}
        except VidcondenseError as error:
            answer = {"error": str(error)}
        print(json.dumps(answer), flush=True)

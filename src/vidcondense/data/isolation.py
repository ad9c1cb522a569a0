"""Decoding in processes of their own, with limits: a file that breaks the decoder costs only itself.

A worker is a plain child process that takes a job for a list of videos as a line of JSON, and gives a line
per video as it is done. If it dies, the video at hand is tried once more in a new process, since what killed
it may have come from outside; if that dies as well, the death is the answer, and the next video's turn.

Not `multiprocessing`: its children import the main program again, with torch, and need a guard in every
script that calls `prepare`. These import the decoder alone. Ctrl-C does not reach them, the parent ends them;
if the parent is killed, they stop with the video at hand, after the time limit at the latest.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any

from vidcondense.base.errors import VidcondenseError
from vidcondense.data import shards
from vidcondense.data.decode import try_frames
from vidcondense.data.probe import probe

try:
    import resource
except ImportError:  # not a Unix: no limits there
    resource = None  # type: ignore[assignment]

# A video may take this long, and a second more for every so many bytes: a thousand times what usual ones
# need, so that a busy machine or a slow disk is no reason to lose one.
SECONDS, BYTES_PER_SECOND = 60.0, 20_000

# Beyond what the process has when it starts. A decoder holds up to 17 frames; of 8K HDR that is 1.7 GB.
MEMORY = 2 << 30

PROGRAM = (
    "import sys; sys.path[:] = {path!r}; from vidcondense.data.isolation import serve; "
    "serve({seconds!r}, {memory!r})"
)

Request = dict[str, Any]


class Died(Exception):
    """The process ended before it answered; why, as a short phrase."""


class Worker:
    """A child process with limits, started when it is first needed, and anew when it has died."""

    def __init__(self, seconds: float | None = None, memory: int | None = None) -> None:
        """Limit the seconds for a small video and the bytes of memory: to `SECONDS` and `MEMORY` for None."""
        self._seconds = SECONDS if seconds is None else seconds
        self._memory = MEMORY if memory is None else memory
        self._process: subprocess.Popen[str] | None = None
        self._stopped = False
        self._lock = Lock()

    def each(self, job: str, paths: Sequence[Path], details: Callable[[], Request] = dict) -> Iterator[Any]:
        """Do a job for each of some videos.

        Args:
            job: a key of `JOBS`.
            paths: the videos.
            details: called before the job begins, and before it goes on in a new process: what else it needs.

        Yields:
            the answer for each video, in order: what the job gives, or `Died` where the process died twice.

        Raises:
            VidcondenseError: what the job raises; or no process can be started; or this worker was stopped.
        """
        done, again = 0, False
        while done < len(paths):
            left = [str(path) for path in paths[done:]]
            try:
                for answer in self._ask({"job": job, "paths": left, "details": details()}):
                    done, again = done + 1, False
                    yield answer
            except Died as death:
                if again:
                    done += 1
                    yield death
                again = not again

    def stop(self) -> None:
        """End the process, whatever it is doing, for good."""
        with self._lock:
            self._stopped = True
            self._end()

    def _ask(self, request: Request) -> Iterator[Any]:
        process = self._started()
        assert process.stdin and process.stdout
        with suppress(OSError, ValueError):  # it is dead: there will be no answer
            process.stdin.write(json.dumps(request, default=str) + "\n")
            process.stdin.flush()
        for path in request["paths"]:
            line = self._line(process)
            if not line:
                raise Died(self._why(Path(path)))
            answer = json.loads(line)
            if "error" in answer:
                raise VidcondenseError(answer["error"])
            yield answer["answer"]

    def _started(self) -> "subprocess.Popen[str]":
        with self._lock:
            if self._stopped:
                raise VidcondenseError("stopped")
            if self._process is None or self._process.poll() is not None:
                self._end()
                self._process = self._start()
            return self._process

    def _start(self) -> "subprocess.Popen[str]":
        """A new process, which finds the package where this one does, and has said that it is ready."""
        program = PROGRAM.format(path=sys.path, seconds=self._seconds, memory=self._memory)
        try:
            process = subprocess.Popen(
                [sys.executable, "-c", program],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        except OSError as error:
            raise VidcondenseError(f"cannot start a decoding process: {error.strerror or error}") from error
        if not self._line(process):
            code = process.wait()
            raise VidcondenseError(f"a decoding process ended before it began (code {code}); see above")
        return process

    @staticmethod
    def _line(process: "subprocess.Popen[str]") -> str:
        """The next whole line that a process says, "" if there will be none."""
        assert process.stdout
        try:
            line = process.stdout.readline()
        except (OSError, ValueError):
            return ""
        return line if line.endswith("\n") else ""

    def _why(self, path: Path) -> str:
        """Why the process ended while it had this video at hand."""
        with self._lock:
            if self._stopped or self._process is None:
                raise VidcondenseError("stopped")
            code = self._process.wait()
        if code == -signal.SIGALRM:
            return f"not decoded within the limit of {time_limit(path, self._seconds):.0f} s"
        if code == -signal.SIGKILL:
            return "its decoder was killed, perhaps for want of memory"
        name = signal.Signals(-code).name if code < 0 else f"code {code}"
        return f"its decoder crashed ({name})"

    def _end(self) -> None:
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            # Closing flushes, which fails for a process that is no more.
            with suppress(OSError, ValueError):
                if stream:
                    stream.close()
        self._process = None


@contextmanager
def worker_pool(count: int) -> Iterator[list[Worker]]:
    """Workers, which have ended when the block has."""
    workers = [Worker() for _ in range(count)]
    try:
        yield workers
    finally:
        for worker in workers:
            worker.stop()


def time_limit(path: Path, seconds: float) -> float:
    """The seconds that a video may take, by its size in bytes."""
    size = shards.bytes_of(path)
    return seconds + max(0, size if isinstance(size, int) else size[1]) / BYTES_PER_SECOND


# What a worker can do with a video; the rest of the arguments are the `details` of `Worker.each`.
JOBS: dict[str, Callable[..., Any]] = {"decode": shards.append_video, "probe": probe, "try": try_frames}


def serve(seconds: float, memory: int) -> None:
    """The child's side: do the jobs that come in until there are no more."""
    answers = os.fdopen(os.dup(1), "w")
    print("ready", file=answers, flush=True)
    silent = os.open(os.devnull, os.O_WRONLY)
    for output in (1, 2):  # what libraries print, and a crash
        os.dup2(silent, output)
    _limit(memory)
    # The parent is no more, and so is the process; nothing is to be cleaned up.
    with suppress(BrokenPipeError):
        for line in sys.stdin:
            request = json.loads(line)
            job = JOBS[request["job"]]
            for path in map(Path, request["paths"]):
                try:
                    with _clocked(time_limit(path, seconds)):
                        answer = {"answer": job(path, **request["details"])}
                except VidcondenseError as error:
                    answer = {"error": str(error)}
                print(json.dumps(answer), file=answers, flush=True)
        return
    os._exit(0)


def _limit(memory: int) -> None:
    """Let this process take `memory` more bytes than it has, and leave no core behind when it crashes."""
    if resource is None:
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    with suppress(OSError, ValueError):  # no /proc, or a narrower limit is set from outside
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + memory
        resource.setrlimit(resource.RLIMIT_AS, (most, resource.getrlimit(resource.RLIMIT_AS)[1]))


@contextmanager
def _clocked(seconds: float) -> Iterator[None]:
    """End this process by a signal if the block takes longer, in whatever loop the decoder hangs."""
    if not hasattr(signal, "setitimer"):
        yield
        return
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)

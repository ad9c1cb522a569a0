"""The command line in forks of one process that has imported everything: starting a command takes no time.

A fork can be killed at any moment from outside, or kills or stops itself before its n-th step on the file
system. Steps are what opens for writing, flushes, renames, makes and removes, and the middle of what writes.
"""

import importlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMMANDS = (
    *("benchmark.run", "cli", "condensed.export", "data.prepare", "evaluation.shared", "experts", "report"),
    "run.shards",
)
STEPS = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"}
SOON = 2.0
"""Within how many seconds Ctrl-C and SIGTERM must end a command."""


@dataclass(frozen=True)
class Ended:
    """How a command ended: exit code (minus the signal that killed it), what it printed, steps, seconds."""

    code: int
    said: str
    steps: int
    seconds: float


class Command:
    """A running fork."""

    def __init__(self, forks: "Forks", pid: int, output: Path) -> None:
        self.forks, self.pid, self.output, self.began = forks, pid, output, time.monotonic()

    def send(self, number: int) -> None:
        """Send a signal; the process is not waited for by anybody else, so that it cannot be a stranger."""
        os.kill(self.pid, number)

    @property
    def state(self) -> str:
        """R or S while it runs, T when it is stopped, Z when it has ended."""
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0]

    def wait_for(self, states: str, timeout: float = 300, *, fail: bool = True) -> None:
        """Wait until it is in one of these states, so long at most."""
        until = time.monotonic() + timeout
        while self.state not in states:
            if time.monotonic() > until:
                assert not fail, f"still {self.state}: {self.output.read_text()}"
                return
            time.sleep(0.005)

    def seconds_to_end(self, number: int) -> float:
        """Send a signal and wait; seconds until the end, less those in which others had the processor."""
        family = [self.pid, *_children(self.pid)]
        began, before = time.monotonic(), {pid: _kept_waiting(pid) for pid in family}
        last = dict(before)
        self.send(number)
        while self.state != "Z":
            last |= {pid: _kept_waiting(pid) for pid in family if Path(f"/proc/{pid}/schedstat").exists()}
            time.sleep(0.005)
        last[self.pid] = _kept_waiting(self.pid)
        # The command waits for its children, so that it is their waiting or its own that counts.
        return time.monotonic() - began - max(last[pid] - before[pid] for pid in family)

    def end(self, timeout: float = 1500) -> Ended:
        """Wait for its end."""
        code = self.forks.ask(wait=self.pid, timeout=timeout)
        seconds = time.monotonic() - self.began
        steps = self.output.with_suffix(".steps")
        said = self.output.read_text(errors="replace")
        assert code is not None, f"no end after {timeout} s: {said}"
        return Ended(code, said, int(steps.read_text()) if steps.exists() else 0, seconds)


def _kept_waiting(pid: int) -> float:
    """Seconds that a process could have run, but was not given a processor; 0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    except OSError:
        return 0.0


def _children(pid: int) -> list[int]:
    """The processes that a process has started."""
    found = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in found.read_text().split()] if found.exists() else []


class Forks:
    """The process that forks. Its commands use one thread and save a checkpoint after every iteration."""

    def __init__(
        self, folder: Path, *, threads: int = 1, under: tuple[str, ...] = (), **environment: str
    ) -> None:
        """Start it with so many threads, as the last argument of the command `under`, with more variables."""
        self.folder, self.count = folder, 0
        folder.mkdir(parents=True, exist_ok=True)
        self.process = subprocess.Popen(
            [*under, sys.executable, __file__, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": str(threads), **environment},
        )

    def ask(self, **request: Any) -> Any:
        """One request to the process, and its answer."""
        assert self.process.stdin and self.process.stdout
        print(json.dumps(request), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())

    def start(
        self,
        *words: object,
        watch: Path | None = None,
        kill_at: int = 0,
        stop_at: int = 0,
        each: bool = True,
        files: int = 0,
        size: int = 0,
        **environment: object,
    ) -> Command:
        """Start a command.

        Args:
            words: its arguments.
            watch: count steps at or below this path.
            kill_at: the step before which it kills itself, counted from 1; 0 for none.
            stop_at: the step before which it stops as on SIGSTOP.
            each: whether to save a checkpoint after every iteration.
            files: most files that it may have open, 0 for any number.
            size: most bytes that a file may have, 0 for any number.
            environment: more variables.
        """
        self.count += 1
        output = self.folder / f"{self.count:05d}.txt"
        output.write_bytes(b"")
        pid = self.ask(
            words=[str(word) for word in words],
            output=str(output),
            watch=str(watch or ""),
            kill_at=kill_at,
            stop_at=stop_at,
            each=each,
            files=files,
            size=size,
            environment={name: str(value) for name, value in environment.items()},
        )
        return Command(self, pid, output)

    def run(self, *words: object, **options: Any) -> Ended:
        """Run a command to its end; see `start`."""
        return self.start(*words, **options).end()

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


def serve() -> None:
    """The process's side: start and wait as asked, until there are no more requests."""
    import torch

    for name in COMMANDS:
        importlib.import_module(f"vidcondense.{name}")
    torch.set_num_threads(int(sys.argv[1]))
    torch.optim.AdamW([torch.zeros(1)]).step()  # what PyTorch imports only now takes seconds
    answers = os.dup(1)
    for line in sys.stdin:
        request = json.loads(line)
        answer = _wait(request) if "wait" in request else _fork(request, answers)
        os.write(answers, (json.dumps(answer) + "\n").encode())


def _wait(request: dict[str, Any]) -> int | None:
    until = time.monotonic() + request["timeout"]
    while time.monotonic() < until:
        pid, status = os.waitpid(request["wait"], os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(request["wait"], signal.SIGKILL)
    os.waitpid(request["wait"], 0)
    return None


def _fork(request: dict[str, Any], answers: int) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        os.close(answers)
        for number, path in ((0, os.devnull), (1, request["output"]), (2, request["output"])):
            handle = os.open(path, os.O_RDWR | os.O_APPEND)
            os.dup2(handle, number)
            os.close(handle)
        code = _command(request)
    except KeyboardInterrupt:  # before the command's first line
        code = 130
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _command(request: dict[str, Any]) -> int:
    from vidcondense import cli
    from vidcondense.run import loop as condensation

    os.environ.update(request["environment"])
    if request["each"]:
        condensation.CHECKPOINT_SECONDS = -1.0
    steps = (
        _count_steps(request["watch"], request["kill_at"], request["stop_at"])
        if request["watch"]
        else lambda: 0
    )
    for kind, most in ((resource.RLIMIT_NOFILE, request["files"]), (resource.RLIMIT_FSIZE, request["size"])):
        if most:
            resource.setrlimit(kind, (most, resource.getrlimit(kind)[1]))
    sys.argv = ["vidcondense", *request["words"]]
    try:
        cli.main()
        return 0
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    finally:
        if request["watch"]:
            Path(request["output"]).with_suffix(".steps").write_text(str(steps()))


def _count_steps(watch: str, kill_at: int, stop_at: int) -> Callable[[], int]:
    """Count steps from now on, and die or stop before one of them."""
    from vidcondense.base import files

    count = 0

    def step(path: object) -> None:
        nonlocal count
        if str(path).startswith(watch):
            count += 1
            if count == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            if count == stop_at:
                os.kill(os.getpid(), signal.SIGSTOP)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in STEPS or (event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR)):
            step(arguments[0])

    def in_halves(path: Path, data: bytes, mode: str) -> None:
        with path.open(mode, buffering=0) as file:
            file.write(data[: len(data) // 2])
            step(path)
            file.write(data[len(data) // 2 :])

    write_parts = files.write_parts

    def parts_in_halves(path: Path, parts: Iterable[bytes | memoryview]) -> None:
        def halves() -> Iterator[bytes | memoryview]:
            every = list(parts)
            yield from every[: len(every) // 2]
            step(path)
            yield from every[len(every) // 2 :]

        write_parts(path, halves())

    def write_bytes(self: Path, data: bytes) -> int:
        in_halves(self, data, "wb")
        return len(data)

    fsync = os.fsync

    def flush(handle: int) -> None:
        step(Path(f"/proc/self/fd/{handle}").readlink())
        fsync(handle)

    Path.write_bytes = write_bytes  # type: ignore[method-assign,assignment]
    files.append = lambda path, data: in_halves(path, data, "ab")
    files.write_parts = parts_in_halves
    os.fsync = flush
    sys.addaudithook(hook)
    return lambda: count


if __name__ == "__main__":
    serve()

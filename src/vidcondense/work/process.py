"""A step of a unit as a process: how it is started, stopped, and asked why it ended."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from vidcondense.work.unit import THREADS, Job

CHILD = "vidcondense.work.child"
STOP_SECONDS = 10.0
"""How long a process may take to save its state before it is killed."""
LAST_LINES = 6

Process = subprocess.Popen[bytes]


def start(job: Job, more: Mapping[str, str] | None = None) -> Process:
    """Start a step; it ends by itself when this process does, as its standard input ends then.

    Args:
        job: the step.
        more: variables of the environment for it alone.
    """
    threads = {THREADS: str(job.threads)} if job.threads else {}
    folder = job.folder if Path(job.folder).is_dir() else None
    with Path(job.log).open("wb") as output:
        # A session of its own: Ctrl-C must reach it once, from us, so that it can save its state.
        return subprocess.Popen(
            [sys.executable, "-m", CHILD, *job.words],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            cwd=folder,
            env={**os.environ, **threads, **(more or {})},
            start_new_session=True,
        )


def stop(processes: Sequence[Process]) -> None:
    """Ask what still runs to save its state and end, and wait for it; what takes too long is killed."""
    until = time.monotonic() + STOP_SECONDS
    try:
        for process in processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, until - time.monotonic()))
    finally:  # also after a second Ctrl-C
        for process in processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            if process.stdin:
                process.stdin.close()


def last_lines(log: Path, most: int = LAST_LINES) -> list[str]:
    """The last lines of a log that say something."""
    try:
        text = log.read_text(errors="replace")
    except OSError:
        return []
    return [line.rstrip() for line in text.splitlines() if line.strip()][-most:]


def reason(log: Path, code: int) -> str:
    """Why a step failed: the last line of its log, without the command's name."""
    if code < 0:  # a signal, by its number
        return f"killed by signal {-code} ({signal.Signals(-code).name}); see {log}"
    lines = last_lines(log, 1)
    return lines[0].strip().removeprefix("vidcondense: ") if lines else f"exit code {code}; see {log}"

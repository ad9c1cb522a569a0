"""Stopping cleanly on Ctrl-C and SIGTERM."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(Exception):
    """The user or the system asked a run to stop; the message says how to go on."""


@contextmanager
def catch_interrupts() -> Iterator[Callable[[], bool]]:
    """Within the block, the first Ctrl-C or SIGTERM only sets a flag, a second one acts as usual.

    Yields a function that tells whether one has come. Outside the main thread nothing is caught.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    seen = threading.Event()
    previous = {number: signal.getsignal(number) for number in SIGNALS}

    def restore() -> None:
        for number, handler in previous.items():
            signal.signal(number, handler)

    def note(number: int, frame: FrameType | None) -> None:
        seen.set()
        restore()

    for number in SIGNALS:
        signal.signal(number, note)
    try:
        yield seen.is_set
    finally:
        restore()

"""Stopping cleanly on Ctrl-C and SIGTERM."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(BaseException):
    """The user or the system asked a run to stop; the message says how to go on.

    No Exception, as KeyboardInterrupt is none: it may come up anywhere, and PyTorch turns those that come up
    while weights are loaded into others.
    """


class Interrupts:
    """Tells, when called, whether Ctrl-C or SIGTERM has come."""

    def __init__(self) -> None:
        self._seen = False
        self._at_once = False

    def __call__(self) -> bool:
        """Whether a signal has come."""
        return self._seen

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Raise Interrupted as soon as a signal comes: around work that takes long and may be lost."""
        self._at_once = True
        try:
            if self._seen:
                raise Interrupted
            yield
        finally:
            self._at_once = False

    def note(self) -> None:
        """A signal has come."""
        self._seen = True
        if self._at_once:
            raise Interrupted


@contextmanager
def catch_interrupts() -> Iterator[Interrupts]:
    """Within the block, the first Ctrl-C or SIGTERM is only noted, a second one acts as usual.

    Outside the main thread nothing is caught.
    """
    interrupts = Interrupts()
    if threading.current_thread() is not threading.main_thread():
        yield interrupts
        return
    previous = {number: signal.getsignal(number) for number in SIGNALS}

    def restore() -> None:
        for number, handler in previous.items():
            signal.signal(number, handler)

    def note(number: int, frame: FrameType | None) -> None:
        restore()
        interrupts.note()

    for number in SIGNALS:
        signal.signal(number, note)
    try:
        yield interrupts
    finally:
        restore()


def terminate_as_ctrl_c() -> None:
    """From now on SIGTERM raises KeyboardInterrupt, so that it too ends a process with all its clean-up."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)

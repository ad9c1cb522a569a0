"""The first signal is noted, the second one acts."""

import os
import signal
import threading

import pytest

from vidcondense.interrupt import SIGNALS, catch_interrupts


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_sets_the_flag_only(number: int) -> None:
    before = [signal.getsignal(n) for n in SIGNALS]
    with catch_interrupts() as interrupted:
        assert not interrupted()
        os.kill(os.getpid(), number)
        assert interrupted()
    assert [signal.getsignal(n) for n in SIGNALS] == before


def test_the_second_signal_acts_as_usual() -> None:
    with catch_interrupts() as interrupted:
        os.kill(os.getpid(), signal.SIGTERM)
        assert interrupted()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_handlers_come_back_after_an_error() -> None:
    before = [signal.getsignal(n) for n in SIGNALS]
    with pytest.raises(ValueError, match="inside"), catch_interrupts():
        raise ValueError("inside")
    assert [signal.getsignal(n) for n in SIGNALS] == before


def test_other_threads_catch_nothing() -> None:
    seen: list[bool] = []

    def work() -> None:
        with catch_interrupts() as interrupted:
            seen.append(interrupted())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False]

"""The first signal is noted, the second one acts."""

import os
import signal
import threading

import pytest
import torch

from vidcondense.base.interrupt import SIGNALS, Interrupted, catch_interrupts, terminate_as_ctrl_c


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


@pytest.mark.parametrize("number", SIGNALS)
def test_work_that_may_be_lost_is_cut_short(number: int) -> None:
    with catch_interrupts() as interrupted:
        with pytest.raises(Interrupted), interrupted.at_once():
            os.kill(os.getpid(), number)
            pytest.fail("went on")
        with pytest.raises(Interrupted), interrupted.at_once():
            pytest.fail("began, though a signal had come")


def test_sigterm_ends_a_command_as_ctrl_c_does() -> None:
    before = signal.getsignal(signal.SIGTERM)
    try:
        terminate_as_ctrl_c()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)


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


def test_pytorch_passes_it_on_where_weights_are_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """An Exception would become a RuntimeError that lists sizes."""

    def copy(self: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        raise Interrupted

    layer = torch.nn.Linear(2, 2)
    weights = {name: value.clone() for name, value in layer.state_dict().items()}
    monkeypatch.setattr(torch.Tensor, "copy_", copy)
    with pytest.raises(Interrupted):
        layer.load_state_dict(weights)

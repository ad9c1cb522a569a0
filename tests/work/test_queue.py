"""The queue by itself: order, retries, failures, and that whatever is done is not done again."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from vidcondense.base.errors import UnitsFailed, VidcondenseError
from vidcondense.base.interrupt import Interrupted
from vidcondense.work import queue
from vidcondense.work.queue import MOST_TRIES, do, refuse_failed
from vidcondense.work.unit import Ended, Job, Needs, Unit


class Instant:
    """An engine that does a step when it is asked what has ended."""

    def __init__(self, run: Callable[[str, Job], Ended], room: int = 1) -> None:
        self.run, self.room = run, room
        self.running: list[tuple[str, Job]] = []
        self.began: list[str] = []
        self.most = self.stopped = 0

    def has_room(self, needs: Needs) -> bool:
        return len(self.running) < self.room

    def start(self, name: str, job: Job, needs: Needs) -> None:
        self.began.append(name)
        self.running.append((name, job))
        self.most = max(self.most, len(self.running))

    def ended(self) -> list[Ended]:
        return [self.run(*self.running.pop(0))] if self.running else []

    def shown(self) -> dict[str, float]:
        return {}

    def stop(self) -> None:
        self.stopped += 1


def unit(folder: Path, name: str, cost: float = 1.0, steps: int = 1) -> Unit:
    """A unit of so many steps, each of which leaves a file."""
    files = [folder / f"{name}-{number}" for number in range(steps)]
    missing = lambda: [file for file in files if not file.is_file()]  # noqa: E731
    return Unit(name, lambda: len(missing()), lambda: ("make", str(missing()[0])), Needs(), cost)


def make(name: str, job: Job) -> Ended:
    Path(job.words[1]).touch()
    return Ended(name, 0)


def test_units_that_cost_more_begin_earlier_and_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    engine = Instant(make)
    units = [unit(tmp_path, name, cost) for name, cost in (("a", 1), ("b", 3), ("c", 1), ("d", 2))]
    (tmp_path / "c-0").touch()
    assert do(units, engine, tmp_path / "logs", show=False) == {}
    assert engine.began == ["b", "d", "a"]
    assert engine.stopped == 1
    do(units, engine, tmp_path / "logs", show=False)
    assert engine.began == ["b", "d", "a"]


def test_a_unit_with_more_steps_goes_on_before_others_begin(tmp_path: Path) -> None:
    engine = Instant(make)
    said: list[str] = []
    settled: list[str] = []
    do(
        [unit(tmp_path, "a", steps=2), unit(tmp_path, "b", steps=2)],
        engine,
        tmp_path,
        show=False,
        stepped=lambda unit, seconds: said.append(unit.name) or "",
        settled=lambda unit: settled.append(unit.name),
    )
    assert engine.began == said == ["a", "a", "b", "b"]
    assert settled == ["a", "b"]


def test_as_many_at_a_time_as_there_is_room_for(tmp_path: Path) -> None:
    engine = Instant(make, room=3)
    do([unit(tmp_path, str(number)) for number in range(7)], engine, tmp_path, show=False)
    assert engine.most == 3


def test_a_unit_that_fails_three_times_is_given_up_with_its_log_and_the_others_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(name: str, job: Job) -> Ended:
        if name != "bad":
            return make(name, job)
        Path(job.log).write_text("step 1\nstep 2\nvidcondense: the loss is nan\n")
        return Ended(name, 2, "node-7")

    engine = Instant(run)
    units = [unit(tmp_path, name) for name in ("a", "bad", "c")]
    failed = do(units, engine, tmp_path / "logs")
    assert engine.began.count("bad") == MOST_TRIES == 3
    assert sorted(engine.began) == ["a", "bad", "bad", "bad", "c"]
    assert failed["bad"].reason == "the loss is nan"
    with pytest.raises(UnitsFailed) as error:
        refuse_failed(failed, 3)
    lines = str(error.value).splitlines()
    assert lines[0] == "failed: bad, 3 times, at last on node-7: the loss is nan"
    assert lines[2:5] == ["    step 1", "    step 2", "    vidcondense: the loss is nan"]
    assert lines[-1].startswith("vidcondense: 1 of 3 units failed; the same command tries them again")
    assert "bad: given up: the loss is nan" in capsys.readouterr().err
    do(units, engine, tmp_path / "logs", show=False)
    assert engine.began.count("bad") == 6, "the next command tries again"


@pytest.mark.parametrize("innocent", [True, False])
def test_only_deaths_that_are_not_the_machines_count(tmp_path: Path, innocent: bool) -> None:
    deaths: list[str] = []

    def run(name: str, job: Job) -> Ended:
        deaths.append(name)
        if len(deaths) <= 5:
            return Ended(name, lost="the node died", innocent=innocent)
        return make(name, job)

    failed = do([unit(tmp_path, "a")], Instant(run), tmp_path, show=False)
    assert (len(deaths), list(failed)) == ((6, []) if innocent else (3, ["a"]))


def test_a_step_that_leaves_nothing_behind_is_a_failure_not_a_loop(tmp_path: Path) -> None:
    failed = do([unit(tmp_path, "a")], Instant(lambda name, job: Ended(name, 0)), tmp_path, show=False)
    assert "left nothing behind" in failed["a"].reason


def test_a_result_that_another_machine_wrote_may_be_seen_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on NFS; what is not seen in time has failed."""
    looked: list[int] = []

    def left() -> int:
        looked.append(1)
        return int(len(looked) < 12)

    slow = Unit("slow", left, lambda: ("make", str(tmp_path / "slow")))
    engine = Instant(lambda name, job: Ended(name, 0, "node-7"))
    assert do([slow], engine, tmp_path, show=False) == {}
    assert engine.began == ["slow"]
    monkeypatch.setattr(queue, "UNSEEN_SECONDS", 0.01)
    failed = do([unit(tmp_path, "never")], engine, tmp_path, show=False)
    assert "left nothing behind" in failed["never"].reason
    assert engine.began == ["slow", *["never"] * 3]


def test_a_unit_on_which_an_earlier_process_still_works_is_no_failure(tmp_path: Path) -> None:
    busy: list[str] = []

    def run(name: str, job: Job) -> Ended:
        busy.append(name)
        if len(busy) > 5:
            return make(name, job)
        Path(job.log).write_text("vidcondense: another process is working in x; wait for it")
        return Ended(name, 2)

    assert do([unit(tmp_path, "a")], Instant(run), tmp_path, show=False) == {}
    assert len(busy) == 6


def test_a_machine_that_cannot_work_ends_the_command(tmp_path: Path) -> None:
    engine = Instant(lambda name, job: Ended(name, refused="node n has torch 1, and 2 is installed"))
    with pytest.raises(VidcondenseError, match="node n has torch 1"):
        do([unit(tmp_path, "a")], engine, tmp_path, show=False)
    assert engine.stopped == 1


def test_ctrl_c_stops_the_engine_and_says_how_to_go_on(tmp_path: Path) -> None:
    def run(name: str, job: Job) -> Ended:
        os.kill(os.getpid(), signal.SIGINT)
        return make(name, job)

    engine = Instant(run)
    with pytest.raises(Interrupted, match="2 of 3 units left; all is saved, the same command goes on"):
        do([unit(tmp_path, name) for name in "abc"], engine, tmp_path, show=False)
    assert engine.stopped == 1
    assert engine.began == ["a"]

"""Ctrl-C and SIGTERM end every command within 2 seconds, and it goes on from there to the same bytes."""

import random
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from forks import SOON, Forks
from tasks import DEVICE, TASKS, Inputs, Task, benchmark

Make = Callable[[Inputs, Path], Task]
SIGNALS = (signal.SIGINT, signal.SIGTERM)
EXIT_CODE = 130
TRIALS = 4


@pytest.mark.parametrize("make", [*TASKS, benchmark])
def test_at_any_time(make: Make, forks: Forks, inputs: Inputs, tmp_path: Path) -> None:
    expected = make(inputs, tmp_path / "whole")
    began = forks.run(*expected.words)
    assert began.code == 0, began.said
    chance = random.Random(3)
    for number in SIGNALS * (TRIALS // 2):
        task = make(inputs, tmp_path / "cut")
        command = forks.start(*task.words, each=False)
        command.wait_for("Z", timeout=chance.uniform(0, began.seconds), fail=False)
        seconds = command.seconds_to_end(number)
        ended = command.end()
        print(f"{make.__name__}: {seconds:.2f} s")
        assert seconds < SOON, ended.said
        assert ended.code in (0, EXIT_CODE, -number), ended.said  # by the signal, before its first line
        assert "Traceback" not in ended.said, ended.said
        again = forks.run(*task.next())
        assert again.code == 0, again.said
        assert task.content() == expected.content()
        shutil.rmtree(task.out)


LONG = {
    "condense": ("condense", "{store}", "--out", "{out}", "--set", "objective.batch_real=2000", *DEVICE),
    "condense frepo": (
        *("condense", "{store}", "--out", "{out}", "--recipe", "frepo_small"),
        *("--set", "objective.batch_real=2000", *DEVICE),
    ),
    "condense trained coreset": (
        *("condense", "{store}", "--out", "{out}", "--recipe", "herding", *DEVICE),
        *("--set", "coreset.features=trained"),
    ),
    "experts": ("experts", "{store}", "--out", "{out}", "--experts", "2", "--epochs", "60", *DEVICE),
    "evaluate": ("evaluate", "{run}", "{store}", "--networks", "1000", "--out", "{out}/result.json", *DEVICE),
    "evaluate all": ("evaluate", "{store}", "{store}", "--networks", "1000", *DEVICE),
    "export": ("export", "{many}", "{out}", "--format", "frames", "--rendered", "--scale", "64"),
    "generate": ("generate", "actions", "{out}", "--size", "640", "--frames", "200", "--workers", "2"),
}
"""Commands that take many seconds or minutes, some of them in a single iteration or epoch."""


@pytest.fixture(scope="module")
def many(forks: Forks, inputs: Inputs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of all training videos, 60 frames."""
    out = tmp_path_factory.mktemp("many") / "run"
    words = ("condense", inputs.store, "--out", out, "--recipe", "random", "--set", "vpc=5", *DEVICE)
    assert forks.run(*words).code == 0
    return out


@pytest.mark.parametrize("words", LONG.values(), ids=LONG)
@pytest.mark.parametrize("number", SIGNALS)
def test_in_the_middle_of_long_work(
    words: tuple[str, ...], number: int, forks: Forks, inputs: Inputs, many: Path, tmp_path: Path
) -> None:
    paths = {"store": inputs.store, "run": inputs.run, "many": many, "out": tmp_path / "out"}
    command = forks.start(*(word.format(**paths) for word in words), each=False)
    command.wait_for("Z", timeout=random.Random(number).uniform(0.5, 3), fail=False)
    assert command.state != "Z", f"too quick for this test: {command.end().said}"
    seconds = command.seconds_to_end(number)
    ended = command.end()
    print(f"in the middle: {seconds:.2f} s")
    assert (ended.code, "Traceback" in ended.said) == (EXIT_CODE, False), ended.said
    assert seconds < SOON

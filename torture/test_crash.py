"""Killed at any moment, every command goes on to the bytes of an undisturbed run."""

import hashlib
import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from forks import Command, Ended, Forks
from tasks import (
    Inputs,
    Task,
    benchmark,
    condense,
    condense_in_bfloat16,
    condense_in_shards,
    condense_on_experts,
    evaluate,
    experts,
    export,
    export_frames,
    generate,
    merge,
    prepare,
    prepare_with_workers,
)

KILLS = int(os.environ.get("TORTURE_KILLS", "50"))
"""Of each test; every command has two or more."""

LAST = 5

Make = Callable[[Inputs, Path], Task]


def finish(forks: Forks, task: Task) -> None:
    """Go on until the end, undisturbed."""
    ended = forks.run(*task.next())
    assert ended.code == 0, ended.said


def undisturbed(forks: Forks, task: Task) -> Ended:
    ended = forks.run(*task.words, watch=task.out)
    assert ended.code == 0, ended.said
    return ended


@pytest.mark.parametrize(
    "make",
    [
        *(prepare, generate, condense, condense_on_experts, condense_in_shards),
        *(experts, evaluate, export, merge),
    ],
)
def test_killed_at_any_step(make: Make, forks: Forks, inputs: Inputs, tmp_path: Path) -> None:
    """Before each step on the file system, or before 50 of them where there are more, the last among them."""
    whole = make(inputs, tmp_path / "whole")
    steps = undisturbed(forks, whole).steps
    moments = [*range(1, steps + 1)]
    if steps > KILLS:  # the last ones always: what is removed in the end
        moments = random.Random(0).sample(moments[:-LAST], KILLS - LAST) + moments[-LAST:]
    print(f"{make.__name__}: killed {len(moments)} times, of {steps} steps")
    for moment in moments:
        task = make(inputs, tmp_path / "cut")
        ended = forks.run(*task.words, watch=task.out, kill_at=moment)
        assert ended.code == -signal.SIGKILL, ended.said
        finish(forks, task)
        # What is named in a run are paths, which differ.
        assert same(task, whole), f"killed before step {moment} of {steps}"
        shutil.rmtree(task.out)


@pytest.mark.parametrize(
    "make",
    [
        *(prepare, prepare_with_workers, condense, condense_in_bfloat16, condense_on_experts),
        *(experts, evaluate, export),
    ],
)
def test_killed_at_any_time(make: Make, forks: Forks, inputs: Inputs, tmp_path: Path) -> None:
    """At random moments, again and again until it gets through, and from the start until there were 50."""
    whole = make(inputs, tmp_path / "whole")
    seconds = undisturbed(forks, whole).seconds
    chance, kills = random.Random(1), 0
    while kills < KILLS:
        task = make(inputs, tmp_path / "cut")
        while True:
            ended = killed_after(forks.start(*task.next()), chance.uniform(0, 1.2 * seconds))
            kills += ended.code == -signal.SIGKILL
            if ended.code != -signal.SIGKILL:
                assert ended.code == 0, ended.said
                break
        assert same(task, whole)
        shutil.rmtree(task.out)
    print(f"{make.__name__}: killed {kills} times at random")


@pytest.mark.parametrize("make", [prepare, generate, experts, condense, condense_in_shards, evaluate])
def test_killed_while_it_makes_another_anew(make: Make, forks: Forks, inputs: Inputs, tmp_path: Path) -> None:
    """Over what another command left: the same command, with `--force`, ends as in a new folder."""
    other = {"prepare": ("--stride", 1), "condense": ("--set", "objective.batch_real=2")}
    whole, old = make(inputs, tmp_path / "whole"), make(inputs, tmp_path / "old")
    undisturbed(forks, whole)
    ended = forks.run(*old.words, *other.get(str(old.words[0]), ("--seed", 1)))
    assert ended.code == 0, ended.said
    anew = make(inputs, tmp_path / "cut")
    anew = replace(anew, words=(*anew.words, "--force"))
    shutil.copytree(old.out, anew.out)
    steps = undisturbed(forks, anew).steps
    assert same(anew, whole)
    for moment in random.Random(5).sample(range(1, steps + 1), min(steps, KILLS // 2)):
        shutil.rmtree(anew.out)
        shutil.copytree(old.out, anew.out)
        ended = forks.run(*anew.words, watch=anew.out, kill_at=moment)
        assert ended.code == -signal.SIGKILL, ended.said
        finish(forks, anew)
        assert same(anew, whole), f"killed before step {moment} of {steps}"
    print(f"{make.__name__}: killed {min(steps, KILLS // 2)} times while it made another anew")


def killed_after(command: Command, seconds: float) -> Ended:
    time.sleep(seconds)
    command.send(signal.SIGKILL)
    return command.end()


def test_an_export_over_an_earlier_one_is_that_or_the_new_one(
    forks: Forks, inputs: Inputs, tmp_path: Path
) -> None:
    """Until the new one is written the old one is untouched; the same command ends with the new one alone."""
    old, new = export(inputs, tmp_path / "old"), export_frames(inputs, tmp_path / "new")
    for task in (old, new):
        assert forks.run(*task.words).code == 0
    shutil.copytree(old.out, tmp_path / "cut")
    task = export_frames(inputs, tmp_path / "cut")
    steps = undisturbed(forks, task).steps
    for moment in range(1, steps + 1, max(1, steps // KILLS)):
        shutil.rmtree(task.out)
        shutil.copytree(old.out, task.out)
        assert forks.run(*task.words, watch=task.out, kill_at=moment).code == -signal.SIGKILL
        left = {name: value for name, value in task.content().items() if not name.startswith(".unfinished")}
        if not (task.out / ".unfinished" / "index.csv").exists():
            assert left in (old.content(), new.content())
        finish(forks, task)
        assert same(task, new)


def test_benchmark_killed_at_any_time(forks: Forks, inputs: Inputs, tmp_path: Path) -> None:
    """Again and again; the step at hand goes on alone and keeps its cell until it ends."""
    whole = benchmark(inputs, tmp_path / "whole")
    seconds = undisturbed(forks, whole).seconds
    chance, kills = random.Random(2), 0
    while kills < KILLS:
        task = benchmark(inputs, tmp_path / "cut")
        while True:
            ended = killed_after(forks.start(*task.words), chance.uniform(0, seconds / 8))
            kills += ended.code == -signal.SIGKILL
            if ended.code != -signal.SIGKILL:
                assert ended.code == 0, ended.said
                break
        assert same(task, whole)
        shutil.rmtree(task.out)
    print(f"benchmark: killed {kills} times at random")


def same(one: Task, other: Task) -> bool:
    """Whether both folders hold the same files of the same bytes, but for times."""
    first, second = one.content(), other.content()
    if first != second:
        differing = {name for name in {*first, *second} if first.get(name) != second.get(name)}
        print(
            *(f"{name}: {_about(first.get(name))}, {_about(second.get(name))}" for name in sorted(differing))
        )
    return first == second


def _about(value: object) -> object:
    return (
        f"{len(value)} bytes, {hashlib.sha256(value).hexdigest()[:8]}" if isinstance(value, bytes) else value
    )

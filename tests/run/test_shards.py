"""Shards: the same bytes from any number of processes, and the same result as without shards."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vidcondense import ClipStore, CondensedVideos, VidcondenseError, condense
from vidcondense.base import files
from vidcondense.base.compute import choose
from vidcondense.base.ranks import Ranks, local_device
from vidcondense.condensed import KeyFrameVideos
from vidcondense.recipes import load as recipe
from vidcondense.recipes.recipe import Recipe
from vidcondense.run import folder as run_folder
from vidcondense.run.shards import condense_in_shards, parts, resume

SMALL = {"iterations": 6, "vpc": 2, "objective.batch_real": 3}
GROWING = {**SMALL, "insertion.threshold": 1.0}


def chosen(name: str = "prism_small", **overrides: Any) -> Recipe:
    return recipe.load(name, overrides={**(GROWING if "prism" in name else SMALL), **overrides})


@given(st.integers(1, 400), st.data())
def test_parts_share_classes_evenly(classes: int, data: st.DataObject) -> None:
    shards = data.draw(st.integers(1, classes))
    found = parts(classes, shards)
    assert [label for part in found for label in part] == list(range(classes))
    assert max(map(len, found)) - min(map(len, found)) <= 1


@pytest.mark.parametrize("name", ["prism_small", "dm_small", "dc_small", "prism"])
def test_shards_learn_what_a_whole_run_learns(name: str, tiny_store: ClipStore, tmp_path: Path) -> None:
    wanted = chosen(name)
    options: Any = {"device": "cpu", "precision": "float32", "show": False}
    whole = condense(tiny_store, wanted, tmp_path / "whole", **options)
    made = condense_in_shards(tiny_store, wanted, tmp_path / "parts", 2, **options)
    assert isinstance(made, KeyFrameVideos)
    assert isinstance(whole, KeyFrameVideos)
    assert torch.equal(made.labels, whole.labels)
    assert made.key_positions() == whole.key_positions()
    assert torch.allclose(made.key_frames, whole.key_frames, atol=1e-3)
    assert made.provenance == {**whole.provenance, "shards": 2}
    logs = [
        [json.loads(line) for line in (tmp_path / run / "metrics.jsonl").read_text().splitlines()]
        for run in ("parts", "whole")
    ]
    for ours, theirs in zip(*logs, strict=True):
        assert ours.keys() == theirs.keys()
        assert {k: v for k, v in ours.items() if isinstance(v, int)} == {
            k: v for k, v in theirs.items() if isinstance(v, int)
        }
        assert ours.get("loss", 0) == pytest.approx(theirs.get("loss", 0), rel=1e-3)
    assert not (tmp_path / "parts" / "shards").exists()


def command(store: ClipStore, out: Path) -> list[str]:
    settings = [part for key, value in GROWING.items() for part in ("--set", f"{key}={value}")]
    arguments = ["condense", str(store.path), "--out", str(out), "--recipe", "prism_small"]
    return [sys.executable, "-m", "vidcondense", *arguments, *settings, "--shards", "3", "--device", "cpu"]


def start(words: list[str], rank: int, count: int) -> "subprocess.Popen[str]":
    environment = {**os.environ, "RANK": str(rank), "WORLD_SIZE": str(count), "OMP_NUM_THREADS": "1"}
    pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(words, env=environment, **pipes)


def test_any_number_of_processes_gives_the_same_bytes(tiny_store: ClipStore, tmp_path: Path) -> None:
    processes = [start(command(tiny_store, tmp_path / "two"), rank, 2) for rank in range(2)]
    said = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert [bool(text) for text, _ in said] == [True, False]
    condense_in_shards(tiny_store, chosen(), tmp_path / "one", 3, device="cpu", show=False)
    one, two = ((tmp_path / run / "condensed.safetensors").read_bytes() for run in ("one", "two"))
    assert one == two


def test_processes_without_torchrun_share_the_shards_too(tiny_store: ClipStore, tmp_path: Path) -> None:
    pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    words = command(tiny_store, tmp_path / "two")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    processes = [subprocess.Popen(words, env=environment, **pipes) for _ in range(2)]
    said = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert said[0][0] == said[1][0] != ""
    learned = [number for _, errors in said for number in re.findall(r"shard (\d) of 3", errors)]
    assert sorted(learned) == ["1", "2", "3"]
    condense_in_shards(tiny_store, chosen(), tmp_path / "one", 3, device="cpu", show=False)
    one, two = ((tmp_path / run / "condensed.safetensors").read_bytes() for run in ("one", "two"))
    assert one == two
    assert not (tmp_path / "two" / "shards").exists()


def test_a_killed_process_and_another_number_of_them_change_nothing(
    tiny_store: ClipStore, tmp_path: Path
) -> None:
    out = tmp_path / "cut"
    first, second = (start(command(tiny_store, out), rank, 2) for rank in range(2))
    until = time.monotonic() + 60
    while not (out / "shards" / "001" / "metrics.jsonl").exists() and time.monotonic() < until:
        time.sleep(0.02)
    second.kill()
    second.communicate()
    time.sleep(0.2)
    first.send_signal(signal.SIGTERM)
    first.communicate(timeout=60)
    assert not (out / "condensed.safetensors").exists()
    made = resume(out, device="cpu", show=False)
    assert made is not None
    whole = condense_in_shards(tiny_store, chosen(), tmp_path / "whole", 3, device="cpu", show=False)
    assert whole is not None
    cut, plain = ((run / "condensed.safetensors").read_bytes() for run in (out, tmp_path / "whole"))
    assert cut == plain
    (out / "shards" / "000").mkdir(parents=True)  # as if it had been killed before it removed them
    resume(out, device="cpu", show=False)
    assert not (out / "shards").exists()
    again = resume(out, device="cpu", show=False)
    assert again is not None
    assert all(torch.equal(value, again.tensors()[name]) for name, value in made.tensors().items())


def test_storage_is_rounded_once(tiny_store: ClipStore, tmp_path: Path) -> None:
    options: Any = {"device": "cpu", "show": False}
    exact = condense_in_shards(tiny_store, chosen(storage="float32"), tmp_path / "exact", 2, **options)
    small = condense_in_shards(tiny_store, chosen(storage="uint8"), tmp_path / "small", 2, **options)
    assert isinstance(exact, KeyFrameVideos)
    assert isinstance(small, KeyFrameVideos)
    assert small.storage == "uint8"
    assert small.provenance["recipe"]["storage"] == "uint8"
    spans = exact.key_frames.flatten(1)
    half = (spans.amax(1) - spans.amin(1)) / 510
    assert bool(((small.key_frames - exact.key_frames).flatten(1).abs().amax(1) <= half + 1e-5).all())


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("mtt", "steps on the clips of all classes"),
        ("frepo", "predicts with the clips of all classes"),
        ("wang", "share one hallucinator"),
    ],
)
def test_recipes_that_couple_classes_are_refused(
    name: str, reason: str, tiny_store: ClipStore, tmp_path: Path
) -> None:
    with pytest.raises(VidcondenseError, match=f"cannot be condensed in shards: .*{reason}"):
        condense_in_shards(tiny_store, recipe.load(name), tmp_path / "run", 2, show=False)
    assert not (tmp_path / "run").exists()
    inner = {"objective.outer_steps": 2, "objective.inner_steps": 1}
    with pytest.raises(VidcondenseError, match="inner_steps trains a network"):
        condense_in_shards(tiny_store, recipe.load("dc", overrides={**SMALL, **inner}), tmp_path / "run", 2)


def test_bad_numbers_and_other_arguments_are_refused(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(VidcondenseError, match="between 1 and the 3 classes, not 4"):
        condense_in_shards(tiny_store, chosen(), tmp_path / "run", 4, show=False)
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(VidcondenseError, match="3 processes for 2 shards"):
        condense_in_shards(tiny_store, chosen(), tmp_path / "run", 2, show=False)
    monkeypatch.setenv("RANK", "1")
    assert Ranks.here() == Ranks(1, 3)
    assert local_device("auto") == "auto"  # no GPU here, or no LOCAL_RANK


def test_a_run_with_another_recipe_is_not_gone_on_with(tiny_store: ClipStore, tmp_path: Path) -> None:
    out = tmp_path / "run"
    run_folder.create(out, chosen(), tiny_store, choose("cpu"), shards=3)
    (out / "shards").mkdir()
    lock = files.try_lock(out / "shards" / "shard-2.lock")  # another process learns this one
    assert lock is not None
    made = start(command(tiny_store, out), 0, 2)  # it learns the others, then waits
    assert made.stderr is not None
    assert any("waiting for other processes: shard-2" in line for line in made.stderr)
    made.terminate()
    made.communicate(timeout=60)
    files.unlock(lock)
    assert made.returncode == 130
    assert json.loads((out / "run.json").read_text())["status"] == "interrupted"
    with pytest.raises(VidcondenseError, match="made with iterations 6, not 7"):
        condense_in_shards(tiny_store, chosen(iterations=7), out, 3, device="cpu", show=False)
    with pytest.raises(VidcondenseError, match="made with shards 3, not 2"):
        condense_in_shards(tiny_store, chosen(), out, 2, device="cpu", show=False)
    assert isinstance(resume(out, device="cpu", show=False), CondensedVideos)

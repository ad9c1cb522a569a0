"""Shards: the same bytes from any number of processes, and the same result as without shards."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from chores import wait_until
from hypothesis import given
from hypothesis import strategies as st

from vidcondense import ClipStore, CondensedVideos, VidcondenseError, condense
from vidcondense.base import files
from vidcondense.base.compute import choose
from vidcondense.base.errors import UnitsFailed
from vidcondense.base.interrupt import Interrupted
from vidcondense.condensed import KeyFrameVideos
from vidcondense.recipes import load as recipe
from vidcondense.recipes.recipe import Recipe
from vidcondense.run import folder as run_folder
from vidcondense.run import shards
from vidcondense.run.shards import condense_in_shards, merged_metrics, parts, resume
from vidcondense.work import queue

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


def test_drops_come_before_insertions_in_a_merged_log() -> None:
    def log(first: int) -> list[dict[str, Any]]:
        place = {"iteration": 0, "video": 0, "position": first}
        iteration = {"event": "iteration", "iteration": 0, "loss": 1.0, "key_frames": 2}
        return [{"event": "drop", **place}, {"event": "insertion", **place}, iteration]

    found = list(merged_metrics([log(1), log(2)], [0, 5]))
    assert [(row["event"], row.get("video"), row.get("position")) for row in found] == [
        *(("drop", 0, 1), ("drop", 5, 2), ("insertion", 0, 1), ("insertion", 5, 2)),
        ("iteration", None, None),
    ]
    assert (found[-1]["loss"], found[-1]["key_frames"]) == (2.0, 4)


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


def bytes_of(run: Path) -> bytes:
    return (run / "condensed.safetensors").read_bytes()


def test_any_number_of_processes_gives_the_same_bytes(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    for jobs in (1, 3):
        out = tmp_path / str(jobs)
        condense_in_shards(tiny_store, chosen(), out, 3, device="cpu", jobs=jobs, show=False)
        assert not (out / "shards").exists()
    assert bytes_of(tmp_path / "1") == bytes_of(tmp_path / "3")


def test_a_killed_command_and_another_number_of_processes_change_nothing(
    tiny_store: ClipStore, tmp_path: Path
) -> None:
    out = tmp_path / "cut"
    words = [*command(tiny_store, out), "--jobs", "2"]
    driver = subprocess.Popen(words, env={**os.environ, "OMP_NUM_THREADS": "1"}, stderr=subprocess.PIPE)
    try:
        begun = out / "shards" / "001" / "metrics.jsonl"
        wait_until(lambda: begun.exists() or driver.poll() is not None, 300)
    finally:
        driver.kill()
        driver.communicate()
    assert not (out / "condensed.safetensors").exists()
    wait_until(lambda: not any(map(_is_held, (out / "shards").glob("*/"))), 30)  # the workers end too
    made = resume(out, device="cpu", show=False)
    whole = condense_in_shards(tiny_store, chosen(), tmp_path / "whole", 3, device="cpu", show=False)
    assert whole is not None
    assert bytes_of(out) == bytes_of(tmp_path / "whole")
    (out / "shards" / "000").mkdir(parents=True)  # as if it had been killed before it removed them
    resume(out, device="cpu", show=False)
    assert not (out / "shards").exists()
    again = resume(out, device="cpu", jobs=2, show=False)
    assert all(torch.equal(value, again.tensors()[name]) for name, value in made.tensors().items())


def _is_held(folder: Path) -> bool:
    lock = files.try_lock(folder / files.LOCK)
    if lock is not None:
        files.unlock(lock)
    return lock is None


def test_a_shard_that_fails_is_listed_and_the_others_are_learned(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "RETRY_SECONDS", 0.0)
    monkeypatch.setattr(queue, "MOST_TRIES", 1)
    out = tmp_path / "run"
    run_folder.create(out, chosen(), tiny_store, choose("cpu"), shards=3)
    (out / "shards" / "001").mkdir(parents=True)
    (out / "shards" / "001" / "run.json").write_text("{")
    with pytest.raises(UnitsFailed, match=r"failed: shard-2.*run\.json is not valid JSON") as error:
        condense_in_shards(tiny_store, chosen(), out, 3, device="cpu", jobs=2, show=False)
    assert "1 of 3 units failed" in str(error.value).splitlines()[-1]
    (out / "shards" / "001" / "run.json").unlink()
    before = (out / "shards" / "000" / "condensed.safetensors").stat().st_mtime_ns
    with monkeypatch.context() as patch:
        patch.setattr(files, "remove_folder", lambda folder: None)
        condense_in_shards(tiny_store, chosen(), out, 3, device="cpu", show=False)
    assert (out / "shards" / "000" / "condensed.safetensors").stat().st_mtime_ns == before


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
    coded = chosen(storage="av1", **{"synthetic.coded_every": 2})
    with pytest.raises(VidcondenseError, match=r"streams hold videos of several classes \(synthetic.coded"):
        condense_in_shards(tiny_store, coded, tmp_path / "run", 2)


def test_bad_numbers_and_other_arguments_are_refused(tiny_store: ClipStore, tmp_path: Path) -> None:
    with pytest.raises(VidcondenseError, match="between 1 and the 3 classes, not 4"):
        condense_in_shards(tiny_store, chosen(), tmp_path / "run", 4, show=False)
    with pytest.raises(VidcondenseError, match="--on must be here, ray or"):
        condense_in_shards(tiny_store, chosen(), tmp_path / "run", 2, on="slurm", show=False)
    assert not (tmp_path / "run").exists()
    condense(tiny_store, chosen(iterations=1), tmp_path / "whole", device="cpu", show=False)
    with pytest.raises(VidcondenseError, match="without shards"):
        resume(tmp_path / "whole", jobs=2, show=False)


def test_a_run_with_another_recipe_is_not_gone_on_with(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    monkeypatch.setattr(files, "remove_folder", lambda folder: None)

    def stop(*_: object, **__: object) -> None:
        raise Interrupted

    with monkeypatch.context() as patch, pytest.raises(Interrupted, match="run the same command again"):
        patch.setattr(shards, "merge", stop)
        condense_in_shards(tiny_store, chosen(), out, 3, device="cpu", show=False)
    assert json.loads((out / "run.json").read_text())["status"] == "interrupted"
    with pytest.raises(VidcondenseError, match="made with iterations 6, not 7"):
        condense_in_shards(tiny_store, chosen(iterations=7), out, 3, device="cpu", show=False)
    with pytest.raises(VidcondenseError, match="made with shards 3, not 2"):
        condense_in_shards(tiny_store, chosen(), out, 2, device="cpu", show=False)
    assert isinstance(resume(out, device="cpu", show=False), CondensedVideos)

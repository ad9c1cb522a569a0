"""Soft labels in a run: what is saved, counted, resumed and refused."""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import quick

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.interrupt import Interrupted
from vidcondense.condensed import CondensedVideos
from vidcondense.data.store import ClipStore
from vidcondense.recipes.recipe import Recipe
from vidcondense.run import teaching
from vidcondense.run.budget import Samples, fit
from vidcondense.run.loop import condense, resume
from vidcondense.run.shards import condense_in_shards

LONG = 1.5
TEACHERS = {"teachers.count": 2, "teachers.network": "minic3d", "teachers.steps": 3, "teachers.views": 2}


def chosen(name: str = "random", **overrides: Any) -> Recipe:
    return quick.load(name, overrides={**TEACHERS, **overrides})


def run(store: ClipStore, recipe: Recipe, out: Path) -> CondensedVideos:
    return condense(store, recipe, out, precision="float32", show=False)


@pytest.mark.parametrize("name", ["random", "prism_small", "wang_small"])
def test_the_labels_of_a_run_are_what_its_teachers_answer(
    name: str, tiny_store: ClipStore, tmp_path: Path
) -> None:
    made = run(tiny_store, chosen(name), tmp_path / "a")
    plain = run(tiny_store, quick.load(name), tmp_path / "b")
    assert made.soft_labels is not None and plain.soft_labels is None
    assert made.soft_labels.shape == (len(made), 3)
    assert made.soft_labels.amax(1).tolist() == [255] * len(made)
    assert made.labels.equal(plain.labels) and made.render().equal(plain.render())
    record = made.provenance["teachers"]
    assert record["networks"] == ["minic3d", "minic3d"] and len(record["training_losses"]) == 2
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == sorted(
        path.name for path in (tmp_path / "b").iterdir()
    )
    run(tiny_store, chosen(name), tmp_path / "c")
    first, second = (tmp_path / folder / "condensed.safetensors" for folder in "ac")
    assert first.read_bytes() == second.read_bytes()


def test_a_run_that_is_stopped_between_teachers_goes_on_to_the_same_bytes(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tiny_store, chosen(), tmp_path / "whole")
    original, trained = teaching.train_teacher, list[int]()

    def train(*arguments: Any) -> Any:
        trained.append(arguments[2])
        if trained == [0, 1]:
            os.kill(os.getpid(), signal.SIGINT)
        time.sleep(LONG)
        return original(*arguments)

    monkeypatch.setattr(teaching, "train_teacher", train)
    with pytest.raises(Interrupted, match=r"with 1 of 2 teachers trained.*\n.*--resume"):
        run(tiny_store, chosen(), tmp_path / "cut")
    assert json.loads((tmp_path / "cut" / "run.json").read_text())["status"] == "interrupted"
    resume(tmp_path / "cut", show=False)
    assert trained == [0, 1, 1]
    described = json.loads((tmp_path / "cut" / "run.json").read_text())
    assert described["seconds"] >= 2 * LONG  # that of the first teacher, which was read, too
    files = [tmp_path / folder / "condensed.safetensors" for folder in ("whole", "cut")]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert not (tmp_path / "cut" / "teachers").exists()


@pytest.mark.parametrize("damage", ["cut", "another run's", "another network's"])
def test_a_teacher_that_does_not_fit_is_trained_again(
    damage: str, tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = dict[str, bytes]()
    remove = teaching.answers

    def keep(*arguments: Any, **named: Any) -> Any:
        kept.update({path.name: path.read_bytes() for path in (tmp_path / "run" / "teachers").iterdir()})
        raise KeyboardInterrupt

    monkeypatch.setattr(teaching, "answers", keep)
    with pytest.raises(KeyboardInterrupt):
        run(tiny_store, chosen(), tmp_path / "run")
    monkeypatch.setattr(teaching, "answers", remove)
    first = tmp_path / "run" / "teachers" / "000.safetensors"
    data = kept["000.safetensors"]
    other = kept["001.safetensors"]
    identity = data.index(b'\\"run\\"') + 12
    damaged = {
        "cut": data[:-10],
        "another run's": data[:identity] + b"00000000" + data[identity + 8 :],
        "another network's": other,
    }
    first.write_bytes(damaged[damage])
    resume(tmp_path / "run", show=False)
    run(tiny_store, chosen(), tmp_path / "whole")
    files = [tmp_path / folder / "condensed.safetensors" for folder in ("whole", "run")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_soft_labels_count_for_a_budget(tiny_store: ClipStore, tmp_path: Path) -> None:
    recipe = chosen(storage="av1", budget=8000)
    held = fit(Samples(tiny_store), recipe)
    plain = fit(Samples(tiny_store), recipe.replace(teachers=recipe.teachers.replace(count=0)))
    assert (
        held.video_bytes
        and plain.video_bytes
        and plain.video_bytes < held.video_bytes <= plain.video_bytes + 20
    )
    made = run(tiny_store, held.recipe, tmp_path / "run")
    assert made.soft_labels is not None
    assert (tmp_path / "run" / "condensed.safetensors").stat().st_size <= 8000


def test_shards_are_labelled_once_they_are_merged(tiny_store: ClipStore, tmp_path: Path) -> None:
    made = condense_in_shards(tiny_store, chosen(), tmp_path / "shards", 3, precision="float32", show=False)
    whole = run(tiny_store, chosen(), tmp_path / "whole")
    assert made is not None and made.soft_labels is not None and whole.soft_labels is not None
    assert made.soft_labels.equal(whole.soft_labels)


def test_teachers_that_learned_nothing_are_refused(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = teaching.train_teacher
    monkeypatch.setattr(teaching, "train_teacher", lambda *arguments: (original(*arguments)[0], 1.2))
    with pytest.raises(VidcondenseError, match=r"a teacher .minic3d. has learned nothing: its loss"):
        run(tiny_store, chosen(), tmp_path / "run")


def test_what_no_teacher_reads_is_refused() -> None:
    with pytest.raises(VidcondenseError, match=r"'teachers.views' would be read by nothing: teachers.count"):
        quick.load("random", overrides={"teachers.views": 3})
    with pytest.raises(VidcondenseError, match=r"unknown recipe key 'teachers.sight'"):
        quick.load("random", overrides={"teachers.sight": 3})

"""Trackers are told of condensations, also of those that go on, and change nothing in them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import quick
from trackers import Failing, Recorder

from vidcondense import ClipStore, VidcondenseError, condense, resume
from vidcondense.base.interrupt import Interrupted
from vidcondense.recipes.recipe import Recipe
from vidcondense.run.folder import RunFolder
from vidcondense.run.shards import condense_in_shards
from vidcondense.run.state import State

STILL: dict[str, Any] = {"device": "cpu", "precision": "float32", "show": False}
ITERATIONS = 6


def recipe(**overrides: Any) -> Recipe:
    return quick.load("prism_small", overrides={"insertion.threshold": 1.0, **overrides})


def losses(run: Path) -> list[float]:
    rows = RunFolder(run).read_metrics()
    return [row["loss"] for row in rows if row["event"] == "iteration"]


def told(recorder: Recorder, key: str = "loss") -> list[tuple[int, float]]:
    values = [(step, one) for name, step, one in recorder.calls if name == "metrics" and key in one]
    return [(step, one[key]) for step, one in values]


def test_a_run_is_told_and_has_the_same_bytes(tiny_store: ClipStore, tmp_path: Path) -> None:
    recorder = Recorder()
    made = condense(tiny_store, recipe(), tmp_path / "shown", track=recorder, **STILL)
    condense(tiny_store, recipe(), tmp_path / "alone", **STILL)
    files = [RunFolder(tmp_path / name) for name in ("shown", "alone")]
    assert files[0].condensed.read_bytes() == files[1].condensed.read_bytes()
    assert files[0].metrics.read_bytes() == files[1].metrics.read_bytes()
    assert not (tmp_path / "alone" / "tracking").exists()
    assert told(recorder) == list(enumerate(losses(tmp_path / "shown")))
    assert told(recorder, "file_bytes") == [(ITERATIONS, files[0].condensed.stat().st_size)]
    assert told(recorder, "key_frames")[-1][1] == files[0].read_metrics()[-1]["key_frames"]
    clips = [(step, frames) for name, step, frames in recorder.calls if name == "clips"]
    assert [step for step, _ in clips] == list(range(ITERATIONS + 1))
    side = tiny_store.size
    shown = clips[-1][1][:, :side, :side]
    assert np.array_equal(shown, made.pixels([0])[0].permute(0, 2, 3, 1).numpy())
    run = recorder.runs[0]
    assert run.name == "shown condense" and run.settings["recipe.name"] == "prism_small"
    assert run.settings["store.fingerprint"] == tiny_store.fingerprint
    assert recorder.calls[-1][0] == "end"


def test_a_run_that_is_stopped_goes_on_at_its_step(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    iterate, first, second = State.iterate, Recorder(), Recorder()

    def stop(state: State, *args: Any) -> Any:
        if state.iteration == 3:
            raise Interrupted
        return iterate(state, *args)

    with monkeypatch.context() as patch:
        patch.setattr(State, "iterate", stop)
        with pytest.raises(Interrupted):
            condense(tiny_store, recipe(), tmp_path / "run", track=first, **STILL)
    assert first.calls[-1][0] == "end" and first.steps("metrics") == [0, 1, 2]
    resume(tmp_path / "run", device="cpu", show=False, track=second)
    assert second.runs[0].first == 3 and second.runs[0].id == first.runs[0].id
    assert [*told(first), *told(second)] == list(enumerate(losses(tmp_path / "run")))
    third = Recorder()
    resume(tmp_path / "run", show=False, track=third)  # is finished: nothing to do, nothing to show
    assert third.calls == []


def test_a_tracker_that_fails_loses_nothing(
    tiny_store: ClipStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    condense(tiny_store, recipe(), tmp_path / "alone", **STILL)
    condense(tiny_store, recipe(), tmp_path / "shown", track=[Failing(set(range(9)))], **STILL)
    bytes_of = [RunFolder(tmp_path / name).condensed.read_bytes() for name in ("alone", "shown")]
    assert bytes_of[0] == bytes_of[1] and "tracking by Failing" in capsys.readouterr().err


def test_a_coreset_is_shown_as_it_is(tiny_store: ClipStore, tmp_path: Path) -> None:
    recorder = Recorder()
    condense(tiny_store, "random", tmp_path / "run", track=recorder, **STILL)
    assert [call[:2] for call in recorder.calls] == [("start", 0), ("clips", 0), ("metrics", 0), ("end", -1)]


def test_force_removes_what_was_kept(tiny_store: ClipStore, tmp_path: Path) -> None:
    recorder = Recorder()
    condense(tiny_store, "random", tmp_path / "run", track=recorder, **STILL)
    (tmp_path / "run" / "evaluations" / "tracking").mkdir(parents=True)
    condense(tiny_store, "random", tmp_path / "run", force=True, **STILL)
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {"run.json", "metrics.jsonl", "condensed.safetensors"}


OWN = """
from trackers import Recorder


class Own(Recorder):
    def end(self):
        steps = self.steps("metrics", "loss")
        (self.runs[-1].folder / "seen").write_text(f"{self.runs[-1].group} {steps}")
"""


@pytest.mark.parametrize("jobs", [1, 2])
def test_shards_are_runs_of_their_own_also_in_other_processes(
    jobs: int, tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own.py").write_text(OWN)
    monkeypatch.setenv(
        "PYTHONPATH", f"{Path(__file__).parents[1] / 'helpers'}:{Path(__file__).parents[2] / 'src'}"
    )
    track = [f"{tmp_path / 'own.py'}:Own"]
    options: Any = {"device": "cpu", "jobs": jobs, "show": False}
    condense_in_shards(tiny_store, recipe(), tmp_path / "run", 2, track=track, **options)
    seen = {path.parent.name: path.read_text() for path in (tmp_path / "run" / "tracking").glob("*/seen")}
    steps = list(range(ITERATIONS))
    assert seen == {"shard-1": f"run {steps}", "shard-2": f"run {steps}", "condense": "run []"}


def test_a_cluster_is_refused_in_a_line(tiny_store: ClipStore, tmp_path: Path) -> None:
    with pytest.raises(VidcondenseError, match="leave it out with --on ray"):
        condense_in_shards(tiny_store, recipe(), tmp_path / "run", 2, on="ray", track=["tensorboard"])
    assert not (tmp_path / "run").exists()

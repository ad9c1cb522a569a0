"""Trackers are told of each network of an evaluation, and change nothing in it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from trackers import Failing, Recorder

from vidcondense import ClipStore, VidcondenseError, condense, evaluate
from vidcondense.evaluation.network import Shared
from vidcondense.evaluation.options import EvaluationOptions
from vidcondense.evaluation.protocols import Strict
from vidcondense.evaluation.shared import evaluate_to
from vidcondense.evaluation.trial import Trial

QUICK = Strict(steps=4, epochs=1)
Evaluate = Callable[..., Any]


@pytest.fixture
def judge(tiny_store: ClipStore, tmp_path: Path) -> Evaluate:
    """Evaluates a run of random clips to the usual file; options are those of `evaluate`."""
    condense(tiny_store, "random", tmp_path / "run", device="cpu", show=False)

    def call(name: str, **options: Any) -> Any:
        out = tmp_path / "run" / "evaluations" / f"{name}.json"
        fixed: Any = {"protocol": QUICK, "network": "minic3d", "device": "cpu", "show": False}
        return evaluate(tmp_path / "run", tiny_store, out=out, **{**fixed, **options})

    return call


def test_each_network_is_a_run_of_its_own(judge: Evaluate, tmp_path: Path) -> None:
    recorder = Recorder()
    shown = judge("shown", track=recorder, networks_count=2)
    alone = judge("alone", networks_count=2)
    assert [one.top1 for one in shown.results] == [one.top1 for one in alone.results]
    assert [one.loss for one in shown.results] == [one.loss for one in alone.results]
    assert [run.name for run in recorder.runs] == ["run shown shown-1", "run shown shown-2"]
    assert len({run.id for run in recorder.runs}) == 2 and len({run.folder for run in recorder.runs}) == 2
    assert recorder.runs[0].folder == tmp_path / "run" / "evaluations" / "tracking" / "shown-1"
    assert recorder.runs[0].settings["protocol.steps"] == 4
    assert recorder.steps("metrics", "loss") == [0, 1, 2, 3] * 2
    scores = [
        (step, one["top1"]) for name, step, one in recorder.calls if name == "metrics" and "top1" in one
    ]
    assert scores == [(4, one.top1) for one in shown.results]


def test_networks_that_are_there_are_not_told_again(judge: Evaluate) -> None:
    first, second, third = Recorder(), Recorder(), Recorder()
    judge("some", track=first, networks_count=1)
    judge("some", track=second, networks_count=2)
    judge("some", track=third, networks_count=2)
    assert [run.name for run in second.runs] == ["run some some-2"] and third.calls == []


def test_a_tracker_that_fails_loses_nothing(judge: Evaluate, capsys: pytest.CaptureFixture[str]) -> None:
    made = judge("failing", track=Failing({0, 1, 2, 3, 4}), networks_count=1)
    assert len(made.results) == 1 and "tracking by Failing" in capsys.readouterr().err


def test_without_a_file_there_is_no_place(tiny_store: ClipStore, judge: Evaluate, tmp_path: Path) -> None:
    with pytest.raises(VidcondenseError, match=r"^track needs out FILE"):
        evaluate(tmp_path / "run", tiny_store, track=Recorder(), show=False)


def test_networks_of_other_processes_are_told_there(
    tiny_store: ClipStore, judge: Evaluate, tmp_path: Path
) -> None:
    tensorboard = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    run, out = tmp_path / "run", tmp_path / "run" / "evaluations" / "far.json"
    options = EvaluationOptions(network="minic3d", networks_count=2, device="cpu", steps=2)
    trial = Trial.of(condense(tiny_store, "random", run, show=False), tiny_store, options)
    shared = Shared(run / "condensed.safetensors", "strong", options, "here", 2, ("tensorboard",))
    made = evaluate_to(out, trial, 2, shared=shared, show=False)
    for number, one in enumerate(made.results):
        found = tensorboard.EventAccumulator(str(out.parent / "tracking" / f"far-{number + 1}")).Reload()
        assert [event.step for event in found.Scalars("loss")] == [0, 1]
        assert [event.value for event in found.Scalars("top1")] == [pytest.approx(one.top1)]
        assert "top1 shuffled" in found.Tags()["scalars"]

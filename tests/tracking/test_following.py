"""Trackers are told of a run; none can lose it, and what fails is said and counted."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from trackers import Failing, Recorder

from vidcondense import VidcondenseError
from vidcondense.tracking import Audience, Tracker, chosen, following

CLIP = np.zeros((2, 4, 6, 3), np.uint8)


def audience(folder: Path, *trackers: str | Tracker) -> Audience:
    return Audience.of(trackers, folder, "walks", "condense")


def test_all_are_told_the_same(tmp_path: Path) -> None:
    first, second, made = Recorder(), Recorder(), []

    def make() -> np.ndarray:
        made.append(1)
        return CLIP

    with audience(tmp_path, first, second).follow({"a": {"b": 1}}) as tracking:
        tracking.metrics(0, {"loss": 2.0})
        tracking.clips(1, make)
    assert [call[:2] for call in first.calls] == [("start", 0), ("metrics", 0), ("clips", 1), ("end", -1)]
    assert len(made) == 1 and len(second.calls) == 4
    run = first.runs[0]
    assert (run.name, run.group, run.settings) == ("walks condense", "walks", {"a.b": 1})
    assert run.folder == tmp_path / "tracking" / "condense" and run == second.runs[0]
    assert run.id.isalnum() and (run.folder / "id").read_text() == run.id


def test_without_trackers_nothing_is_written_or_made(tmp_path: Path) -> None:
    with audience(tmp_path).follow({}) as tracking:
        tracking.clips(0, lambda: pytest.fail("made"))
    assert not list(tmp_path.iterdir())


def test_a_run_that_goes_on_keeps_its_id_and_one_anew_has_another(tmp_path: Path) -> None:
    found = []
    for first in (0, 5, 0):
        recorder = Recorder()
        with audience(tmp_path, recorder).follow({}, first):
            (recorder.runs[0].folder / f"left-{first}").touch()
        found.append(recorder.runs[0].id)
        left = {path.name for path in recorder.runs[0].folder.iterdir()} - {"id"}
        assert left == {0: {"left-0"}, 5: {"left-0", "left-5"}}[first]
    assert found[0] == found[1] != found[2]


def test_a_failure_is_told_with_its_name_and_counted_and_others_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    failing, other = Failing({1, 3}), Recorder()
    with audience(tmp_path, failing, other).follow({}) as tracking:
        for step in range(5):
            tracking.metrics(step, {"loss": 1.0})
    assert failing.steps("metrics") == other.steps("metrics") == [0, 1, 2, 3, 4]
    assert failing.calls[-1][0] == "end"
    said = capsys.readouterr().err.splitlines()
    warning = "warning: tracking by Failing failed"
    assert said == [
        f"{warning} to show metrics of step 1 (ConnectionError: gone\\naway); the run goes on",
        f"{warning} 2 times in all; the run itself is whole",
    ]


def test_one_that_keeps_failing_is_told_no_more_but_the_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    failing, other = Failing({2, 3, 4, 5, 6}), Recorder()
    with audience(tmp_path, failing, other).follow({}) as tracking:
        for step in range(8):
            tracking.metrics(step, {"loss": 1.0})
    assert failing.steps("metrics") == [0, 1, 2, 3, 4] and failing.calls[-1][0] == "end"
    assert other.steps("metrics") == list(range(8))
    said = capsys.readouterr().err
    assert "and is told no more" in said and "failed 3 times in all" in said


def test_one_that_cannot_start_is_not_told_anything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    failing = Failing(set(), at_start=True)
    with audience(tmp_path, failing).follow({}) as tracking:
        tracking.metrics(0, {"loss": 1.0})
        tracking.clips(0, lambda: pytest.fail("made"))
    assert failing.calls == []
    assert capsys.readouterr().err.count("\n") == 1


def test_a_folder_that_cannot_be_written_loses_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tracking").touch()
    with audience(tmp_path, Recorder()).follow({}) as tracking:
        tracking.metrics(0, {"loss": 1.0})
    assert "failed to show the start" in capsys.readouterr().err


def test_clips_that_cannot_be_made_lose_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recorder = Recorder()
    with audience(tmp_path, recorder).follow({}) as tracking:
        tracking.clips(0, lambda: np.zeros(2**60, np.uint8))
        tracking.metrics(0, {"loss": 1.0})
    assert recorder.steps("metrics") == [0] and "clips of step 0" in capsys.readouterr().err


def test_what_stops_the_process_passes_and_the_end_is_told(tmp_path: Path) -> None:
    recorder = Recorder()
    with pytest.raises(KeyboardInterrupt), audience(tmp_path, recorder).follow({}):
        raise KeyboardInterrupt
    assert recorder.calls[-1][0] == "end"
    assert following.MOST_IN_A_ROW > 1


@pytest.mark.parametrize(
    ("track", "words"),
    [
        ("mlflow", "--track must be one of tensorboard, trackio, wandb or FILE.py:CLASS, not 'mlflow'"),
        (("x.py:Nothing",), "x.py cannot be read"),
        (("tensorboard", "tensorboard"), "--track tensorboard is given twice"),
        (3, "--track takes names and objects of a class derived from Tracker, not 3"),
    ],
)
def test_what_is_no_tracker_is_refused_in_a_line(track: Any, words: str) -> None:
    with pytest.raises(VidcondenseError, match=r"^[^\n]*$") as refused:
        chosen(track)
    assert words in str(refused.value)


@pytest.mark.parametrize("name", ["tensorboard", "trackio", "wandb"])
def test_a_library_that_is_not_there_is_named_with_how_to_install_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vidcondense.tracking.choice.find_spec", lambda package: None)
    with pytest.raises(VidcondenseError) as refused:
        chosen(name)
    assert str(refused.value) == (
        f"--track {name} needs the library {name}: pip install 'vidcondense[{name}]'"
    )


def test_a_class_in_a_file_is_a_tracker(tmp_path: Path) -> None:
    file = tmp_path / "own.py"
    file.write_text("from trackers import Recorder\n\n\nclass Own(Recorder):\n    pass\n")
    (own,) = chosen(f"{file}:Own")
    assert isinstance(own, Recorder) and type(own).__name__ == "Own"

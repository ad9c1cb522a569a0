"""trackio: what a stand-in is told, and where the library is installed (`make trackers`) what it keeps."""

import json
import os
import sqlite3
import subprocess
import sys
import types
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import showing

from vidcondense.tracking import choice


class _Run:
    def __init__(self, calls: list[Any]) -> None:
        self.calls = calls

    def log(self, values: dict[str, Any], step: int) -> None:
        self.calls.append((step, values))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What a stand-in of the library is told; as the library it asks the Hub who runs it, and prints."""
    calls: list[Any] = []
    hub, library = types.ModuleType("huggingface_hub"), types.ModuleType("trackio")
    hub.whoami = lambda: pytest.fail("asked the Hub")  # type: ignore[attr-defined]

    def init(project: str, **options: Any) -> _Run:
        try:
            hub.whoami()  # type: ignore[attr-defined]
        except OSError:
            calls.append({"project": project, **options})
        print("* Trackio project initialized")
        return _Run(calls)

    def finish() -> None:
        print("* Run finished")
        calls.append("finish")

    library.init, library.finish, library.Video = init, finish, Path  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "trackio", library)
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    monkeypatch.setattr(choice, "find_spec", lambda name: name)
    return calls


def test_what_trackio_is_told(told: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    showing.tell("trackio", tmp_path)
    begun, gone_on = (call for call in told if isinstance(call, dict))
    assert begun["resume"] == "never" and gone_on["resume"] == "allow"
    assert begun["name"] == gone_on["name"] and begun["name"].startswith("walks condense ")
    assert begun["config"] == {"recipe.name": "dm", "recipe.vpc": 1} and begun["embed"] is False
    steps = [call for call in told if isinstance(call, tuple)]
    assert [(step, one["loss"]) for step, one in steps if "loss" in one] == showing.WANTED
    pictures = [(step, one["clips"]) for step, one in steps if "clips" in one]
    assert [step for step, _ in pictures] == [4, 6]
    assert all(path.read_bytes().startswith(b"GIF89a") for _, path in pictures)
    assert told.count("finish") == 2
    said = capsys.readouterr()
    assert said.out == "" and "trackio show --project vidcondense" in said.err


def test_whoever_sends_it_to_a_space_is_asked_for(
    told: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKIO_SPACE_ID", "me/space")
    with pytest.raises(pytest.fail.Exception, match="asked the Hub"):
        showing.tell("trackio", tmp_path)


@pytest.mark.skipif(find_spec("trackio") is None, reason="trackio is not installed: make trackers")
def test_trackio_keeps_it_without_network_or_account(tmp_path: Path) -> None:
    place = {"TRACKIO_DIR": str(tmp_path / "trackio"), "HF_TOKEN": "hf_of_somebody"}
    words = [sys.executable, showing.__file__, "trackio", str(tmp_path)]
    done = subprocess.run(words, env={**os.environ, **place}, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"asked": [], "left": []} and "warning" not in done.stderr
    with sqlite3.connect(tmp_path / "trackio" / "vidcondense.db") as base:
        rows = base.execute("select run_name, step, metrics from metrics order by step, id").fetchall()
    kept = [(step, json.loads(values)) for _, step, values in rows]
    assert len({name for name, _, _ in rows}) == 1
    assert [(step, one["loss"]) for step, one in kept if "loss" in one] == showing.WANTED
    assert [step for step, one in kept if "clips" in one] == [4, 6]
    assert len(list((tmp_path / "trackio" / "media").rglob("*.gif"))) == 2

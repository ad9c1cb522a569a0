"""wandb: what a stand-in is told, and where the library is installed (`make trackers`) what it keeps."""

import json
import os
import struct
import subprocess
import sys
import types
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import showing

from vidcondense.tracking import choice


class _Run:
    def __init__(self, calls: list[Any]) -> None:
        self.calls = calls

    def define_metric(self, name: str, **options: Any) -> None:
        self.calls.append((name, options))

    def log(self, values: dict[str, Any]) -> None:
        self.calls.append(values)

    def finish(self) -> None:
        self.calls.append("finish")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What a stand-in of the library is told."""
    calls: list[Any] = []
    library = types.ModuleType("wandb")

    def init(**options: Any) -> _Run:
        calls.append(("init", options))
        return _Run(calls)

    library.init, library.Video, library.Settings = init, Path, dict  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "wandb", library)
    monkeypatch.setattr(choice, "find_spec", lambda name: name)
    for name in ("WANDB_MODE", "WANDB_DIR", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "")  # restored afterwards
    del os.environ["WANDB_ERROR_REPORTING"]
    return calls


def test_what_wandb_is_told(told: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    showing.tell("wandb", tmp_path)
    begun, gone_on = (call[1] for call in told if isinstance(call, tuple) and call[0] == "init")
    assert begun["mode"] == gone_on["mode"] == "offline" and os.environ["WANDB_ERROR_REPORTING"] == "false"
    assert begun["resume"] is None and gone_on["resume"] == "allow" and begun["id"] == gone_on["id"]
    assert begun["dir"] == str(tmp_path / "tracking" / "condense") and begun["name"] == "walks condense"
    assert ("*", {"step_metric": "at"}) in told
    logged = [call for call in told if isinstance(call, dict)]
    assert [(one["at"], one["loss"]) for one in logged if "loss" in one] == showing.WANTED
    pictures = [(one["at"], Path(one["clips"])) for one in logged if "clips" in one]
    assert [step for step, _ in pictures] == [4, 6]
    assert all(path.read_bytes().startswith(b"GIF89a") for _, path in pictures)
    assert told.count("finish") == 2
    assert f"wandb sync {tmp_path}/tracking/*/wandb/offline-run-*" in capsys.readouterr().err


def test_a_user_may_send_it_at_once(
    told: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {"WANDB_MODE": "online", "WANDB_DIR": "/there", "WANDB_PROJECT": "mine"}.items():
        monkeypatch.setenv(name, value)
    showing.tell("wandb", tmp_path)
    options = told[0][1]
    assert (options["mode"], options["dir"], options["project"]) == ("online", "/there", "mine")
    assert "WANDB_ERROR_REPORTING" not in os.environ and "sync" not in capsys.readouterr().err


@pytest.mark.skipif(find_spec("wandb") is None, reason="wandb is not installed: make trackers")
def test_wandb_keeps_it_without_network_or_account(tmp_path: Path) -> None:
    words = [sys.executable, showing.__file__, "wandb", str(tmp_path)]
    own = {name: value for name, value in os.environ.items() if not name.startswith("WANDB")}
    done = subprocess.run(words, env=own, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["asked"] == [] and "warning" not in done.stderr
    runs = sorted((tmp_path / "tracking" / "condense" / "wandb").glob("offline-run-*"))
    assert len(runs) == 2 and len({run.name.rpartition("-")[2] for run in runs}) == 1  # one id
    logged = [dict(values) for run in runs for values in history(next(run.glob("*.wandb")))]
    assert [(one["at"], one["loss"]) for one in logged if "loss" in one] == showing.WANTED
    assert [one["at"] for one in logged if "clips" in one or "clips.path" in one] == [4, 6]
    assert len(list(tmp_path.rglob("media/videos/*.gif"))) == 2
    assert not [name for name in processes() if "wandb-core" in name]


def history(file: Path) -> Iterator[dict[str, Any]]:
    """What a small file of wandb has of a run's history: records of LevelDB's log in one block."""
    from wandb.proto import wandb_internal_pb2

    data, place = file.read_bytes(), 7
    assert data.startswith(b":W&B") and len(data) < 2**15
    while place < len(data):
        (length,) = struct.unpack_from("<H", data, place + 4)
        record = wandb_internal_pb2.Record()
        record.ParseFromString(data[place + 7 : place + 7 + length])
        place += 7 + length
        if record.WhichOneof("record_type") == "history":
            items = record.history.item
            yield {one.key or ".".join(one.nested_key): json.loads(one.value_json) for one in items}


def processes() -> Iterator[str]:
    """The command lines of all processes."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it has ended
            continue

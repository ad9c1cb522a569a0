"""measurements/gpu.py in its small form on a processor, which runs all of it but what needs CUDA."""

import json
import math
import signal
import sys
import time
import types
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

ROOT = Path(__file__).parent.parent
NEED_CUDA = {"autotune", "graphs", "streams"}


@pytest.fixture(scope="module")
def gpu() -> Iterator[types.ModuleType]:
    """The script; its modules, whose names are common, are forgotten again."""
    before = set(sys.modules)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "measurements"))
        yield import_module("gpu")
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", "")).startswith(str(ROOT / "measurements")):
                del sys.modules[name]


def made(gpu: types.ModuleType, folder: Path) -> Path:
    """All of it, once."""
    assert gpu.main(["--device", "cpu", "--out", str(folder)]) == 0
    return folder


def results(out: Path) -> dict[str, Any]:
    return json.loads((out / "results.json").read_text())["sections"]


def numbers(value: object) -> Iterator[float]:
    """Every number within a value."""
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from numbers(part)
    elif isinstance(value, int | float):
        yield float(value)


def test_every_section_is_done_once_with_finite_figures(
    gpu: types.ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = made(gpu, tmp_path / "out")
    sections, page = results(out), (out / "report.md").read_text()
    assert list(sections) == list(gpu.SECTIONS)
    for name, record in sections.items():
        assert record["status"] == "done", name
        assert not record["failing"], name
        found = list(numbers(record["tables"]))
        assert all(map(math.isfinite, found))
        assert bool(found) != (name in NEED_CUDA), name
        assert ("needs CUDA: " in json.dumps(record)) == (name in NEED_CUDA), name
        assert f"## {gpu.SECTIONS[name].title}\n\nStatus: done, " in page
    assert "FAILS" not in page
    (run,) = next(iter(sections["long"]["tables"].values()))
    assert run["iterations done"] == 4
    before = {path: path.stat().st_mtime_ns for path in (out / "sections").iterdir()}
    began = time.monotonic()
    assert gpu.main(["--device", "cpu", "--out", str(out)]) == 0
    assert time.monotonic() - began < 2
    assert {path: path.stat().st_mtime_ns for path in (out / "sections").iterdir()} == before
    capsys.readouterr()
    words = ["--device", "cpu", "--precision", "float32", "--data", "elsewhere", "--out", str(out)]
    assert gpu.main(words) == 2, "another run's folder"
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("; name another --out")


def test_a_wrong_operator_and_an_error_are_shown_and_do_not_lose_the_others(
    gpu: types.ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    check, options = sys.modules["gpu_check"], sys.modules["gpu_options"]
    right, cases = check.max_pool, check.cases

    def wrong(x: Tensor, window: tuple[int, int, int]) -> Tensor:
        made = right(x, window)
        return 1.2 * made if x.element_size() == 2 else made

    def broken(*_: object) -> None:
        raise RuntimeError("many words\nno kernel image is available")

    monkeypatch.setattr(check, "max_pool", wrong)
    monkeypatch.setattr(check, "NETWORKS", ())
    few = ("max_pool", "average_pool", "low_pass")
    monkeypatch.setattr(check, "cases", lambda *shape: (c for c in cases(*shape) if c.name.startswith(few)))
    monkeypatch.setattr(options, "gradient", broken)
    monkeypatch.setattr(options, "plain", broken)
    words = ["--device", "cpu", "--out", str(tmp_path)]
    assert gpu.main([*words, "--only", "check", "layout", "graphs"]) == 1
    sections, page = results(tmp_path), (tmp_path / "report.md").read_text()
    assert len(sections["check"]["failing"]) == 4
    assert all(
        word.startswith("max_pool") and word.endswith("bfloat16") for word in sections["check"]["failing"]
    )
    assert sections["layout"]["status"] == "failed"
    assert sections["layout"]["error"] == "no kernel image is available"
    assert sections["graphs"]["status"] == "done"
    assert sections["speed"] == {"status": "not done"}
    assert "- **layout**: no kernel image is available" in page
    assert "**FAILS**: max_pool (1, 2, 2) 4x32x32 in bfloat16" in page
    assert "| FAILS |" in page
    assert "failed: check, layout" in capsys.readouterr().err
    monkeypatch.undo()
    assert gpu.main([*words, "--only", "layout"]) == 0, "what failed is done again"
    assert results(tmp_path)["layout"]["status"] == "done"


def test_time_that_is_up_leaves_sections_and_says_how_to_go_on(
    gpu: types.ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--device", "cpu", "--out", str(tmp_path), "--only", "speed", "layout"]
    assert gpu.main([*words, "--minutes", "0"]) == 0
    said = capsys.readouterr().out
    assert (
        f"not done: speed, layout; go on with:\n  python measurements/gpu.py --device cpu --out {tmp_path}"
        in said
    )
    assert all(record == {"status": "not done"} for record in results(tmp_path).values())


def test_a_run_is_stopped_when_time_is_up_and_goes_on(
    gpu: types.ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, loop = sys.modules["gpu_runs"], sys.modules["vidcondense.run.loop"]
    words = {"small": True, "folder": tmp_path, "data": None}
    iterate = loop.State.iterate

    def slow(state: Any, *words: Any) -> Any:
        if state.iteration == 2:  # the time is up
            signal.setitimer(signal.ITIMER_REAL, 0.01)
            time.sleep(0.1)
        return iterate(state, *words)

    def go_on() -> Any:
        return runs.long_run(
            sys.modules["gpu_job"].Job(gpu.choose("cpu"), ends=time.monotonic() + 600, **words)
        )

    with monkeypatch.context() as patch:
        patch.setattr(loop.State, "iterate", slow)
        found = go_on()
    ((stopped,),) = found.tables.values()
    assert (stopped["iterations done"], found.unfinished) == (2, "2 of 4 iterations")
    found = go_on()
    ((whole,),) = found.tables.values()
    assert (whole["iterations done"], found.unfinished) == (4, "")


def test_a_gpu_that_is_not_there(
    gpu: types.ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gpu.main(["--device", "cuda:7", "--out", str(tmp_path)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1

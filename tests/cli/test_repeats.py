"""The one rule on the command line: again finishes what is missing, or says that it is done; or --force."""

import json
import shutil
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest
import quick

from vidcondense import cli, prepare
from vidcondense.evaluation.protocols import PROTOCOLS, Strong
from vidcondense.recipes.guide import RECOMMENDED
from vidcondense.run.state import State

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Run the command in this process, evaluation for a few steps; exit code, standard output and errors."""
    monkeypatch.setitem(PROTOCOLS, "strong", lambda: Strong(steps=2, epochs=1))  # type: ignore[arg-type]

    def run(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["vidcondense", *map(str, words)])
        code = 0
        try:
            cli.main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def changed(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def run(call: Call, tiny_store_path: Path, tmp_path: Path) -> Path:
    """A finished run of random selection."""
    assert call("condense", tiny_store_path, "--recipe", "random", "--out", tmp_path / "run")[0] == 0
    return tmp_path / "run"


def commands(store: Path, folder: Path) -> dict[str, tuple[list[object], list[object], str]]:
    """By name: a command, what makes it another one, and how that is refused."""
    few = ["--classes", 2, "--train-per-class", 2, "--test-per-class", 1, "--frames", 8, "--size", 48]
    sampling = ["--frames", 4, "--size", 32, "--workers", 1]
    experts = ["--out", folder / "experts", "--experts", 1, "--epochs", 1, "--batch", 4]
    to = ["--recipe", "dm_small", *quick.words("dm_small")[2:], "--out", folder / "run"]
    new, out, another = "name a new folder, or", "name another --out, or", "choose another folder, or"
    return {
        "generate": (["motion", folder / "clips", *few], ["--seed", 1], f"seed 0, not 1; {new}"),
        "prepare": ([store.parent / "clips", folder / "store", *sampling], ["--stride", 3], another),
        "experts": ([store, *experts], ["--seed", 1], f"seed 0, not 1; {out}"),
        "condense": ([store, *to], ["--vpc", 2], f"vpc 1, not 2; {out}"),
        "condense --shards": ([store, *to, "--shards", 2], ["--vpc", 2], f"vpc 1, not 2; {out}"),
    }


@pytest.mark.parametrize("name", ["generate", "prepare", "experts", "condense", "condense --shards"])
def test_done_refused_and_forced(name: str, call: Call, tiny_store_path: Path, tmp_path: Path) -> None:
    words, other, mend = commands(tiny_store_path, tmp_path)[name]
    command = [name.partition(" ")[0], *words]
    first, printed, _ = call(*command)
    before = changed(tmp_path)
    again, printed_again, said = call(*command)
    assert (first, again) == (0, 0)
    assert printed_again == printed
    assert "nothing to do" in said and str(tmp_path) in said
    code, printed, said = call(*command, *other)
    assert (code, printed, said.count("\n")) == (2, "", 1)
    assert mend in said and "--force" in said
    assert changed(tmp_path) == before
    code, _, said = call(*command, *other, "--force")
    assert code == 0 and "nothing to do" not in said
    assert changed(tmp_path) != before
    code, _, said = call(*command, *other)
    assert code == 0 and "nothing to do" in said


def test_evaluate_knows_the_store_of_a_run_and_trains_what_is_missing(
    call: Call, run: Path, tiny_store_path: Path, tmp_path: Path
) -> None:
    file = run / "evaluations" / "strong-minic3d+convnet3d.json"
    code, one, _ = call("evaluate", run, "--networks", 1)
    assert code == 0 and json.loads(file.read_text())["networks"] == 2
    code, again, said = call("evaluate", run, tiny_store_path, "--networks", 1)
    assert (code, again) == (0, one)
    assert f"{file} is there already, of 2 networks: nothing to do" in " ".join(said.split())
    assert call("evaluate", run, "--networks", 2)[0] == 0
    both = json.loads(file.read_text())
    assert both["networks"] == 4
    _, printed, said = call("evaluate", run, "--networks", 1)
    assert "more than the 2 asked for" in " ".join(said.split()) and "of 4 networks" in " ".join(
        printed.split()
    )
    code, _, said = call("evaluate", run, "--networks", 2, "--seed", 1)
    assert code == 2 and "seed 0, not 1; name another --out, or make it anew with --force" in said
    assert call("evaluate", run, "--networks", 2, "--seed", 1, "--out", tmp_path / "other.json")[0] == 0
    assert json.loads(file.read_text()) == both
    assert call("evaluate", run, "--networks", 2, "--seed", 1, "--force")[0] == 0
    assert json.loads(file.read_text())["seed"] == 1


def test_a_store_to_train_on_is_tested_on_itself(call: Call, tiny_store_path: Path, tmp_path: Path) -> None:
    words = ("--networks", 1, "--out")
    assert call("evaluate", tiny_store_path, *words, tmp_path / "a.json")[0] == 0
    assert call("evaluate", tiny_store_path, tiny_store_path, *words, tmp_path / "b.json")[0] == 0
    one, two = (json.loads((tmp_path / name).read_text()) for name in ("a.json", "b.json"))
    assert {**one, "seconds": 0} == {**two, "seconds": 0}


def test_a_store_that_is_gone_or_another_is_one_line_with_the_mend(
    call: Call, tiny_store_path: Path, tmp_path: Path
) -> None:
    store, run = tmp_path / "my store", tmp_path / "run"
    shutil.copytree(tiny_store_path, store)
    assert call("condense", store, "--recipe", "random", "--out", run)[0] == 0
    code, _, said = call("evaluate", run / "condensed.safetensors")
    file = f"vidcondense evaluate {run / 'condensed.safetensors'} STORE"
    assert (code, said.count("\n")) == (2, 1) and said.endswith(f"name the one to test on: {file}\n")
    mend = f"name the store as it is now: vidcondense evaluate {run} STORE\n"
    (tmp_path / "elsewhere").mkdir()
    store.rename(tmp_path / "elsewhere" / "store")
    code, _, said = call("evaluate", run, "--networks", 1)
    assert (
        (code, said.count("\n")) == (2, 1) and f"is not at {store} any more" in said and said.endswith(mend)
    )
    clips = tiny_store_path.parent / "clips"
    prepare(clips, store, frames=4, size=32, stride=3, workers=1, progress=False)
    code, _, said = call("evaluate", run, "--networks", 1)
    assert (
        (code, said.count("\n")) == (2, 1) and "has other videos or settings" in said and said.endswith(mend)
    )
    assert not (run / "evaluations").exists()
    assert call("evaluate", run, tmp_path / "elsewhere" / "store", "--networks", 1)[0] == 0
    assert call("evaluate", run, store, "--networks", 1, "--out", tmp_path / "other.json")[0] == 0


def test_a_split_other_than_that_of_the_run_can_be_tested_on(call: Call, run: Path) -> None:
    code, _, said = call("evaluate", run, "--split", "9")
    assert code == 2 and "has no split '9'" in said


def test_shards_of_a_run_need_not_be_named_again(
    call: Call, tiny_store_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("condense", tiny_store_path, *quick.words("dm_small"), "--out", tmp_path / "run")
    assert call(*words, "--shards", 2)[0] == 0
    with monkeypatch.context() as patch:
        patch.setattr(State, "start", None)
        code, _, said = call(*words)
        assert code == 0 and "is finished already" in said
    assert call(*words, "--shards", 0)[0] == 2
    assert call(*words, "--force")[0] == 0
    assert "shards" not in json.loads((tmp_path / "run" / "run.json").read_text())


def test_the_demo_again_and_anew(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    demo = import_module("vidcondense.cli.demo")
    small = {"TRAIN_PER_CLASS": 2, "TEST_PER_CLASS": 1, "FRAMES": 4, "SIZE": 32, "SETS": 1, "STEPS": 1}
    for name, value in small.items():
        monkeypatch.setattr(demo, name, value)
    folder = tmp_path / "demo"
    code, printed, said = call("demo", folder)
    assert code == 0, said
    assert f"open the report: {folder / 'report.html'}" in printed
    sizes = [file.stat().st_size for file in folder.glob("*/condensed.safetensors")]
    assert len(sizes) == 2 and max(sizes) <= 4000
    before = changed(folder)
    before.pop(folder / "report.html")
    code, printed, _ = call("demo", folder)
    assert code == 0 and "1 of 1: " in printed
    after = changed(folder)
    after.pop(folder / "report.html")
    assert after == before
    code, _, said = call("demo", folder, "--seed", 1)
    assert code == 2 and "--force" in said
    assert call("demo", folder, "--seed", 1, "--force")[0] == 0
    assert json.loads((folder / RECOMMENDED / "run.json").read_text())["seed"] == 1


def test_the_demo_claims_what_it_found_and_no_more() -> None:
    proof = import_module("vidcondense.cli.demo")._proof
    better = {("1", seed): 60.0 + seed for seed in range(6)}
    worse: dict[tuple[str, int], float | None] = {("1", seed): 30.0 - seed for seed in range(6)}
    found = proof(better, worse, 90.0, 300)
    assert (
        "62.5 ± 5.5 %" in found and ": +35.0 ± " in found and "p 0.031" in found and "it is 90.0 %" in found
    )
    assert ": not resolved, +0.0 ± " in proof(better, better, None, 300)
    assert "Too few networks trained" in proof(better, dict.fromkeys(better), 90.0, 300)

"""Every command ends with the next one, and that one works when it is pasted."""

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import quick

from vidcondense import cli, toys
from vidcondense.cli import following
from vidcondense.evaluation.protocols import PROTOCOLS, Strong
from vidcondense.recipes.guide import RECOMMENDED
from vidcondense.run import loop

FEW = {"train_per_class": 2, "test_per_class": 1, "classes": 2, "frames": 16, "size": 48}
Next = Callable[..., list[str]]


@pytest.fixture
def after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Next:
    """Runs a command in a folder whose name needs quotes, and returns the next one, as a shell splits it."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setitem(PROTOCOLS, "strong", lambda: Strong(steps=2, epochs=1))  # type: ignore[arg-type]
    monkeypatch.setattr(loop, "PREVIEW_SECONDS", 0.0)

    def run(*words: object) -> list[str]:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["vidcondense", *map(str, words)])
        cli.main()
        said = capsys.readouterr()
        assert "next:" not in said.out
        lines = [line for line in said.err.splitlines() if line.startswith("next: ")]
        assert lines == said.err.splitlines()[-1:]
        name, *following = shlex.split(lines[0].removeprefix("next: "))
        assert name == "vidcondense"
        return following

    return run


def test_from_clips_to_a_report_by_pasting(after: Next) -> None:
    """What is given in between is only what makes it quick."""
    few = [part for key, value in FEW.items() for part in (f"--{key.replace('_', '-')}", str(value))]
    prepare = after("generate", "motion", "my clips", *few)
    assert prepare == [
        "prepare",
        "my clips",
        "my clips-store",
        *["--frames", "4", "--stride", "4", "--size", "32"],
    ]
    dry = after(*prepare, "--dry-run")
    assert dry == prepare
    condense = after(*prepare)
    assert condense == [
        *("condense", "my clips-store", "--recipe", RECOMMENDED, "--budget", "64KB"),
        *("--out", f"runs/{RECOMMENDED}"),
    ]
    assert after(*prepare) == condense  # done already
    assert after(*condense, "--dry-run") == condense
    assert after(*condense[:6], "--dry-run") == condense
    evaluate = after(*condense)
    assert evaluate == ["evaluate", f"runs/{RECOMMENDED}"]
    report = after(*evaluate, "--networks", 1)
    assert report == ["report", f"runs/{RECOMMENDED}"]
    assert after(*evaluate, "--networks", 1) == report  # done already
    assert after(*condense) == report
    real = after(*report)
    store = str(Path("my clips-store").resolve())
    out = "runs/real_clips-budget64000"
    assert real == ["condense", store, "--recipe", "real_clips", "--budget", "64000", "--out", out]
    evaluate = after(*real)
    report = after(*evaluate, "--networks", 1)
    assert report == ["report", out, f"runs/{RECOMMENDED}"]
    export = after(*report)
    assert export == ["export", out, f"{out}/clips"]
    assert after(*export) == ["report", out]


def test_without_a_budget_random_selection_of_as_many_videos_is_compared(
    after: Next, tiny_store_path: Path
) -> None:
    condense = ("condense", str(tiny_store_path), "--recipe", "prism_small", "--out", "run")
    evaluate = after(*condense, *quick.words("prism_small")[2:])
    report = after(*evaluate, "--networks", 1)
    random = after(*report)
    assert random[2:] == ["--recipe", "random", "--vpc", "1", "--out", "random-vpc1"]
    assert after(*after(*random), "--networks", 1) == ["report", "random-vpc1", "run"]


def test_the_budget_that_is_proposed_grows_with_the_classes(
    tiny_store_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for classes, budget in ((32, "64KB"), (33, "128KB"), (400, "1024KB")):
        index = SimpleNamespace(class_names=("any",) * classes)
        monkeypatch.setattr(following, "read_index", lambda _, index=index: index)
        following.after_store(tiny_store_path)
        assert f"--budget {budget} " in capsys.readouterr().err


def test_after_the_others(after: Next, tiny_store_path: Path) -> None:
    store = str(tiny_store_path)
    few = ("--experts", 1, "--epochs", 1, "--batch", 4)
    runs = tiny_store_path.parent / "runs"
    out = ("--out", str(runs / "prism_trained_small"))
    start = ["condense", store, "--recipe", "prism_trained_small", "--set", "objective.experts=my experts"]
    assert after("experts", store, "--out", "my experts", *few) == [*start, *out]
    found = after("experts", store, "--out", "my experts", *few, "--flip", 0.0, "--force")
    assert found == [*start, "--set", "flip=0.0", *out]
    after(*found[:-1], "run", *quick.words("prism_trained_small", {"objective.experts": "my experts"})[2:])
    whole = after("evaluate", store, "--networks", 1)
    proposed = ("--recipe", RECOMMENDED, "--budget", "64KB")
    assert whole == ["condense", store, *proposed, "--out", str(runs / RECOMMENDED)]
    file = "run/condensed.safetensors"
    assert after("evaluate", file, store, "--networks", 1) == ["show", file]
    assert after("show", file) == ["export", file, "run/clips"]
    assert after("show", "run") == ["export", "run", "run/clips"]
    assert after("export", file, "clips") == ["show", file]
    assert after("recipes") == ["recipes", RECOMMENDED]
    assert after("recipes", "dm") == ["condense", "STORE", "--recipe", "dm", "--out", "runs/dm"]
    assert after("benchmark", "--list")[:3] == ["benchmark", "accuracy", "STORE"]


def test_no_other_run_is_reported_beside_one_of_other_videos(after: Next, tmp_path: Path) -> None:
    for seed in range(2):
        clips = toys.generate("motion", tmp_path / f"clips{seed}", **FEW, seed=seed)
        after("prepare", clips, f"store{seed}", "--frames", 4, "--size", 32)
        after("condense", f"store{seed}", "--recipe", "random", "--out", f"runs/of {seed}")
        report = after("evaluate", f"runs/of {seed}", "--networks", 1)
    assert report == ["report", "runs/of 1"]


@pytest.mark.parametrize(
    "change",
    [
        {"store": {"path": "--set=network=evil.py:Evil"}},
        {"store": {"path": "/nowhere"}},
        {"store": {"split": "--force"}},
        {"recipe": {"vpc": "--force"}},
    ],
)
def test_what_a_stranger_says_of_a_run_is_not_offered_for_pasting(
    change: dict[str, dict[str, str]], after: Next, tiny_store_path: Path
) -> None:
    after("condense", tiny_store_path, "--recipe", "herding", "--out", "run")
    assert after("report", "run")[0] == "condense"
    described = json.loads(Path("run/run.json").read_text())
    for table, values in change.items():
        described[table] |= values
    Path("run/run.json").write_text(json.dumps(described))
    assert after("report", "run") == ["export", "run", "run/clips"]

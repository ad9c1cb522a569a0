"""The command as a user meets it: the whole way, help, and bad input in one line with exit code 2."""

import json
import re
import resource
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
import quick
import torch
from command import call
from safetensors.torch import load_file, save_file

import vidcondense
from vidcondense.base import documentation
from vidcondense.base.compute import Compute
from vidcondense.condensed import KeyFrameVideos
from vidcondense.evaluation.protocols import PROTOCOLS, Strong
from vidcondense.networks import NETWORKS
from vidcondense.run import loop as condensation

COMMANDS = (
    *("demo", "generate", "prepare", "experts", "condense", "evaluate"),
    *("report", "show", "export", "merge", "push", "pull", "recipes", "benchmark"),
)


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    """Run the command, expect exit code 2 and one line on standard error; returns the line."""

    def check(*arguments: object) -> str:
        capsys.readouterr()
        assert call(monkeypatch, *arguments) == 2
        lines = capsys.readouterr().err.strip().splitlines()
        assert len(lines) == 1, lines
        return lines[0]

    return check


def test_the_whole_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(PROTOCOLS, "strong", lambda: Strong(steps=4, epochs=1))  # type: ignore[arg-type]
    clips, store, run = tmp_path / "clips", tmp_path / "store", tmp_path / "run"
    small = ("--size", 48, "--frames", 8, "--workers", 1)
    steps: list[tuple[object, ...]] = [
        ("generate", "motion", clips, "--classes", 2, "--train-per-class", 2, "--test-per-class", 1, *small),
        ("prepare", clips, store, "--frames", 4, "--stride", 2, "--size", 32, "--workers", 1),
        ("condense", store, *quick.words("prism_small"), "--out", run, "--set", "flip=0", "--seed", 3),
        ("evaluate", run, store, "--networks", 1),
        ("report", run, "--out", tmp_path / "report.html"),
        ("show", run),
        ("export", run, tmp_path / "mp4"),
        ("export", run / "condensed.safetensors", tmp_path / "png", "--format", "frames"),
        ("recipes",),
        ("condense", store, "--recipe", "herding", "--out", tmp_path / "herding"),
        ("evaluate", store, store, "--networks", 1, "--flip", 0, "--out", tmp_path / "new" / "whole.json"),
        ("report", run, tmp_path / "new" / "whole.json", "--out", tmp_path / "report.html"),
    ]
    for step in steps:
        assert call(monkeypatch, *step) == 0, step
    printed = capsys.readouterr().out
    assert "2 videos" in printed
    assert "top-1" in printed
    assert "prism_small" in printed
    assert (run / "evaluations" / "strong-minic3d+convnet3d.json").is_file()
    assert json.loads((tmp_path / "new" / "whole.json").read_text())["trained_on"]["flip"] == 0
    assert not (store / "evaluations").exists()
    assert "all training clips" in (tmp_path / "report.html").read_text()
    assert len(list((tmp_path / "mp4").rglob("*.mp4"))) == 2
    assert list((tmp_path / "png").rglob("*.png"))


def test_trajectory_matching_on_shared_experts(
    tiny_store_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    experts, run = tmp_path / "experts", tmp_path / "run"
    monkeypatch.chdir(tmp_path)
    for count in (1, 2):  # the second call adds an expert
        train = ("experts", tiny_store_path, "--out", "experts", "--experts", count, "--epochs", 1)
        assert call(monkeypatch, *train, "--learning-rate", 0.1, "--batch", 4) == 0
    printed = capsys.readouterr()
    assert "2 experts of 1 epochs; in the last one training loss" in printed.out
    assert "GB of disk to go" in printed.err
    condense = ("condense", tiny_store_path, *quick.words("mtt", {"objective.experts": "experts"}))
    assert call(monkeypatch, *condense, "--out", run) == 0
    assert json.loads((run / "run.json").read_text())["recipe"]["objective"]["experts"] == str(experts)
    assert call(monkeypatch, "show", run) == 0
    assert re.search(r"step size +0\.0\d+, learned", capsys.readouterr().out)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, command, "--help") == 0
    assert len(capsys.readouterr().out) > 100


@pytest.mark.parametrize("command", COMMANDS)
def test_help_speaks_of_things_not_of_types(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    call(monkeypatch, command, "--help")
    shown = capsys.readouterr().out
    assert not re.search(r"None|\b(PATH|STR|INT|FLOAT)\b", shown), shown


@pytest.mark.parametrize("command", COMMANDS)
def test_lines_of_help_end_where_no_word_fits(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "90")
    call(monkeypatch, command, "--help")
    shown = capsys.readouterr().out.replace("│", " ").splitlines()  # boxes where the output is in UTF-8
    assert any(line.startswith("  -h, --help ") for line in shown)
    for line, following in pairwise(shown):
        goes_on = re.match(r" {5,}(\S+)", following)
        if goes_on and re.match(r"  ( {3,}|\S.* {2})\S", line):
            assert len(line.rstrip()) + 1 + len(goes_on[1]) > 88, f"{line}\n{following}"


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_version(option: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(monkeypatch, option) == 0
    assert capsys.readouterr().out == f"vidcondense {vidcondense.__version__}\n"


def test_docs_says_where_the_pages_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert call(monkeypatch, "--docs") == 0
    assert Path(capsys.readouterr().out.strip()) == Path(__file__).parents[2] / "docs"
    installed = tmp_path / documentation.INSTALLED
    installed.mkdir(parents=True)
    (installed / documentation.FIRST).touch()
    file = metadata.PackagePath(f"../../../{documentation.INSTALLED}/{documentation.FIRST}")
    file.dist = SimpleNamespace(locate_file=lambda path: tmp_path / "a/b/c" / path)  # type: ignore[assignment]
    monkeypatch.setattr(metadata, "files", lambda name: [file])
    assert call(monkeypatch, "--docs") == 0
    assert Path(capsys.readouterr().out.strip()) == installed


def test_bad_input_is_one_line_with_the_mend(tiny_store_path: Path, tmp_path: Path, refused) -> None:  # type: ignore[no-untyped-def]
    assert "no folder at" in refused("prepare", tmp_path / "nowhere", tmp_path / "store")
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "video" in refused("prepare", empty, tmp_path / "store")
    assert "not a store" in refused("condense", empty, "--out", tmp_path / "run")
    assert "--out" in refused("condense", tiny_store_path)
    assert "--resume" in refused("condense")
    line = refused("condense", tiny_store_path, "--recipe", "pris", "--out", tmp_path / "r")
    assert re.search(
        r"no recipe 'pris'; did you mean 'prism', '\w+' or '\w+'\? All: vidcondense recipes", line
    )
    assert re.search(r"no recipe 'qqq'; did you mean '\w+', '\w+' or '\w+'\?", refused("recipes", "qqq"))
    assert "no command 'condens'; did you mean 'condense', 'demo' or 'recipes'?" in refused("condens", "x")
    line = refused("condense", tiny_store_path, "--set", "optimizer.lr=1", "--out", tmp_path / "r")
    assert "did you mean 'optimiser" in line
    line = refused("condense", tiny_store_path, "--split", "9", "--out", tmp_path / "r")
    assert "no split '9'" in line
    line = refused("condense", tiny_store_path, "--set", "frames=16", "--out", tmp_path / "r")
    assert "recipe wants 16" in line
    assert "not a run folder" in refused("condense", "--resume", empty)
    trajectory = ("condense", tiny_store_path, "--recipe", "mtt", "--set", f"objective.experts={empty}")
    assert f"no experts in {empty}" in refused(*trajectory, "--out", tmp_path / "r")
    assert "device 'tpu'" in refused("condense", tiny_store_path, "--device", "tpu", "--out", tmp_path / "r")
    assert "no condensed file" in refused("show", tmp_path / "nothing.safetensors")
    assert "no condensed file" in refused("evaluate", empty, tiny_store_path)
    assert "not a store" in refused("evaluate", tiny_store_path, empty)
    line = refused("evaluate", tiny_store_path, tiny_store_path, "--flip", 2, "--networks", 1)
    assert "flip must be a number <= 1.0, not 2" in line
    assert "not a run folder" in refused("report", empty)
    text = tmp_path / "notes.safetensors"
    text.write_text("not a condensed file")
    assert "cut short or not ours" in refused("export", text, tmp_path / "out")
    assert not (tmp_path / "r").exists()


def test_a_target_below_a_file_is_one_line(tiny_store_path: Path, tmp_path: Path, refused) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "file"
    file.write_text("")
    assert "cannot create folder" in refused(
        "condense", tiny_store_path, "--recipe", "random", "--out", file / "run"
    )


def test_too_few_training_videos_for_vpc(tiny_store_path: Path, tmp_path: Path, refused) -> None:  # type: ignore[no-untyped-def]
    for recipe in ("random", "dm"):
        line = refused("condense", tiny_store_path, "--recipe", recipe, "--vpc", 6, "--out", tmp_path / "run")
        assert "5 training videos, fewer than vpc 6" in line
        assert not (tmp_path / "run").exists()


def test_evaluate_refuses_a_store_with_other_frames_and_damaged_files(
    tiny_store_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused
) -> None:  # type: ignore[no-untyped-def]
    run = tmp_path / "run"
    assert call(monkeypatch, "condense", tiny_store_path, "--recipe", "random", "--out", run) == 0
    file = run / "condensed.safetensors"
    whole = file.read_bytes()
    made = vidcondense.CondensedVideos.load(file)
    keys = made.key_frames.unflatten(0, (3, 4))[:, [0, 1, 3]].flatten(0, 1)
    KeyFrameVideos(
        **{
            **made.__dict__,
            "key_frames": keys,
            "positions": torch.tensor([0, 1, 2] * 3),
            "counts": torch.tensor([3] * 3),
            "frames": 3,
        }
    ).save(tmp_path / "short.safetensors")
    line = refused("evaluate", tmp_path / "short.safetensors", tiny_store_path)
    assert "condensed clips are 3 frames of 32x32, the store's 4 of 32x32" in line

    file.write_bytes(whole[:-1])
    for command in (("evaluate", run, tiny_store_path), ("show", run), ("export", run, tmp_path / "x")):
        assert "cut short or not ours" in refused(*command)
    file.write_bytes(whole)
    tensors = load_file(file)
    save_file({**tensors, "key_frames": tensors["key_frames"][:, :1].contiguous()}, file)
    assert "not one that vidcondense wrote" in refused("show", run)
    assert not (tmp_path / "x").exists()
    assert not (run / "evaluations").exists()


def test_resume_of_finished_and_foreign_runs_changes_nothing(
    tiny_store_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    refused,  # type: ignore[no-untyped-def]
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = tmp_path / "run"
    words = ("condense", tiny_store_path, *quick.words("prism"), "--out", run)
    assert call(monkeypatch, *words) == 0
    made = capsys.readouterr().out
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    for again in (("condense", "--resume", run), words):
        assert call(monkeypatch, *again) == 0
        said = capsys.readouterr()
        assert said.out == made
        assert said.err.splitlines()[0] == f"{run} is finished already: nothing to do"
    assert "was made with recipe prism, not prism_small" in refused("condense", tiny_store_path, "--out", run)
    assert "--resume RUN goes with no --out" in refused("condense", "--resume", run, "--force")
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before

    described = json.loads(before["run.json"])
    for change, message in (
        ({"format": 99}, "written by a newer vidcondense"),
        ({"status": "running", "store": {**described["store"], "fingerprint": "x"}}, "other videos or"),
        ({"status": "running", "store": {**described["store"], "path": "/nowhere"}}, "/nowhere"),
        ({"status": "running", "store": {}}, "is damaged: "),
    ):
        (run / "run.json").write_text(json.dumps({**described, **change}))
        assert message in refused("condense", "--resume", run)
    assert (run / "condensed.safetensors").read_bytes() == before["condensed.safetensors"]
    assert (run / "metrics.jsonl").read_bytes() == before["metrics.jsonl"]


def test_a_full_disk_is_one_line_and_the_run_can_go_on(
    tiny_store_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    start = ("condense", tiny_store_path, *quick.words("prism"), "--out")
    assert call(monkeypatch, *start, tmp_path / "whole") == 0
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, before[1]))  # too little for the result alone
    try:
        assert call(monkeypatch, *start, tmp_path / "run") == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    line = capsys.readouterr().err.splitlines()[-1]  # above it the cost of the run
    file = tmp_path / "run" / "condensed.safetensors"
    assert line == f"vidcondense: cannot write {file}: File too large"
    assert not file.exists()
    assert call(monkeypatch, "condense", "--resume", tmp_path / "run") == 0
    for name in ("condensed.safetensors", "metrics.jsonl"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_read_only_target_is_one_line(
    tiny_store_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused
) -> None:  # type: ignore[no-untyped-def]
    run = tmp_path / "run"
    assert call(monkeypatch, "condense", tiny_store_path, "--recipe", "random", "--out", run) == 0
    original = Path.open

    def read_only(self: Path, mode: str = "r", *rest: object, **named: object) -> object:
        if set(mode) & set("wax+"):
            raise OSError(30, "Read-only file system", str(self))
        return original(self, mode, *rest, **named)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", read_only)  # file permissions do not stop the administrator
    for command in (
        ("condense", tiny_store_path, "--recipe", "random", "--out", tmp_path / "other"),
        ("report", run, "--out", tmp_path / "report.html"),
        ("export", run, tmp_path / "mp4"),
    ):
        line = refused(*command)
        assert "cannot write" in line
        assert "Read-only file system" in line


def test_usage_errors_exit_with_2(monkeypatch: pytest.MonkeyPatch) -> None:
    assert call(monkeypatch, "condense", "--nonsense") == 2
    assert call(monkeypatch) == 2


def test_help_of_evaluate_names_every_network(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "evaluate", "--help") == 0
    words = re.findall(r"\w+", capsys.readouterr().out)
    assert set(NETWORKS) <= set(words), set(NETWORKS) - set(words)


def test_a_network_larger_than_memory_is_refused_before_anything_is_made(
    tiny_store_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused
) -> None:  # type: ignore[no-untyped-def]
    run = tmp_path / "run"
    assert call(monkeypatch, "condense", tiny_store_path, "--recipe", "random", "--out", run) == 0
    monkeypatch.setattr(Compute, "memory", lambda _: 2**27)
    for command in (
        ("evaluate", run, tiny_store_path, "--network", "cnn_lstm"),
        ("condense", tiny_store_path, "--set", "network=cnn_lstm", "--out", tmp_path / "other"),
    ):
        line = refused(*command)
        assert re.search(
            r"cnn_lstm has [\d,]+ parameters: 12[89]\.\d MiB, .* but cpu has 128\.0 MiB", line
        ), line
    assert "unknown network 'c3d'; known: minic3d, convnet3d" in refused(
        "evaluate", run, tiny_store_path, "--network", "c3d"
    )
    assert not (tmp_path / "other").exists()
    assert not (run / "evaluations").exists()


FILES = Path(__file__).parent.parent / "files"
SLOW_TO_LOAD = {"torch", "scipy", "matplotlib", "av"}


@pytest.mark.parametrize(
    ("words", "unneeded"),
    [
        (("--help",), SLOW_TO_LOAD | {"numpy", "rich", "filelock", "safetensors", "typeguard"}),
        (("prepare", "--help"), SLOW_TO_LOAD | {"numpy", "rich", "filelock", "safetensors"}),
        (("show", str(FILES / "condensed-1.safetensors")), SLOW_TO_LOAD | {"filelock"}),
        (("show", str(FILES / "version-0.1.0" / "finished")), SLOW_TO_LOAD | {"filelock"}),
    ],
)
def test_nothing_is_loaded_in_vain(words: tuple[str, ...], unneeded: set[str]) -> None:
    code = (
        "import atexit, sys; from vidcondense import cli; "
        "atexit.register(lambda: print('loaded:', *sys.modules)); "
        "sys.argv = ['vidcondense', *sys.argv[1:]]; cli.main()"
    )
    command = [sys.executable, "-c", code, *words]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    said, _, loaded = run.stdout.partition("loaded: ")
    assert said
    assert not unneeded & set(loaded.split())


def test_a_dry_run_says_what_condensing_costs_and_writes_nothing(
    tiny_store_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(condensation, "PREVIEW_SECONDS", 0.0)
    learn = ("condense", tiny_store_path, "--dry-run", "--recipe")
    assert call(monkeypatch, *learn, "prism_small", "--set", "iterations=1000") == 0
    said = capsys.readouterr().out
    first, second, third, fourth = said.splitlines()
    assert re.fullmatch(r"file of about [\d.]+ KB, frames as float16, more with insertions", fourth)
    assert re.search(
        r"result 0.070 MiB as float32 .*; store [\d.]+ MiB; peak memory about [\d.,]+ MiB", first
    )
    assert re.search(r"per iteration [\d.]+ GFLOP, [\d.]+ MiB read, [\d.]+ s \(\d+ GFLOP/s on", second)
    assert re.search(r"1,000 iterations: [\d.]+ TFLOP, .* read, about [\d.]+ .* with .* to start", third)
    assert call(monkeypatch, *learn, "random") == 0
    assert "nothing is learned" in capsys.readouterr().out
    assert call(monkeypatch, *learn, "random", "--budget", "6KB") == 0
    assert "file of 6,000 bytes at most, frames as av1" in capsys.readouterr().out
    soft = ("random_soft", "--set", "teachers.steps=100", "--set", "teachers.network=minic3d")
    assert call(monkeypatch, *learn, *soft) == 0
    told = r"soft labels by 1 teacher of 100 steps on all training videos, about [\d.]+ .*\nfile of about"
    assert re.search(told, capsys.readouterr().out)
    assert call(monkeypatch, *learn, "mtt") == 2
    assert "trains experts first" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_message_is_one_line_that_steers_no_terminal(tmp_path: Path, refused: Callable[..., str]) -> None:
    name = "a\nb\x1b[31m\u202e" + "x" * 200
    line = refused("show", tmp_path / name)
    assert "a\\nb\\x1b[31m\\u202exxx" in line
    assert line.isprintable()


def test_the_split_of_a_condensed_file_is_read_if_it_says(
    tiny_store_path: Path, tmp_path: Path, refused: Callable[..., str]
) -> None:
    made = KeyFrameVideos(
        key_frames=torch.zeros(1, 3, 2, 2),
        positions=torch.tensor([0]),
        counts=torch.tensor([1]),
        labels=torch.tensor([0]),
        class_names=("a",),
        frames=4,
        mean=(0.5, 0.5, 0.5),
        std=(0.2, 0.2, 0.2),
        provenance={"source": "elsewhere"},
    )
    made.save(tmp_path / "file.safetensors")
    assert "evaluate on a store with the same classes" in refused(
        "evaluate", tmp_path / "file.safetensors", tiny_store_path
    )


@pytest.mark.parametrize(
    "words",
    [("--vpc", "99999999999"), ("--set", f"iterations={'9' * 5000}"), ("--recipe", "{folder}/own.toml")],
)
def test_numbers_beyond_all_measure_are_one_line(
    words: tuple[str, ...], tiny_store_path: Path, tmp_path: Path, refused: Callable[..., str]
) -> None:
    (tmp_path / "own.toml").write_text(f"seed = {'9' * 5000}")
    words = tuple(word.format(folder=tmp_path) for word in words)
    recipe = () if "--recipe" in words else quick.words("prism")
    said = refused("condense", tiny_store_path, "--out", tmp_path / "run", "--device", "cpu", *recipe, *words)
    assert "not enough memory" in said or "4300 digits" in said
    assert not (tmp_path / "run").exists()


def test_a_result_does_not_replace_what_it_is_made_from(
    tiny_store_path: Path, tmp_path: Path, refused: Callable[..., str]
) -> None:
    run = tmp_path / "run"
    condensation.condense(
        vidcondense.ClipStore.open(tiny_store_path), vidcondense.load_recipe("random"), run, show=False
    )
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    condensed = run / "condensed.safetensors"
    assert "not an evaluation" in refused(
        "evaluate", run, tiny_store_path, "--device", "cpu", "--out", condensed
    )
    assert "not a report" in refused("report", run, "--out", run / "run.json")
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before


def test_condense_takes_what_was_published_for_the_store_and_says_what_was_not(
    tiny_store_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def condensed(vpc: int, *more: object) -> tuple[float, list[str]]:
        words = ("condense", tiny_store_path, "--recipe", "prism", "--vpc", vpc, "--out", tmp_path / "run")
        quick_ones = ("--set", "iterations=1", "--set", "objective.batch_real=2", "--force")
        assert call(monkeypatch, *words, *quick_ones, *more) == 0
        said = [line for line in capsys.readouterr().err.splitlines() if "published" in line]
        known = json.loads((tmp_path / "run" / "run.json").read_text())["recipe"]
        return known["optimiser"]["learning_rate"], said

    name = json.loads((tiny_store_path / "index.json").read_text())["name"]
    rate, said = condensed(2)
    assert rate == 4.0
    assert said[0] == f"recipe prism: no published settings for {name!r}: those of miniUCF are used"
    assert "no published settings for VPC 2" in said[1] and "optimiser.learning_rate = 4" in said[1]
    assert condensed(1, "--dataset", "hmdb51") == (0.7, [])
    assert condensed(1, "--set", "optimiser.learning_rate=2", "--set", "synthetic.init=real") == (2.0, [])
    monkeypatch.setattr("vidcondense.recipes.datasets.recognise", lambda name, classes: "ssv2")
    assert condensed(1) == (3.0, [])

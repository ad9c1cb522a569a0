"""The run folder: what is written, and what is refused without loss."""

import json
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
import quick
import torch

from vidcondense.base.compute import Compute
from vidcondense.base.errors import VidcondenseError
from vidcondense.data.store import ClipStore
from vidcondense.recipes import load as recipe
from vidcondense.run import folder as run_folder
from vidcondense.run.folder import RunFolder

EXACT = Compute(torch.device("cpu"), torch.float32)


@pytest.fixture
def run(tiny_store: ClipStore, tmp_path: Path) -> RunFolder:
    return run_folder.create(tmp_path / "run", quick.load("prism"), tiny_store, EXACT)


@pytest.fixture
def full_disk() -> Iterator[None]:
    """No file may grow beyond 100 bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_new_folder_says_what_it_is_of(run: RunFolder, tiny_store: ClipStore) -> None:
    values = json.loads(run.description.read_text())
    assert values["status"] == "running"
    assert values["store"]["fingerprint"] == tiny_store.fingerprint
    assert Path(values["store"]["path"]).is_absolute()
    assert values["store"]["classes"] == list(tiny_store.class_names)
    assert (values["store"]["train_videos"], values["store"]["test_videos"]) == (15, 9)
    assert run.recipe(run.read()) == quick.load("prism")
    assert run.metrics.read_bytes() == b""


def test_update_keeps_the_other_entries(run: RunFolder) -> None:
    before = json.loads(run.description.read_text())
    run.update(status="finished", seconds=1.5)
    after = json.loads(run.description.read_text())
    assert after == {**before, "status": "finished", "seconds": 1.5}


def test_metrics_are_lines_and_can_be_cut(run: RunFolder) -> None:
    run.append_metrics([{"a": 1}, {"b": 2}])
    length = run.metrics.stat().st_size
    run.append_metrics([{"c": 3}])
    assert [json.loads(line) for line in run.metrics.read_text().splitlines()] == [
        {"a": 1},
        {"b": 2},
        {"c": 3},
    ]
    run.cut_metrics(length)
    assert run.metrics.read_text() == '{"a": 1}\n{"b": 2}\n'
    with pytest.raises(VidcondenseError, match=r"metrics\.jsonl was cut short"):
        run.cut_metrics(length + 1)
    run.cut_metrics(0)
    assert run.metrics.read_bytes() == b""
    run.metrics.unlink()
    run.cut_metrics(0)
    assert run.metrics.read_bytes() == b""


def test_a_full_disk_loses_no_line_and_leaves_no_half_one(run: RunFolder, full_disk: None) -> None:
    run.append_metrics([{"iteration": 0}])
    before = run.metrics.read_bytes()
    with pytest.raises(VidcondenseError, match=r"cannot write .*metrics\.jsonl: File too large"):
        run.append_metrics([{"iteration": 1, "text": "x" * 200}])
    assert run.metrics.read_bytes() == before
    described = run.description.read_bytes()
    with pytest.raises(VidcondenseError, match=r"cannot write .*run\.json: File too large"):
        run.update(status="finished")
    assert run.description.read_bytes() == described


def test_a_full_disk_at_the_start(tiny_store: ClipStore, tmp_path: Path, full_disk: None) -> None:
    with pytest.raises(VidcondenseError, match=r"cannot write .*run\.json: File too large"):
        run_folder.create(tmp_path / "run", recipe.load("random"), tiny_store, EXACT)
    assert list((tmp_path / "run").iterdir()) == []


def test_the_log_is_read_and_a_damaged_one_is_named(run: RunFolder) -> None:
    rows = [{"event": "iteration", "iteration": 0, "loss": 1.5}, {"event": "insertion", "iteration": 1}]
    run.append_metrics(rows)
    assert run.read_metrics() == rows
    for line in ("{", "[1]"):
        run.metrics.write_text(line)
        with pytest.raises(VidcondenseError, match=r"metrics\.jsonl is damaged"):
            run.read_metrics()
    run.metrics.unlink()
    with pytest.raises(VidcondenseError, match=r"cannot read .*metrics\.jsonl: No such file"):
        run.read_metrics()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "run.json is damaged: Expected `object`"),
        ({"name": "a run of another program"}, "not written by this vidcondense"),
        ({"format": 99}, "run.json has format 99, written by a newer vidcondense; .*upgrade vidcondense$"),
        (
            {"format": 99, "versions": {"vidcondense": "7.1"}},
            "newer vidcondense '7.1'; .*upgrade vidcondense to",
        ),
        ({"format": 0}, "not written by this vidcondense"),
        ({"format": 1}, "missing required field `status`"),
        (
            {"format": 1, "status": "", "recipe": {}, "store": 3},
            r"Expected `object`, got `int` - at `\$.store`",
        ),
        (
            {"format": 1, "status": "", "recipe": {}, "precision": "float32", "store": {}},
            r"field `path` - at `\$.store`",
        ),
    ],
)
def test_a_foreign_or_damaged_description_is_refused(values: object, message: str, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps(values))
    with pytest.raises(VidcondenseError, match=message):
        RunFolder(tmp_path).read()


def test_a_recipe_of_another_version_is_named(run: RunFolder) -> None:
    values = json.loads(run.description.read_text())
    values["recipe"]["insertion"]["magic"] = 1
    run.description.write_text(json.dumps(values))
    with pytest.raises(VidcondenseError, match=r"unknown recipe key 'insertion\.magic'"):
        run.recipe(run.read())


def test_a_damaged_recipe_is_named_with_its_file(run: RunFolder) -> None:
    values = json.loads(run.description.read_text())
    values["recipe"]["optimiser"]["learning_rate"] = "fast"
    run.description.write_text(json.dumps(values))
    with pytest.raises(VidcondenseError, match=r"run\.json: optimiser\.learning_rate must be a number"):
        run.recipe(run.read())

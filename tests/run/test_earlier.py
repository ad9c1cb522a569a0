"""Stores, runs and condensed sets of version 0.1.0 open, resume to the same clips, and evaluate."""

import shutil
from pathlib import Path

import pytest
import torch

from vidcondense import ClipStore, CondensedVideos, evaluate, resume
from vidcondense.report import write_report
from vidcondense.run.folder import RunFolder

EARLIER = Path(__file__).parents[1] / "files" / "version-0.1.0"


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    """A copy of the files: 2 classes, clips of 4 frames of 16x16, runs stopped after 3 and 4 iterations."""
    return shutil.copytree(EARLIER, tmp_path / "earlier")


@pytest.mark.parametrize("name", ["interrupted", "dynamic"])
def test_an_interrupted_run_resumes_to_the_same_clips(name: str, earlier: Path) -> None:
    store = ClipStore.open(earlier / "store")
    resumed = resume(earlier / name, store=store, device="cpu", show=False)
    wanted = CondensedVideos.load(earlier / f"{name}-done.safetensors")
    assert resumed.labels.tolist() == wanted.labels.tolist()
    for key, value in wanted.tensors().items():  # other processors round otherwise
        torch.testing.assert_close(resumed.tensors()[key], value, rtol=0.02, atol=0.02)


def test_a_finished_run_is_what_it_was(earlier: Path) -> None:
    run = RunFolder(earlier / "finished")
    recipe = run.recipe(run.read())
    assert (recipe.name, recipe.all_iterations, recipe.network) == ("prism_small", 6, "cnn_mean")
    assert recipe.fields()["insertion.threshold"] == 1.0
    condensed = CondensedVideos.load(run.condensed)
    result = evaluate(
        condensed, ClipStore.open(earlier / "store"), network="cnn_mean", networks_count=1, show=False
    )
    assert result.test_videos == 2
    page = write_report([run.path], earlier / "report.html").read_text()
    assert "prism_small" in page

"""What is read of finished cells: bytes and key frames of sets, accuracies of evaluations."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from vidcondense.benchmark.cell import Cell
from vidcondense.benchmark.options import Options
from vidcondense.benchmark.results import Judged, read_result
from vidcondense.benchmark.tasks import Task, task_of
from vidcondense.condensed import CondensedVideos, KeyFrameVideos, StaticDynamicVideos
from vidcondense.evaluation.protocols import PROTOCOLS


def finished(folder: Path, condensed: CondensedVideos) -> Task:
    """The task of a run that has ended, evaluated with one of its two networks."""
    cell = Cell("PRISM", "VPC 2", "prism", 2, networks=("minic3d", "cnn_gru"))
    task = task_of(cell, Options(), folder, "1", 0)
    task.run.evaluations.mkdir(parents=True)
    condensed.save(task.run.condensed)
    store = {"path": "", "split": "1", "fingerprint": "f"}
    described = {
        "format": 1,
        "status": "finished",
        "recipe": {},
        "store": store,
        "precision": "float32",
        "seconds": 2.5,
    }
    task.run.description.write_text(json.dumps(described))
    record = {
        "protocol": "strict",
        "network": "minic3d",
        "networks": 3,
        "seed": 0,
        "diverged": 1,
        "settings": PROTOCOLS["strict"]().settings(),
        "top1": {"mean": 0.375, "std": 0.2, "values": [0.25, None, 0.5]},
        "top5": {"mean": 1.0, "std": 0.0, "values": [1.0, None, 1.0]},
        "per_class": {"a": 0.5, "b": 0.25},
        "confusion": [[1, 1], [3, 1]],
        "test_videos": 6,
        "seconds": 1.0,
    }
    (task.run.evaluations / "mine.json").write_text(json.dumps(record))
    return task


def key_frames() -> KeyFrameVideos:
    """Videos of classes a, a, b with 2, 3 and 2 key frames of 3 x 4 x 4 values."""
    return KeyFrameVideos(
        key_frames=torch.zeros(7, 3, 4, 4),
        positions=torch.tensor([0, 3, 0, 1, 3, 0, 3]),
        counts=torch.tensor([2, 3, 2]),
        labels=torch.tensor([0, 0, 1]),
        class_names=("a", "b"),
        frames=4,
        mean=(0.4, 0.4, 0.4),
        std=(0.2, 0.2, 0.2),
    )


def test_a_condensed_set_is_counted(tmp_path: Path) -> None:
    task = finished(tmp_path, key_frames())
    made = read_result({("1", 0): task}, "top1").made["1", 0]
    assert made.key_frames == pytest.approx(7 / 3)
    assert made.key_frames_by_class == {"a": 2.5, "b": 2.0}
    assert made.stored_bytes == 7 * 48 * 4
    assert made.file_bytes == task.run.condensed.stat().st_size
    assert made.seconds == 2.5


def test_memories_have_no_key_frames(tmp_path: Path, memories: Callable[..., StaticDynamicVideos]) -> None:
    condensed = memories([0, 1], ("a", "b"), 4, (8, 8))
    made = read_result({("1", 0): finished(tmp_path, condensed)}, "top1").made["1", 0]
    assert made.key_frames is None
    assert made.key_frames_by_class == {}
    assert made.stored_bytes == condensed.stored_values * 4


def test_accuracies_are_percent_of_the_networks_that_trained(tmp_path: Path) -> None:
    tasks = {("1", 0): finished(tmp_path, key_frames())}
    judged = read_result(tasks, "top1").judged
    assert judged == {"minic3d": {("1", 0): Judged((25.0, 50.0), 1, {"a": 50.0, "b": 25.0})}}
    assert judged["minic3d"]["1", 0].mean == 37.5
    assert read_result(tasks, "top5").judged["minic3d"]["1", 0].values == (100.0, 100.0)


def test_nothing_is_read_of_what_is_not_finished(tmp_path: Path) -> None:
    task = task_of(Cell("a", "", "random", 1, networks=("minic3d",)), Options(), tmp_path, "1", 0)
    result = read_result({("1", 0): task}, "top1")
    assert (result.made, result.judged) == ({}, {})
    assert Judged((), 3).mean is None

"""Generated clips: seeds, independence of counts and workers, the files themselves, refusals."""

import hashlib
import json
import signal
import time
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from vidcondense.base.errors import VidcondenseError
from vidcondense.toys import KINDS, class_names, generate
from vidcondense.toys.writer import Task, write_all

SMALL: dict[str, Any] = {"train_per_class": 2, "test_per_class": 1, "classes": 2, "frames": 8, "size": 48}


def digests(root: Path) -> dict[str, str]:
    """Relative path and hash of every video."""
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*.mp4"))
    }


@pytest.mark.parametrize("kind", KINDS)
def test_same_seed_same_bytes_and_another_seed_differs(kind: str, tmp_path: Path) -> None:
    first = digests(generate(kind, tmp_path / "first", **SMALL))
    again = digests(generate(kind, tmp_path / "again", **SMALL))
    other = digests(generate(kind, tmp_path / "other", **SMALL, seed=1))
    assert first == again
    assert len(first) == 6
    assert len(set(first.values())) == 6  # no clip twice, across splits either
    assert first.keys() == other.keys()
    assert not set(first.values()) & set(other.values())


def test_a_clip_depends_neither_on_counts_nor_on_workers(tmp_path: Path) -> None:
    few = digests(generate("actions", tmp_path / "few", **SMALL, workers=1))
    more = {**SMALL, "train_per_class": 5, "test_per_class": 3, "classes": 4}
    many = digests(generate("actions", tmp_path / "many", **more, workers=2))  # enough to start processes
    assert len(many) == 32
    assert few.items() <= many.items()


@pytest.mark.parametrize("kind", KINDS)
def test_every_class_is_written_and_reads_back(kind: str, tmp_path: Path) -> None:
    root = generate(kind, tmp_path / "all", train_per_class=1, test_per_class=0, frames=9, size=64)
    names = sorted(folder.name for folder in (root / "train").iterdir())
    assert names == sorted(class_names(kind))
    assert not (root / "test").exists()
    for name in names:
        with av.open(str(root / "train" / name / "00000.mp4")) as container:
            container.streams.video[0].thread_count = 1
            clip = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
        assert clip.shape == (9, 48, 64, 3)
        moved = np.abs(clip[:1].astype(int) - clip)
        assert moved.max() > 20, f"{name} does not move"


def test_identical_settings_return_at_once_and_others_are_refused(tmp_path: Path) -> None:
    root = generate("motion", tmp_path / "clips", **SMALL)
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    assert generate("motion", root, **SMALL) == root
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before
    with pytest.raises(VidcondenseError, match=r"seed 0, not 3; name a new folder, or .* with --force"):
        generate("motion", root, **SMALL, seed=3)
    with pytest.raises(VidcondenseError, match=r"train_per_class 2, not 7"):
        generate("motion", root, **{**SMALL, "train_per_class": 7})


def test_an_interrupted_folder_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = digests(generate("motion", tmp_path / "whole", **SMALL))
    import vidcondense.toys.clips as generated

    def interrupted(tasks: Any, workers: int) -> Any:
        tasks[0].path.write_bytes(b"half a clip")
        yield
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(generated, "write_all", interrupted)
        with pytest.raises(KeyboardInterrupt):
            generate("motion", tmp_path / "half", **SMALL)
    assert digests(generate("motion", tmp_path / "half", **SMALL)) == whole


def test_clips_that_are_there_are_said_to_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        root = generate("motion", tmp_path / "clips", **SMALL, progress=True)
    assert capsys.readouterr().err.splitlines()[-1] == f"{root} has these clips already: nothing to do"


@pytest.mark.parametrize("stop", [False, True])
def test_force_replaces_generated_clips_and_nothing_else(
    stop: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = generate("actions", tmp_path / "clips", **{**SMALL, "train_per_class": 4, "classes": 3})
    mine = [root / "notes.txt", root / "train" / class_names("actions")[0] / "mine.mp4"]
    for path in mine:
        path.write_text("mine")
    if stop:  # in the middle of removing
        unlink, removed = Path.unlink, []

        def stopped(self: Path, missing_ok: bool = False) -> None:
            removed.append(self)
            if len(removed) == 5:
                raise KeyboardInterrupt
            unlink(self, missing_ok=missing_ok)

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(Path, "unlink", stopped)
            generate("motion", root, **SMALL, force=True)
        assert not json.loads((root / "generated.json").read_text())["complete"]
    generate("motion", root, **SMALL, force=True)
    for path in mine:
        path.unlink()
    assert digests(root) == digests(generate("motion", tmp_path / "fresh", **SMALL))
    assert not (root / "train" / class_names("actions")[1]).exists()


def test_a_folder_with_other_content_is_refused_untouched(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    for force in (False, True):
        with pytest.raises(VidcondenseError, match="not empty"):
            generate("motion", tmp_path, **SMALL, force=force)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        ("dance", {}, "'dance'.*actions, motion, motion-hard"),
        ("motion", {"classes": 13}, "classes is 13.*only 12"),
        ("actions", {"classes": 0}, "classes must be .*>= 1, not 0"),
        ("actions", {"train_per_class": -1}, "train_per_class must be .*>= 1, not -1"),
        ("actions", {"test_per_class": -2}, "test_per_class must be .*>= 0, not -2"),
        ("actions", {"frames": 1}, "frames must be .*>= 2, not 1"),
        ("actions", {"size": 24}, "size must be .*>= 32, not 24"),
        ("actions", {"size": 50}, "size is 50.*multiple of 8, such as 48"),
        ("actions", {"seed": -5}, "seed must be .*>= 0, not -5"),
        ("actions", {"workers": -1}, "workers must be .*>= 0, not -1"),
        ("actions", {"workers": 10**20}, "workers must be .*<= 1024, not 1000"),
        ("actions", {"frames": 99999999999}, "frames must be .*<= 100000, not 99999999999"),
        ("actions", {"frames": 100_000, "size": 96}, "frames is 100000.*at size 96.*at most 12945 frames"),
        ("actions", {"size": 99999999992}, "size must be .*<= 4096, not 99999999992"),
        ("actions", {"train_per_class": 10**20}, "train_per_class must be .*<= 100000, not 1000"),
        ("actions", {"test_per_class": 10**20}, "test_per_class must be .*<= 100000, not 1000"),
        ("actions", {"seed": 2**63}, "seed must be .*<= 9223372036854775807, not 9223372036854775808"),
    ],
)
def test_bad_settings_are_refused_in_one_line(
    kind: str, change: dict[str, int], message: str, tmp_path: Path
) -> None:
    with pytest.raises(VidcondenseError, match=message) as caught:
        generate(kind, tmp_path / "clips", **{**SMALL, **change})
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "clips").exists()


def test_a_target_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(VidcondenseError, match="file"):
        generate("motion", tmp_path / "file" / "clips", **SMALL)


def test_ctrl_c_does_not_wait_for_the_clips_at_hand(tmp_path: Path) -> None:
    """Each takes seconds."""
    tasks = [
        Task("actions", "ball_bounce", "train", n, 300, 640, 0, tmp_path / f"{n}.mp4") for n in range(16)
    ]

    def press(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, press)
    try:
        signal.setitimer(signal.ITIMER_REAL, 1.0)  # when both processes are at work
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            list(write_all(tasks, 2))
        assert time.monotonic() - began < 3
    finally:
        signal.signal(signal.SIGALRM, before)

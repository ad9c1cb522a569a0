"""Exported files read back as what the condensed set renders."""

import csv
import dataclasses
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from vidcondense.base.errors import VidcondenseError
from vidcondense.condensed import KeyFrameVideos, StaticDynamicVideos
from vidcondense.condensed.export import export, safe_names

NAMES = ("walk", "../up", "Walk")
FRAMES = 5


@pytest.fixture
def condensed() -> KeyFrameVideos:
    """Four videos of 5 frames of 17 x 21 pixels (odd on purpose); two in the first class."""
    coarse = torch.rand(10, 3, 3, 3, generator=torch.Generator().manual_seed(1)) * 4 - 2
    return KeyFrameVideos(
        key_frames=torch.nn.functional.interpolate(coarse, (17, 21), mode="bilinear"),
        positions=torch.tensor([0, 4, 0, 2, 4, 0, 4, 0, 1, 4]),
        counts=torch.tensor([2, 3, 2, 3]),
        labels=torch.tensor([0, 0, 1, 2]),
        class_names=NAMES,
        frames=FRAMES,
        mean=(0.5, 0.5, 0.5),
        std=(0.2, 0.2, 0.2),
    )


def decode(path: Path) -> NDArray[np.uint8]:
    with av.open(path) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def pixels(condensed: KeyFrameVideos) -> NDArray[np.uint8]:
    return np.asarray(condensed.pixels().permute(0, 1, 3, 4, 2).numpy())


def index(folder: Path) -> list[dict[str, str]]:
    with (folder / "index.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_mp4_reads_back_with_all_frames(tmp_path: Path, condensed: KeyFrameVideos) -> None:
    written = export(condensed, tmp_path / "out", "mp4", fps=12.5)
    names = [path.relative_to(tmp_path / "out").as_posix() for path in written]
    assert names == ["walk/00.mp4", "walk/01.mp4", "up/00.mp4", "Walk_2/00.mp4", "index.csv"]
    for path, clip in zip(written[:-1], pixels(condensed), strict=True):
        back = decode(path)
        assert back.shape == (FRAMES, 18, 22, 3), "not all frames, or an odd size"
        error = np.abs(back[:, :17, :21].astype(int) - clip)
        assert error.mean() < 6, "these are not the rendered frames"
    with av.open(written[0]) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264" and stream.average_rate == 12.5
    assert [row["key_positions"] for row in index(tmp_path / "out")] == ["0 4", "0 2 4", "0 4", "0 1 4"]
    assert [row["class"] for row in index(tmp_path / "out")] == ["walk", "walk", "../up", "Walk"]


def test_frames_are_exactly_the_pixels(tmp_path: Path, condensed: KeyFrameVideos) -> None:
    export(condensed, tmp_path / "out", "frames")
    rows = index(tmp_path / "out")
    assert [row["file"] for row in rows[:3]] == [
        "walk/00/00_key.png",
        "walk/00/04_key.png",
        "walk/01/00_key.png",
    ]
    assert [int(row["time"]) for row in rows] == condensed.positions.tolist()
    for row in rows:
        expected = pixels(condensed)[int(row["video"]), int(row["time"])]
        assert np.array_equal(decode(tmp_path / "out" / row["file"])[0], expected)


def test_rendered_frames_and_scale(tmp_path: Path, condensed: KeyFrameVideos) -> None:
    export(condensed, tmp_path / "out", "frames", scale=3, rendered=True)
    rows = index(tmp_path / "out")
    assert len(rows) == len(condensed) * FRAMES
    kinds = [row["kind"] for row in rows[FRAMES : 2 * FRAMES]]
    assert kinds == ["key", "interpolated", "key", "interpolated", "key"]
    expected = pixels(condensed)[1, 3].repeat(3, axis=0).repeat(3, axis=1)
    assert np.array_equal(decode(tmp_path / "out" / rows[FRAMES + 3]["file"])[0], expected)


@pytest.mark.parametrize("interpolation", ["nearest", "smooth"])
def test_every_interpolation_is_exported_as_it_is_rendered(
    tmp_path: Path, condensed: KeyFrameVideos, interpolation: Any
) -> None:
    made = dataclasses.replace(condensed, interpolation=interpolation, segments=(0, 3))
    export(made, tmp_path / "out", "frames", rendered=True)
    for row in index(tmp_path / "out"):
        expected = pixels(made)[int(row["video"]), int(row["time"])]
        assert np.array_equal(decode(tmp_path / "out" / row["file"])[0], expected)


def test_every_clip_of_memories_is_written(
    tmp_path: Path, memories: Callable[..., StaticDynamicVideos]
) -> None:
    made = memories([0], ("walk",), 4, (16, 16))
    written = export(made, tmp_path, "frames")
    names = [str(path.relative_to(tmp_path)) for path in written]
    expected = [f"walk/{clip:02d}/{time:02d}_key.png" for clip in range(4) for time in range(4)]
    assert names == [*expected, "index.csv"]


def test_a_second_export_replaces_the_first(tmp_path: Path, condensed: KeyFrameVideos) -> None:
    folder = tmp_path / "out"
    export(condensed, folder, "frames")
    (folder / "walk" / "notes.txt").write_text("mine")
    written = export(condensed, folder, "mp4")
    left = {path for path in folder.rglob("*") if path.is_file()}
    assert left == {*written, folder / "walk" / "notes.txt"}


@pytest.mark.parametrize("earlier", [True, False])
@pytest.mark.parametrize("moves", [1, 3, 5])
def test_an_export_that_was_stopped_while_it_moved_its_files_is_finished(
    moves: int, earlier: bool, tmp_path: Path, condensed: KeyFrameVideos, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, original, left = tmp_path / "out", Path.replace, moves
    if earlier:
        export(condensed, folder, "frames")

    def replace(self: Path, target: Path) -> Path:
        nonlocal left
        if not target.is_relative_to(folder / ".unfinished"):
            left -= 1
            if not left:
                raise OSError(5, "Input/output error")
        return original(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", replace)
        with pytest.raises(VidcondenseError, match="Input/output error; run the same export again"):
            export(condensed, folder, "mp4")
    written = export(condensed, folder, "frames")  # the clips that were moved already are replaced
    assert {path for path in folder.rglob("*") if path.is_file()} == set(written)


def test_an_export_that_cannot_be_written_leaves_the_earlier_one(
    tmp_path: Path, condensed: KeyFrameVideos, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, original, left = tmp_path / "out", Path.open, 3
    export(condensed, folder, "mp4")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    def full(self: Path, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        nonlocal left
        left -= mode == "wb"
        if not left:
            raise OSError(28, "No space left on device")
        return original(self, mode, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full)
        with pytest.raises(VidcondenseError, match="No space left on device"):
            export(condensed, folder, "mp4", scale=2)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_what_an_index_names_outside_is_not_deleted(tmp_path: Path, condensed: KeyFrameVideos) -> None:
    folder = tmp_path / "out"
    export(condensed, folder, "mp4")
    (tmp_path / "keep.png").write_text("mine")
    with (folder / "index.csv").open("a") as file:
        file.write("../keep.png,walk,0,0,,clip,0 4\n")
    export(condensed, folder, "mp4")
    assert (tmp_path / "keep.png").exists()


def test_other_folders_are_left_alone(tmp_path: Path, condensed: KeyFrameVideos) -> None:
    (tmp_path / "index.csv").write_text("a,b\n")
    with pytest.raises(VidcondenseError, match="not empty and not an earlier export"):
        export(condensed, tmp_path, "mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["index.csv"]
    with pytest.raises(VidcondenseError, match="is a file"):
        export(condensed, tmp_path / "index.csv", "mp4")


@pytest.mark.parametrize("bad", [{"fps": 0}, {"fps": float("nan")}, {"scale": 0}, {"format": "gif"}])
def test_bad_arguments_are_named(tmp_path: Path, condensed: KeyFrameVideos, bad: dict[str, float]) -> None:
    with pytest.raises(VidcondenseError, match=next(iter(bad))):
        export(condensed, tmp_path / "out", **{"format": "mp4", **bad})  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_class_names_become_safe_and_distinct() -> None:
    names = ("a/b", "a\\b", "..", "CON", "nul.txt", "x" * 200, "walk dog", "", "日本")
    safe = safe_names(names)
    assert safe[:5] == ["a_b", "a_b_2", "class", "CON_", "nul.txt_"]
    assert len(safe[5]) == 80 and safe[6:] == ["walk_dog", "class_2", "日本"]
    names = ("ſ", "COM¹", "é" * 300, "." * 90 + "a", "e\u0301", "é", "\0\n\x1b[31m", "\ud800")
    assert safe_names(names) == ["s", "COM1_", "é" * 80, "class", "é", "é_2", "31m", "class_2"]
    assert max(len(name.encode()) for name in safe_names(("日" * 300, "日" * 300))) <= 203


def test_links_in_the_folder_lead_nowhere(tmp_path: Path, condensed: KeyFrameVideos) -> None:
    """An earlier export that came from somewhere else may hold links."""
    folder, outside = tmp_path / "out", tmp_path / "outside"
    export(condensed, folder, "mp4")
    outside.mkdir()
    shutil.rmtree(folder / "up")
    (folder / "up").symlink_to(outside)
    with pytest.raises(VidcondenseError, match=r"out/up is a link"):
        export(condensed, folder, "frames")
    assert list(outside.iterdir()) == []


def test_what_a_stranger_left_to_be_published_leads_nowhere(
    tmp_path: Path, condensed: KeyFrameVideos
) -> None:
    """A folder as a killed export leaves it, with a link where its files are to go, or in its place."""
    whole, victim = tmp_path / "whole", tmp_path / "victim"
    export(condensed, whole, "mp4")
    victim.mkdir()
    for name in ("up", ".unfinished"):
        folder = tmp_path / f"hostile{name}"
        shutil.copytree(whole, folder / ".unfinished")
        if name == "up":
            (folder / "up").symlink_to(victim)
        else:
            shutil.move(folder / ".unfinished", tmp_path / "elsewhere")
            (folder / ".unfinished").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(VidcondenseError, match=f"{name} is a link"):
            export(condensed, folder, "mp4")
    assert list(victim.iterdir()) == []
    assert (tmp_path / "elsewhere" / "index.csv").is_file()


@pytest.mark.parametrize("name", ["index.csv", "up/00.mp4"])
def test_a_pipe_is_not_waited_for(name: str, tmp_path: Path, condensed: KeyFrameVideos) -> None:
    export(condensed, tmp_path / "out", "mp4")
    (tmp_path / "out" / name).unlink()
    os.mkfifo(tmp_path / "out" / name)
    with pytest.raises(VidcondenseError, match=r"a pipe, a socket|not an earlier export"):
        export(condensed, tmp_path / "out", "mp4")


def test_names_that_are_no_text_stand_in_the_index(tmp_path: Path, condensed: KeyFrameVideos) -> None:
    names = ("caf\udce9", "b", "c")
    export(dataclasses.replace(condensed, class_names=names), tmp_path / "out", "mp4")
    assert index(tmp_path / "out")[0]["class"] == "caf\\udce9"


def test_nothing_in_an_mp4_depends_on_what_was_in_memory(tmp_path: Path, condensed: KeyFrameVideos) -> None:
    """x264's macroblock trees do, for small pictures; its options stand in the file."""
    export(condensed, tmp_path / "out", "mp4")
    (file, *_) = (tmp_path / "out").rglob("*.mp4")
    assert b"mbtree=0" in file.read_bytes()

"""Formats for other libraries, read by these libraries."""

import csv
import json
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from vidcondense import ClipStore, VidcondenseError, prepare
from vidcondense.condensed import KeyFrameVideos, StaticDynamicVideos
from vidcondense.condensed.export import FORMATS, export, webdataset

NAMES = ("walk", '../up, "quoted"', "CON")
FRAMES, SIZE = 5, 32
INDEXES = {"index.csv": ("file", "video", "class"), "metadata.csv": ("file_name", "number", "class_name")}


@pytest.fixture
def condensed() -> KeyFrameVideos:
    """Five videos of 5 frames of 32 x 32 pixels, whose labels do not ascend."""
    coarse = torch.rand(12, 3, 3, 3, generator=torch.Generator().manual_seed(1)) * 4 - 2
    return KeyFrameVideos(
        key_frames=torch.nn.functional.interpolate(coarse, (SIZE, SIZE), mode="bilinear"),
        positions=torch.tensor([0, 4, 0, 2, 4, 0, 4, 0, 1, 4, 0, 4]),
        counts=torch.tensor([2, 3, 2, 3, 2]),
        labels=torch.tensor([2, 0, 1, 2, 0]),
        class_names=NAMES,
        frames=FRAMES,
        mean=(0.5, 0.4, 0.5),
        std=(0.2, 0.2, 0.25),
    )


def decoded(data: Any) -> NDArray[np.int64]:
    with av.open(data) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]).astype(int)


def close_to(clip: NDArray[np.int64], condensed: KeyFrameVideos, video: int) -> bool:
    """Whether this is the video, and not another; coding loses a little."""
    apart = np.abs(condensed.pixels().permute(0, 1, 3, 4, 2).numpy() - clip).mean((1, 2, 3, 4))
    return bool(apart.argmin() == video and apart.min() < 6)


def test_hugging_face_datasets_load_a_videofolder(
    condensed: KeyFrameVideos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    written = export(condensed, tmp_path / "out", "videofolder")
    assert [path.name for path in written[-2:]] == ["01.mp4", "metadata.csv"]
    loaded = datasets.load_dataset(
        "videofolder", data_dir=str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"), split="train"
    ).cast_column("video", datasets.Video(decode=False))
    rows = sorted(loaded, key=lambda row: row["number"])
    assert [row["label"] for row in rows] == condensed.labels.tolist()
    assert [row["class_name"] for row in rows] == [NAMES[label] for label in condensed.labels]
    for number, row in enumerate(rows):
        assert close_to(decoded(row["video"]["path"]), condensed, number)


def test_the_webdataset_library_reads_the_shards(
    condensed: KeyFrameVideos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wds = pytest.importorskip("webdataset")
    monkeypatch.setattr(webdataset, "SHARD_CLIPS", 2)
    written = export(condensed, tmp_path / "out", "webdataset")
    shards = [str(path) for path in written[:-1]]
    assert [Path(shard).name for shard in shards] == ["00000.tar", "00001.tar", "00002.tar"]
    samples = list(wds.WebDataset(shards, shardshuffle=False).decode())
    assert [sample["__key__"] for sample in samples] == [f"{number:06d}" for number in range(5)]
    assert [sample["cls"] for sample in samples] == condensed.labels.tolist()
    for number, sample in enumerate(samples):
        assert sample["json"]["class_name"] == NAMES[sample["cls"]]
        assert sample["json"]["key_positions"] == condensed.key_positions()[number]
        file = tmp_path / "clip.mp4"
        file.write_bytes(sample["mp4"])
        assert close_to(decoded(file), condensed, number)
    with tarfile.open(shards[0]) as shard:
        assert {member.mtime for member in shard} == {0}


@pytest.mark.parametrize("format", ["mp4", "videofolder", "webdataset"])
def test_clips_become_a_store_again(format: Any, condensed: KeyFrameVideos, tmp_path: Path) -> None:
    six = replace(condensed, labels=torch.tensor([0, 0, 1, 1, 1]), class_names=("a", "b"))
    export(six, tmp_path / "out", format)
    options: Any = {"frames": FRAMES, "stride": 1, "size": SIZE, "framing": "crop", "workers": 1}
    store = prepare(tmp_path / "out", tmp_path / "store", progress=False, test_fraction=0.3, **options)
    assert isinstance(store, ClipStore)
    assert store.labels.tolist() == six.labels.tolist() and set(store.lengths) == {FRAMES}


def test_arrays_hold_what_networks_are_trained_on(condensed: KeyFrameVideos, tmp_path: Path) -> None:
    made = replace(condensed, targets=torch.rand(5, 3))
    written = export(made, tmp_path / "out", "numpy")
    names = ["clips.npy", "labels.npy", "targets.npy", "about.json", "index.csv"]
    assert [path.name for path in written] == names
    clips = np.load(tmp_path / "out" / "clips.npy", mmap_mode="r", allow_pickle=False)
    assert clips.dtype == np.float32 and np.array_equal(clips, made.render().numpy())
    labels = np.load(tmp_path / "out" / "labels.npy", allow_pickle=False)
    assert labels.dtype == np.int64 and labels.tolist() == made.labels.tolist()
    targets = np.load(tmp_path / "out" / "targets.npy", allow_pickle=False)
    assert made.targets is not None and np.array_equal(targets, made.targets.numpy())
    about = json.loads((tmp_path / "out" / "about.json").read_text())
    assert tuple(about["class_names"]) == NAMES
    mean, std = (np.reshape(about[name], (3, 1, 1)) for name in ("mean", "std"))
    pixels = np.clip(np.rint((clips * std + mean) * 255), 0, 255).astype(np.uint8)
    assert np.abs(pixels.astype(int) - made.pixels().numpy()).max() <= 1  # rounding of float32


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_names_its_files_and_clips_in_the_index(
    format: Any, condensed: KeyFrameVideos, memories: Callable[..., StaticDynamicVideos], tmp_path: Path
) -> None:
    for number, made in enumerate((condensed, memories([0, 1], ("a", "b"), 4, (16, 16)))):
        folder = tmp_path / str(number)
        written = export(made, folder, format)
        with written[-1].open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        path, number_of, name = INDEXES[written[-1].name]
        assert {folder / row[path] for row in rows} == set(written[:-1])
        clips = {int(row[number_of]): row[name] for row in rows if row[number_of]}
        assert [clips[clip] for clip in range(len(made))] == [
            made.class_names[label] for label in made.labels
        ]


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_replaces_every_other_and_repeats_its_bytes(
    format: Any, condensed: KeyFrameVideos, tmp_path: Path
) -> None:
    folder, again = tmp_path / "out", tmp_path / "again"
    for earlier in FORMATS:
        export(condensed, folder, earlier)
    written = export(condensed, folder, format)
    assert {path for path in folder.rglob("*") if path.is_file()} == set(written)
    export(condensed, again, format)
    for path in written:
        assert (again / path.relative_to(folder)).read_bytes() == path.read_bytes(), path


def test_choices_that_a_format_does_not_read_are_refused(condensed: KeyFrameVideos, tmp_path: Path) -> None:
    with pytest.raises(VidcondenseError, match="leave scale out"):
        export(condensed, tmp_path / "out", "numpy", scale=2)
    with pytest.raises(VidcondenseError, match="rendered is for format frames"):
        export(condensed, tmp_path / "out", "webdataset", rendered=True)
    assert not (tmp_path / "out").exists()


def test_metadata_of_somebody_else_is_not_replaced(condensed: KeyFrameVideos, tmp_path: Path) -> None:
    export(condensed, tmp_path / "out", "mp4")
    (tmp_path / "out" / "metadata.csv").write_text("file_name,mine\n")
    with pytest.raises(VidcondenseError, match="not an earlier export"):
        export(condensed, tmp_path / "out", "videofolder")
    assert (tmp_path / "out" / "metadata.csv").read_text() == "file_name,mine\n"

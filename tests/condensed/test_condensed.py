"""The artifact: what is saved is what is loaded, and anything else is refused in one line."""

import json
import os
import resource
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch.utils.data import DataLoader

from vidcondense.base.errors import VidcondenseError
from vidcondense.condensed import CondensedVideos, KeyFrameVideos, to_pixels
from vidcondense.condensed.base import REPRESENTATIONS

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def make(positions: list[list[int]], frames: int = 6, seed: int = 0) -> KeyFrameVideos:
    total = sum(len(part) for part in positions)
    return KeyFrameVideos(
        key_frames=torch.randn(total, 3, 4, 4, generator=torch.Generator().manual_seed(seed)),
        positions=torch.tensor([t for part in positions for t in part]),
        counts=torch.tensor([len(part) for part in positions]),
        labels=torch.arange(len(positions)),
        class_names=tuple(f"class {i}" for i in range(len(positions))),
        frames=frames,
        mean=MEAN,
        std=STD,
        provenance={"recipe": {"name": "prism"}},
    )


@settings(deadline=None, max_examples=30)
@given(st.lists(st.sets(st.integers(1, 4)), min_size=1, max_size=4), st.integers(0, 1000))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, inner: list[set[int]], seed: int) -> None:
    made = make([sorted({0, 5} | part) for part in inner], seed=seed)
    path = tmp_path_factory.mktemp("file") / "condensed.safetensors"
    size = made.save(path)
    assert size == path.stat().st_size
    loaded = CondensedVideos.load(str(path))
    assert torch.equal(loaded.render(), made.render())
    assert loaded.key_positions() == made.key_positions()
    assert loaded.class_names == made.class_names
    assert loaded.provenance == made.provenance
    first = path.read_bytes()
    loaded.save(str(path))
    assert path.read_bytes() == first


def test_a_file_without_interpolation_and_segments_is_linear_in_one(tmp_path: Path) -> None:
    path = tmp_path / "condensed.safetensors"
    made = make([[0, 5], [0, 2, 5]])
    made.save(path)
    assert not {"interpolation", "segments"} & set(read_header(path))  # as before there was a choice
    loaded = CondensedVideos.load(path)
    assert isinstance(loaded, KeyFrameVideos)
    assert (loaded.interpolation, loaded.segments) == ("linear", (0,))
    KeyFrameVideos(**{**made.__dict__, "interpolation": "smooth", "segments": (0, 2)}).save(path)
    assert read_header(path)["interpolation"] == "smooth"
    assert read_header(path)["segments"] == [0, 2]


def test_a_kind_of_content_of_your_own_is_saved_and_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vidcondense.condensed.base.REPRESENTATIONS", dict(REPRESENTATIONS))

    @dataclass(frozen=True, kw_only=True)
    class Tinted(KeyFrameVideos):
        """Key frames and a colour that is added to each."""

        representation: ClassVar[str] = "tinted"
        tensor_types: ClassVar[Mapping[str, tuple[str, torch.dtype]]] = {
            **KeyFrameVideos.tensor_types,
            "tint": ("colour", torch.float32),
        }
        colour: torch.Tensor

        def render_stored(self, videos: list[int] | None = None) -> torch.Tensor:
            return super().render_stored(videos) + self.colour

    plain = make([[0, 5], [0, 2, 5]])
    made = Tinted(**plain.__dict__, colour=torch.ones(3, 1, 1))
    made.save(tmp_path / "condensed.safetensors")
    loaded = CondensedVideos.load(tmp_path / "condensed.safetensors")
    assert isinstance(loaded, Tinted)
    torch.testing.assert_close(loaded.render(), plain.render() + 1)
    assert made.content_values == plain.content_values + 3


def test_learned_targets_are_kept_and_counted(tmp_path: Path) -> None:
    plain = make([[0, 5], [0, 2, 5]])
    targets = torch.randn(2, 2, generator=torch.Generator().manual_seed(0))
    made = KeyFrameVideos(**{**plain.__dict__, "targets": targets})
    assert plain.stored_values == 5 * 3 * 4 * 4
    assert made.stored_values == 5 * 3 * 4 * 4 + 4
    assert made.stored_mib == made.stored_values * 4 / 2**20
    made.save(tmp_path / "condensed.safetensors")
    loaded = CondensedVideos.load(tmp_path / "condensed.safetensors")
    assert loaded.targets is not None
    assert torch.equal(loaded.targets, targets)
    assert torch.equal(loaded.labels, plain.labels)
    assert loaded.stored_values == made.stored_values
    assert torch.equal(loaded.render(), plain.render())


def test_soft_labels_are_kept_in_a_byte_each(tmp_path: Path) -> None:
    plain, path = make([[0, 5], [0, 2, 5]]), tmp_path / "condensed.safetensors"
    before = plain.save(path)
    made = replace(plain, soft_labels=torch.tensor([[255, 51], [0, 255]], dtype=torch.uint8))
    assert made.stored_values == plain.stored_values + 4  # as the papers would count them
    assert made.save(path) - before <= 4 + 80  # the name of the tensor and its place
    loaded = CondensedVideos.load(path)
    assert loaded.soft_labels is not None
    assert loaded.soft_labels.tolist() == [[255, 51], [0, 255]]
    first = path.read_bytes()
    assert b'\\"format_version\\":3' in first.replace(b" ", b"")
    loaded.save(path)
    assert path.read_bytes() == first
    for wrong in (torch.zeros(2, 2), torch.ones(2, 3), torch.ones(1, 2)):
        with pytest.raises(VidcondenseError, match=r"soft_labels must be \(2, 2\) values, and one"):
            replace(plain, soft_labels=wrong.to(torch.uint8))
    with pytest.raises(VidcondenseError, match="both targets and soft_labels"):
        replace(made, targets=torch.zeros(2, 2))


def test_soft_labels_are_packed_beside_coded_video(tmp_path: Path) -> None:
    count, path = 40, tmp_path / "condensed.safetensors"
    plain = replace(make([[0, 5]] * count), storage="av1")
    soft = torch.tensor([[255, 17], [0, 255]], dtype=torch.uint8).repeat(count // 2, count // 2)
    before = plain.save(path)
    assert replace(plain, soft_labels=soft).save(path) - before <= count
    loaded = CondensedVideos.load(path)
    assert loaded.soft_labels is not None and loaded.soft_labels.equal(soft)


def test_works_with_a_data_loader() -> None:
    made = make([[0, 5], [0, 2, 5], [0, 1, 2, 3, 4, 5]])
    clips, labels = next(iter(DataLoader(made, batch_size=3)))
    assert clips.shape == (3, 6, 3, 4, 4)
    assert torch.equal(clips, made.render())
    assert labels.tolist() == [0, 1, 2]
    assert made[-1][1] == 2
    with pytest.raises(IndexError):
        made[3]


def test_storage_is_counted_as_the_papers_do() -> None:
    made = make([[0, 5], [0, 2, 5]])
    assert made.stored_mib == 5 * 3 * 4 * 4 * 4 / 2**20
    whole = 50 * 16 * 112 * 112 * 3 * 4 / 2**20
    assert round(whole) == 115  # PRISM Table 2, miniUCF at VPC 1


def test_pixels_undo_normalisation() -> None:
    pixels = torch.randint(0, 256, (2, 3, 4, 4), dtype=torch.uint8)
    normalised = (pixels / 255 - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    made = KeyFrameVideos(
        key_frames=normalised,
        positions=torch.tensor([0, 1]),
        counts=torch.tensor([2]),
        labels=torch.tensor([0]),
        class_names=("a",),
        frames=2,
        mean=MEAN,
        std=STD,
    )
    assert torch.equal(made.pixels()[0], pixels)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"key_frames": torch.zeros(4, 1, 4, 4)}, "key_frames must be"),
        ({"key_frames": torch.zeros(4, 3, 0, 4)}, "key_frames hold no values"),
        ({"frames": 0}, "frames must lie in 1..1024, not 0"),
        ({"learning_rate": 0.0}, "learning_rate must be above 0"),
        ({"positions": torch.tensor([0, 5, 0])}, "do not match"),
        ({"positions": torch.tensor([0, 5, 0, 6])}, "ascend within 0..5"),
        ({"positions": torch.tensor([-1, 5, 0, 5])}, "ascend within 0..5"),
        ({"positions": torch.tensor([5, 0, 0, 5])}, "ascend within 0..5"),
        ({"positions": torch.tensor([0, 5, 3, 3])}, "ascend within 0..5"),
        ({"interpolation": "cubic"}, "one of linear, nearest, smooth, not 'cubic'"),
        ({"segments": (1,)}, "segments must ascend from 0 and stay below 6"),
        ({"segments": ()}, "segments must ascend from 0"),
        ({"segments": (0, 3, 3)}, "segments must ascend from 0"),
        ({"segments": (0, 6)}, "stay below 6"),
        ({"segments": (0, 2, 4)}, r"every segment needs a key frame; .*\[0, 2, 4\] have \[0, 5\]"),
        ({"labels": torch.tensor([0, 7])}, "labels must lie in"),
        ({"key_frames": torch.full((4, 3, 4, 4), float("nan"))}, "not finite"),
        ({"counts": torch.tensor([4])}, "one number per video"),
    ],
)
def test_inconsistent_sets_are_refused(change: dict[str, torch.Tensor], message: str) -> None:
    good = make([[0, 5], [0, 5]])
    with pytest.raises(VidcondenseError, match=message):
        KeyFrameVideos(**{**good.__dict__, **change})


def test_a_set_counts_its_videos_and_says_what_it_holds() -> None:
    made = make([[0, 5], [0, 2, 5], [1]])
    assert (made.videos, len(made), made.vpc, made.key_counts, made.size) == (3, 3, 1, [2, 3, 1], (4, 4))
    assert made.holds == "6 key frames (2.00 per video)"
    assert (made.storage, made.provenance, made.learning_rate) == (
        "float32",
        {"recipe": {"name": "prism"}},
        None,
    )
    twice = KeyFrameVideos(**{**made.__dict__, "labels": torch.tensor([2, 0, 2])})
    assert twice.vpc == 2


def test_frames_need_not_be_square() -> None:
    wide = KeyFrameVideos(**{**make([[0, 5]]).__dict__, "key_frames": torch.zeros(2, 3, 4, 6)})
    assert wide.size == (4, 6)


def test_the_limits_themselves_are_taken() -> None:
    one = make([[0]], frames=1)
    assert one.render().shape == (1, 1, 3, 4, 4)
    assert make([[0]], frames=1024).frames == 1024
    wide = KeyFrameVideos(**{**one.__dict__, "mean": (0.0, 1.0, 0.5), "std": (1.0, 0.001, 1.0)})
    assert wide.mean == (0.0, 1.0, 0.5)
    assert KeyFrameVideos(**{**one.__dict__, "learning_rate": 0.001}).learning_rate == 0.001


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frames": 1025}, "frames must lie in 1..1024, not 1025"),
        ({"learning_rate": float("inf")}, "learning_rate must be above 0 and finite, not inf"),
        ({"learning_rate": float("nan")}, "learning_rate must be above 0 and finite, not nan"),
        ({"targets": torch.zeros(1, 2)}, r"targets must be \(2, 2\) finite values"),
        ({"targets": torch.full((2, 2), float("inf"))}, r"targets must be \(2, 2\) finite values"),
        ({"mean": (-0.1, 0.5, 0.5)}, "mean must lie in"),
        ({"mean": (1.1, 0.5, 0.5)}, "mean must lie in"),
        ({"std": (1.1, 0.5, 0.5)}, "std in"),
        ({"std": (-0.5, 0.5, 0.5)}, "std in"),
        ({"labels": torch.tensor([-1, 0])}, "labels must lie in 0..1$"),
        ({"labels": torch.zeros(2, 1, dtype=torch.int64)}, "one number per video$"),
        ({"labels": torch.zeros(0, dtype=torch.int64)}, "one number per video$"),
        ({"class_names": ("a", "a")}, "two classes have one name$"),
        ({"key_frames": torch.zeros(4, 3, 4, 0)}, "key_frames hold no values$"),
        ({"key_frames": torch.zeros(4, 3, 4)}, "key_frames must be"),
        ({"counts": torch.tensor([0, 4])}, "every video needs at least one key frame$"),
        ({"counts": torch.tensor([2, 3])}, "do not match the number of key frames$"),
        ({"labels": torch.tensor([0])}, "labels and counts must hold one number per video$"),
        ({"key_frames": torch.full((4, 3, 4, 4), float("inf"))}, "values that are not finite$"),
    ],
)
def test_what_is_beyond_them_is_refused(change: dict[str, object], message: str) -> None:
    good = make([[0, 5], [0, 5]])
    with pytest.raises(VidcondenseError, match=f"^not a valid condensed set: .*{message}"):
        KeyFrameVideos(**{**good.__dict__, **change})


def test_colours_out_of_sight_are_cut() -> None:
    values = torch.tensor([-9.0, 9.0, 0.0, 1.0]).view(1, 1, 1, 4).expand(1, 3, 1, 4)
    assert to_pixels(values, (0.0,) * 3, (1.0,) * 3)[0, 0, 0].tolist() == [0, 255, 0, 255]


def test_the_header_is_sorted_and_in_plain_letters(tmp_path: Path) -> None:
    path = tmp_path / "condensed.safetensors"
    made = KeyFrameVideos(**{**make([[0, 5]]).__dict__, "class_names": ("日本",), "learning_rate": 0.5})
    made.save(path)
    with safe_open(path, framework="pt") as file:
        text = file.metadata()["vidcondense"]
    header = json.loads(text)
    assert list(header) == sorted(header)
    assert "日本" in text
    assert header["format_version"] == 1
    assert header["key_frame_bytes"] == 2 * 3 * 4 * 4 * 4  # of two frames of 4x4
    assert {"storage", "interpolation", "segments"}.isdisjoint(header)
    assert header["learning_rate"] == CondensedVideos.load(path).learning_rate == 0.5
    half = KeyFrameVideos(**{**made.__dict__, "storage": "float16", "learning_rate": None})
    half.save(path)
    header = read_header(path)
    assert (header["format_version"], header["storage"], "learning_rate" in header) == (2, "float16", False)
    save_file({"x": torch.zeros(1)}, path, metadata={"vidcondense": "[1]"})
    with pytest.raises(VidcondenseError, match="Expected `object`, got `array`"):
        CondensedVideos.load(path)


def test_a_header_may_say_that_frames_are_float32(tmp_path: Path) -> None:
    path = tmp_path / "condensed.safetensors"
    make([[0, 5]]).save(path)
    tensors, header = load_file(path), read_header(path)
    save_file(tensors, path, metadata={"vidcondense": json.dumps(header | {"storage": "float32"})})
    assert CondensedVideos.load(path).storage == "float32"
    save_file(tensors, path, metadata={"vidcondense": json.dumps(header | {"storage": "int4"})})
    with pytest.raises(VidcondenseError, match=r"'int4' - at `\$\.storage`"):
        CondensedVideos.load(path)


def test_files_that_are_not_ours_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "condensed.safetensors"
    with pytest.raises(VidcondenseError, match="no condensed file at"):
        CondensedVideos.load(path)
    make([[0, 5]]).save(path)
    whole = path.read_bytes()
    for length in (0, 5, 100, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(VidcondenseError, match="cut short or not ours"):
            CondensedVideos.load(path)
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(VidcondenseError, match="not one that vidcondense wrote"):
        CondensedVideos.load(path)
    save_file({"x": torch.zeros(1)}, path, metadata={"vidcondense": '{"format_version": 99}'})
    with pytest.raises(VidcondenseError, match="it has format 99"):
        CondensedVideos.load(path)
    save_file({"x": torch.zeros(1)}, path, metadata={"vidcondense": '{"format_version": 1}'})
    with pytest.raises(VidcondenseError, match="missing required field `class_names`"):
        CondensedVideos.load(path)


@pytest.mark.parametrize(("version", "storage", "error"), [(1, "float32", 0), (2, "uint8", 0.02)])
def test_files_of_every_format_version_open(version: int, storage: str, error: float) -> None:
    """As the first program that had the version wrote them."""
    made = CondensedVideos.load(Path(__file__).parents[1] / "files" / f"condensed-{version}.safetensors")
    assert isinstance(made, KeyFrameVideos)
    assert (made.storage, made.class_names, made.frames) == (storage, ("walk", "wave"), 4)
    assert made.key_positions() == [[0, 3], [0, 1, 3]]
    assert made.provenance == {"recipe": {"name": "prism"}, "seed": 0}
    written = torch.randn(5, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(made.key_frames, written, rtol=0, atol=error)


def test_a_newer_format_names_the_version_that_it_needs(tmp_path: Path) -> None:
    path = tmp_path / "condensed.safetensors"
    plain = make([[0, 5]])
    plain.save(path)
    tensors, header = load_file(path), read_header(path) | {"format_version": 5}
    for versions, wrote, needed in (({}, "", ""), ({"vidcondense": "7.1"}, " '7.1'", " to that")):
        header["provenance"] = {"versions": versions}
        save_file(tensors, path, metadata={"vidcondense": json.dumps(header)})
        said = f"it has format 5, written by a newer vidcondense{wrote}; .* upgrade vidcondense{needed}$"
        with pytest.raises(VidcondenseError, match=said):
            CondensedVideos.load(path)


def test_names_that_are_no_text_are_kept(tmp_path: Path) -> None:
    """A folder's name in another encoding gives halves of surrogate pairs, which UTF-8 has no place for."""
    made = KeyFrameVideos(**{**make([[0, 5]]).__dict__, "class_names": ("caf\udce9",)})
    made.save(tmp_path / "condensed.safetensors")
    assert CondensedVideos.load(tmp_path / "condensed.safetensors").class_names == ("caf\udce9",)


@pytest.mark.parametrize(
    ("tensor", "value", "message"),
    [
        ("key_frames", torch.zeros(2, 3, 4, 4, dtype=torch.float16), "'key_frames' is torch.float16"),
        ("positions", torch.tensor([0.0, 5.0]), "'positions' is torch.float32"),
        ("labels", torch.tensor([0], dtype=torch.int32), "'labels' is torch.int32"),
        ("key_frames", torch.zeros(2, 4, 4, 3), "key_frames must be"),
        ("counts", torch.tensor([3]), "do not match"),
        ("counts", torch.zeros(0, dtype=torch.int64), "one number per video"),
        ("labels", torch.tensor([1]), "labels must lie in 0..0"),
        ("positions", torch.tensor([0, 7]), "ascend within 0..5"),
    ],
)
def test_files_with_wrong_tensors_are_refused(
    tensor: str, value: torch.Tensor, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "condensed.safetensors"
    make([[0, 5]]).save(path)
    tensors, header = load_file(path), read_header(path)
    save_file({**tensors, tensor: value}, path, metadata={"vidcondense": json.dumps(header)})
    with pytest.raises(VidcondenseError, match=f"{path}: .*{message}"):
        CondensedVideos.load(path)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("mean", [0.5, 0.5], r"length 3, got 2 - at `\$\.mean`"),
        ("std", [1, 1, float("nan")], r"Expected `float`, .* - at `\$\.std\[2\]`"),
        ("std", [1, 1, 0], r"std in \(0, 1\]"),
        ("mean", [0.5, 0.5, 256.0], r"mean must lie in \[0, 1\]"),
        ("std", 1, r"`\$\.std`"),
        ("class_names", [7], r"Expected `str`, got `int` - at `\$\.class_names\[0\]`"),
        ("class_names", "a", r"`\$\.class_names`"),
        ("class_names", ["a", "a"], "two classes have one name"),
        ("provenance", "unknown", r"`\$\.provenance`"),
        ("frames", "many", r"Expected `int`, got `str` - at `\$\.frames`"),
        ("frames", 10**9, r"frames must lie in 1..1024, not 1000000000"),
        ("frames", float("inf"), r"Expected `int`, .* at `\$\.frames`"),
        ("representation", ["key_frames"], r"`\$\.representation`"),
        ("format_version", 0, "there is no format version 0"),
        ("format_version", True, r"Expected `int`, got `bool` - at `\$\.format_version`"),
        ("learning_rate", "1", r"Expected `float.* at `\$\.learning_rate`"),
        ("interpolation", "cubic", "one of linear, nearest, smooth"),
        ("interpolation", ["linear"], "one of linear, nearest, smooth"),
        ("segments", 2, "damaged header"),
        ("segments", [0, "3"], "segments must ascend"),
        ("segments", [0, 2.5], "segments must ascend"),
    ],
)
def test_files_with_wrong_headers_are_refused(
    field: str, value: object, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "condensed.safetensors"
    make([[0, 5]]).save(path)
    tensors, header = load_file(path), read_header(path)
    save_file(tensors, path, metadata={"vidcondense": json.dumps({**header, field: value})})
    with pytest.raises(VidcondenseError, match=message):
        CondensedVideos.load(path)


def read_header(path: Path) -> dict[str, object]:
    with safe_open(path, framework="pt") as file:
        return dict(json.loads(file.metadata()["vidcondense"]))


def test_a_target_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(VidcondenseError, match="cannot write"):
        make([[0, 5]]).save(tmp_path / "missing" / "condensed.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_no_more_open_files_is_one_line(tmp_path: Path) -> None:
    """Which safetensors calls a missing file, and PyTorch a RuntimeError."""
    path = tmp_path / "condensed.safetensors"
    make([[0, 3]]).save(path)
    limits, free = resource.getrlimit(resource.RLIMIT_NOFILE), os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, limits[1]))
    try:
        with pytest.raises(VidcondenseError, match=f"{path}.*Too many open files"):
            CondensedVideos.load(path)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    CondensedVideos.load(path)

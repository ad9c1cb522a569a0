"""Frames as streams: what comes back, that nothing is coded twice, and what is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from vidcondense import CondensedVideos
from vidcondense.base.errors import VidcondenseError
from vidcondense.condensed import DisplacedVideos, KeyFrameVideos, StaticDynamicVideos, merge
from vidcondense.condensed.coding.streams import decode, encode

SIZE = 32
ABOUT: dict[str, Any] = {"mean": (0.5, 0.4, 0.3), "std": (0.2, 0.25, 0.3), "storage": "av1"}
UNITS = (torch.tensor([0.5, 0.4, 0.3])[:, None, None], torch.tensor([0.2, 0.25, 0.3])[:, None, None])


def _frames(count: int, seed: int = 0) -> Tensor:
    """Smooth pictures, normalised, of which some values lie beyond what can be seen."""
    coarse = torch.randn(count, 3, 4, 4, generator=torch.Generator().manual_seed(seed))
    return 2 * torch.nn.functional.interpolate(coarse, SIZE, mode="bicubic", antialias=True)


def _set(**changes: object) -> KeyFrameVideos:
    values: dict[str, object] = {
        "key_frames": _frames(5),
        "positions": torch.tensor([0, 3, 1, 0, 2]),
        "counts": torch.tensor([2, 1, 2]),
        "labels": torch.tensor([0, 1, 1]),
        "class_names": ("a", "b"),
        "frames": 4,
        "quality": 20,
        **ABOUT,
    }
    return KeyFrameVideos(**{**values, **changes})  # type: ignore[arg-type]


def test_values_come_back_within_the_loss_of_coding() -> None:
    values = _frames(5)
    errors = []
    for quality in (5, 30, 60):
        coded = encode(values, [2, 1, 2], UNITS, [quality] * 3, {})
        assert (coded.frames.tolist(), int(coded.lengths.sum())) == ([2, 1, 2], len(coded.stream))
        back, known = decode(coded, values.shape, UNITS)
        assert (back.shape, back.dtype, len(known)) == (values.shape, torch.float32, 3)
        errors.append((back - values).square().mean().item())
    assert errors[0] < errors[1] < errors[2]
    assert errors[0] < 0.01 * values.var().item()


def test_a_range_beyond_what_can_be_seen_is_kept() -> None:
    values = (torch.linspace(-1, 3, SIZE).expand(1, 3, SIZE, SIZE) - UNITS[0]) / UNITS[1]
    coded = encode(values, [1], UNITS, [5], {})
    assert coded.ranges.tolist() == [[-1, 3]]
    back, _ = decode(coded, values.shape, UNITS)
    shown = back * UNITS[1] + UNITS[0]
    assert shown.min() < -0.9 and shown.max() > 2.9


def test_what_was_read_is_written_again_byte_by_byte(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    _set().save(first)
    read = CondensedVideos.load(first)
    assert read.storage == "av1" and read.quality == 20
    read.save(second)
    assert first.read_bytes() == second.read_bytes()


def test_streams_are_kept_when_sets_are_cut_and_merged(tmp_path: Path) -> None:
    _set().save(tmp_path / "all")
    read = CondensedVideos.load(tmp_path / "all")
    merge([read.select(["b"]), read.select(["a"])], ["a", "b"]).save(tmp_path / "again")
    before, after = (load_file(tmp_path / name) for name in ("all", "again"))
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_only_videos_that_changed_are_coded_anew(tmp_path: Path) -> None:
    _set().save(tmp_path / "all")
    read = CondensedVideos.load(tmp_path / "all")
    assert isinstance(read, KeyFrameVideos)
    key_frames = read.key_frames.clone()
    key_frames[2] += 0.5  # of the second video
    _set(key_frames=key_frames, known=read.known).save(tmp_path / "changed")
    again = CondensedVideos.load(tmp_path / "changed")
    assert isinstance(again, KeyFrameVideos)
    same = [torch.equal(*pair) for pair in zip(again.key_frames, read.key_frames, strict=True)]
    assert same == [True, True, False, True, True]


def test_files_take_next_to_nothing_beside_their_streams(tmp_path: Path) -> None:
    size = _set().save(tmp_path / "file")
    with safe_open(tmp_path / "file", framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        header = sum(len(text) for text in file.metadata().values())
    assert tensors["labels"].dtype == tensors["counts"].dtype == torch.uint8
    numbers = sum(value.nbytes for name, value in tensors.items() if name != "key_frames")
    assert numbers <= 3 * 16
    assert size <= len(tensors["key_frames"]) + numbers + 2 * header + 1000


def test_memories_are_coded_too(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    memories = StaticDynamicVideos(
        static=_frames(2),
        dynamic=_frames(8).view(2, 12, 1, SIZE, SIZE)[:, :4].contiguous(),
        weight=torch.randn(3, 4, 3, 3, 3, generator=generator),
        bias=torch.randn(3, generator=generator),
        labels=torch.zeros(4, dtype=torch.int64),
        class_names=("a",),
        frames=4,
        quality=10,
        **ABOUT,
    )
    memories.save(tmp_path / "file")
    back = CondensedVideos.load(tmp_path / "file")
    assert isinstance(back, StaticDynamicVideos)
    assert torch.equal(back.weight, memories.weight)
    for one, other in ((back.static, memories.static), (back.dynamic, memories.dynamic)):
        assert one.shape == other.shape
        assert (one - other).square().mean() < 0.02 * other.var()


def test_small_frames_come_back_and_are_not_coded_twice(tmp_path: Path) -> None:
    time = torch.arange(7.0)[:, None, None, None]
    fields = (0.01 * time * torch.randn(2, 4, 4, generator=torch.Generator().manual_seed(0))).repeat(
        2, 1, 1, 1
    )
    made = DisplacedVideos(
        key_frames=_frames(2),
        positions=torch.tensor([0, 0]),
        counts=torch.tensor([1, 1]),
        fields=fields,
        labels=torch.tensor([0, 1]),
        class_names=("a", "b"),
        frames=8,
        quality=20,
        **ABOUT,
    )
    made.save(tmp_path / "first")
    read = CondensedVideos.load(tmp_path / "first")
    assert isinstance(read, DisplacedVideos)
    assert (read.fields - fields).square().mean() < 0.01 * fields.square().mean()
    read.save(tmp_path / "second")
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
    header = load_file(tmp_path / "first")
    assert len(header["fields"]) < fields.numel()


def _cut(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return tensors | {"key_frames": tensors["key_frames"][:-1]}


def _more(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return tensors | {"key_frames_frames": tensors["key_frames_frames"] + 1}


def _noise(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return tensors | {"key_frames": torch.zeros_like(tensors["key_frames"])}


def _unbounded(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return tensors | {"key_frames_ranges": torch.full_like(tensors["key_frames_ranges"], torch.inf)}


def _fewer(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value for name, value in tensors.items() if name != "key_frames_lengths"}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_cut, "bytes, and have"),
        (_more, "frames, not"),
        (_noise, "stream"),
        (_unbounded, "not finite"),
        (_fewer, "missing a tensor"),
    ],
)
def test_damaged_files_are_refused(
    spoil: Callable[[dict[str, Tensor]], dict[str, Tensor]], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    _set().save(path)
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    save_file(spoil(load_file(path)), path, metadata=metadata)
    with pytest.raises(VidcondenseError, match=message) as refused:
        CondensedVideos.load(path)
    assert str(path) in str(refused.value)

"""Frames as streams: what comes back, that nothing is coded twice, and what is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from vidcondense import CondensedVideos
from vidcondense.base.errors import VidcondenseError
from vidcondense.condensed import DisplacedVideos, KeyFrameVideos, StaticDynamicVideos, merge, storage
from vidcondense.condensed.coding import av1
from vidcondense.condensed.coding.packing import pack
from vidcondense.condensed.coding.streams import decode, encode
from vidcondense.condensed.storage import unpacked

FILES = Path(__file__).parents[2] / "files"
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
        coded = encode(values, [2, 1, 2], UNITS, quality, {})
        assert (coded.frames.tolist(), int(coded.lengths.sum())) == ([2, 1, 2], len(coded.data))
        assert (coded.videos.tolist(), coded.places.tolist()) == ([1, 2], [1, 0, 2])
        back, known = decode(coded, values.shape, UNITS)
        assert (back.shape, back.dtype, len(known)) == (values.shape, torch.float32, 3)
        errors.append((back - values).square().mean().item())
    assert errors[0] < errors[1] < errors[2]
    assert errors[0] < 0.01 * values.var().item()


def test_a_range_beyond_what_can_be_seen_is_kept() -> None:
    values = (torch.linspace(-1, 3, SIZE).expand(1, 3, SIZE, SIZE) - UNITS[0]) / UNITS[1]
    coded = encode(values, [1], UNITS, 5, {})
    assert coded.ranges.tolist() == [[-1, 3]]
    back, _ = decode(coded, values.shape, UNITS)
    shown = back * UNITS[1] + UNITS[0]
    assert shown.min() < -0.9 and shown.max() > 2.9


def test_videos_of_equally_many_frames_share_a_stream_and_take_fewer_bytes() -> None:
    values = _frames(2 * 37)
    together = encode(values, [2] * 37, UNITS, 20, {})
    assert together.videos.tolist() == [16, 16, 5] and together.places.tolist() == list(range(37))
    apart = [encode(video, [2], UNITS, 40, {}) for video in values.split(2)]
    assert len(together.data) < 0.8 * sum(len(one.data) for one in apart)
    back, _ = decode(together, values.shape, UNITS)
    alone = torch.cat([decode(one, (2, 3, SIZE, SIZE), UNITS)[0] for one in apart])
    assert (back - values).square().mean() < (alone - values).square().mean()


def test_colours_of_neighbours_do_not_mix() -> None:
    values = torch.tensor([[1.0, 0, 0], [0, 0, 1]])[:, :, None, None].expand(-1, -1, SIZE, SIZE)
    values = (values - UNITS[0]) / UNITS[1]
    coded = encode(values, [1, 1], UNITS, 1, {})
    assert coded.videos.tolist() == [2]
    back, _ = decode(coded, values.shape, UNITS)
    assert (back - values).abs().max() < 0.2


def test_videos_of_other_lengths_share_no_stream() -> None:
    coded = encode(_frames(4), [1, 1, 2], UNITS, 30, {})
    assert coded.videos.tolist() == [2, 1]
    mixed = coded._replace(places=torch.tensor([0, 2, 1]))
    with pytest.raises(VidcondenseError, match=r"videos of \[1, 2\] frames are said to share a stream"):
        decode(mixed, (4, 3, SIZE, SIZE), UNITS)
    unused = coded._replace(places=torch.tensor([0, 1, 1]))
    with pytest.raises(VidcondenseError, match=r"videos of \[1, 2\] frames are said to share a stream"):
        decode(unused, (4, 3, SIZE, SIZE), UNITS)


def test_finer_streams_are_the_first_and_one_step_better() -> None:
    values = _frames(33)
    coarse, fine, mixed = (
        encode(values, [1] * 33, UNITS, quality, {}, finer)
        for quality, finer in ((40, 0), (39.75, 0), (40, 2))
    )
    assert mixed.lengths.tolist() == [*fine.lengths.tolist()[:2], *coarse.lengths.tolist()[2:]]
    assert mixed.lengths.tolist() != coarse.lengths.tolist()


def test_equal_streams_are_as_many_at_each_quality() -> None:
    """Else the bytes of two qualities could not be compared stream by stream (`filling.filled`)."""
    values = _frames(1).repeat(40, 1, 1, 1)
    coded = encode(values, [1] * 40, UNITS, 40, {})
    assert coded.videos.tolist() == [16, 16, 8] and coded.places.tolist() == list(range(40))
    back, known = decode(coded, values.shape, UNITS)
    again, _ = decode(encode(back, [1] * 40, UNITS, 40, known), values.shape, UNITS)
    assert torch.equal(again, back)


def test_a_video_that_was_read_keeps_its_stream_whatever_is_left_of_the_others() -> None:
    values = _frames(6)
    coded = encode(values, [2, 2, 2], UNITS, 30, {})
    assert coded.videos.tolist() == [3]
    back, known = decode(coded, values.shape, UNITS)
    last = encode(torch.cat([back[4:], _frames(2, seed=1)]), [2, 2], UNITS, 30, known)
    assert (last.videos.tolist(), last.places.tolist()) == ([3, 1], [2, 3])
    assert torch.equal(last.data[: int(last.lengths[0])], coded.data)
    again, _ = decode(last, (4, 3, SIZE, SIZE), UNITS)
    assert torch.equal(again[:2], back[4:])


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
    numbers = unpacked(tensors)
    assert numbers["labels"].dtype == numbers["counts"].dtype == torch.uint8
    assert tensors.keys() == {"key_frames", "numbers"}
    assert len(tensors["numbers"]) <= 220
    assert size <= len(tensors["key_frames"]) + len(tensors["numbers"]) + 2 * header + 300


def test_a_video_more_takes_few_bytes_beside_its_stream(tmp_path: Path) -> None:
    """Nothing but its length, since all else of it is like that of the others."""

    def beside(videos: int) -> int:
        labels, times = torch.zeros(videos, dtype=torch.int64), torch.tensor([0, 3])
        size = _set(
            key_frames=_frames(2).repeat(videos, 1, 1, 1),
            positions=times.repeat(videos),
            counts=torch.full((videos,), 2),
            labels=labels,
        ).save(tmp_path / "file")
        return size - len(load_file(tmp_path / "file")["key_frames"])

    assert beside(200) - beside(100) <= 100


def test_streams_share_one_sequence_header(tmp_path: Path) -> None:
    count = 2 * 16 + 1
    _set(
        key_frames=_frames(2 * count),
        positions=torch.tensor([0, 2] * count),
        counts=torch.full((count,), 2),
        labels=torch.zeros(count, dtype=torch.int64),
    ).save(tmp_path / "file")
    tensors = unpacked(load_file(tmp_path / "file"))
    data, lengths = tensors["key_frames"], tensors["key_frames_lengths"].tolist()
    headers = [av1.parts(part.numpy().tobytes())[0] for part in data.split(lengths)]
    assert [bool(header) for header in headers] == [True, False, True], "one for each size of picture"
    reader = av.VideoCodecContext.create("libdav1d", "r")
    assert isinstance(reader, av.VideoCodecContext)
    packets = (av.Packet(data.numpy().tobytes()), None)
    shown = [frame for packet in packets for frame in reader.decode(packet)]
    assert [(frame.height, frame.width) for frame in shown] == [(128, 128)] * 4 + [(32, 32)] * 2


def test_each_video_has_its_stream_where_that_is_wanted(tmp_path: Path) -> None:
    sizes = [_set(tiles=tiles).save(tmp_path / str(tiles)) for tiles in (16, 2, 1)]
    videos = [
        unpacked(load_file(tmp_path / str(tiles)))["key_frames_videos"].tolist() for tiles in (16, 2, 1)
    ]
    assert videos == [[1, 2], [1, 2], [1, 1, 1]]
    assert sizes[0] == sizes[1] < sizes[2]
    with pytest.raises(VidcondenseError, match=r"tiles must lie in 1\.\.16, not 17"):
        _set(tiles=17)


def test_files_of_the_version_before_are_read(tmp_path: Path) -> None:
    """As the first program wrote them: a stream for each video, and soft labels beside the packed numbers."""
    read = CondensedVideos.load(FILES / "condensed-3.safetensors")
    expected = _set(class_names=("walk", "wave"))
    assert isinstance(read, KeyFrameVideos) and read.class_names == ("walk", "wave")
    assert read.soft_labels is not None and read.soft_labels.tolist() == [[255, 51], [0, 255], [10, 255]]
    assert (read.key_frames - expected.key_frames).square().mean() < 0.02 * expected.key_frames.var()
    read.save(tmp_path / "again")
    again = CondensedVideos.load(tmp_path / "again")
    assert torch.equal(again.render(), read.render())
    before, after = (
        unpacked(load_file(path)) for path in (FILES / "condensed-3.safetensors", tmp_path / "again")
    )
    assert before["key_frames_lengths"].sum() == after["key_frames_lengths"].sum()


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


def _outside(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return tensors | {"key_frames_places": torch.tensor([0, 9, 1])}


def _crowded(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return tensors | {"key_frames_videos": torch.tensor([1, 17])}


def _unbounded(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return tensors | {"key_frames_ranges": torch.full_like(tensors["key_frames_ranges"], torch.inf)}


def _fewer(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value for name, value in tensors.items() if name != "key_frames_lengths"}


def test_packed_numbers_of_strangers_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    _set().save(path)
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    for numbers, message in (
        (tensors["numbers"][:-9], "cannot be"),
        (torch.zeros_like(tensors["numbers"]), "cannot be"),
        (torch.frombuffer(bytearray(pack(b"{}")), dtype=torch.uint8), "cannot be read"),
    ):
        save_file({**tensors, "numbers": numbers}, path, metadata=metadata)
        with pytest.raises(VidcondenseError, match=message):
            CondensedVideos.load(path)
    save_file(tensors, path, metadata=metadata)
    monkeypatch.setattr(storage, "MOST_NUMBERS", 100)
    with pytest.raises(VidcondenseError, match="packed numbers have more than 100 bytes"):
        CondensedVideos.load(path)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_cut, "bytes, and have"),
        (_more, "frames, not"),
        (_noise, "stream"),
        (_unbounded, "not finite"),
        (_outside, "each of its 3 videos needs a place among the 3 of its streams"),
        (_crowded, "a stream holds 1 to 16 videos side by side"),
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
    save_file(spoil(unpacked(load_file(path))), path, metadata=metadata)
    with pytest.raises(VidcondenseError, match=message) as refused:
        CondensedVideos.load(path)
    assert str(path) in str(refused.value)

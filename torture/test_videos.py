"""Videos from strangers: the corpus, files cut and mutated, and the right frames by FFmpeg's commands."""

import json
import os
import random
import shutil
import socket
import subprocess
import tarfile
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import corpus
from vidcondense.data import decode, framing, tars
from vidcondense.data.isolation import Worker
from vidcondense.data.prepare import prepare
from vidcondense.data.shards import ShardTask
from vidcondense.data.workers import decode_shard

SIZE = 32
MUTATED = 360  # of each of the 28 kinds: 10,080
SETTINGS = {"frames": 4, "stride": 2, "size": SIZE, "workers": 2, "progress": False}


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sound part of the corpus."""
    folder = tmp_path_factory.mktemp("corpus")
    for name in corpus.KINDS:
        corpus.kind(folder, name, (128, 96))
    for name, (make, _) in corpus.UNUSUAL.items():
        make(folder / name)
    return folder


# -- all of it, in one dataset


NAMES = [b"new\nline.mp4", b"\"quotes'.mp4", "\U0001f600.mp4".encode(), b"not-\xff\xfe-text.mp4", b"a:b.mp4"]
NAMES += [b"http:x.mp4", b"%03d.mp4", b"-option.mp4", b" .mp4", b"$(touch x).mp4", b"\x1b[2Jwiped.mp4"]
NAMES += ["‮reversed.mp4".encode(), b"x" * 251 + b".mp4"]


def test_a_folder_from_strangers_gives_what_is_sound_and_lists_the_rest(
    videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    good, source = videos / "h264.mp4", tmp_path / "source"
    for part in ("train/a", "train/b", "test/a", "test/b"):
        (source / part).mkdir(parents=True)
        shutil.copy(good, source / part / "good.mp4")
    folder = source / "train" / "a"
    for video in videos.iterdir():
        shutil.copy(video, folder)
    for name in NAMES:
        shutil.copy(good, os.fsencode(folder) + b"/" + name)
    expected = {}
    for name, (make, reason) in corpus.UNUSABLE.items():
        make(folder / name)
        expected[name] = reason
    expected |= outsiders(folder, tmp_path)

    monkeypatch.chdir(source)  # where a name could be taken for an option or an address
    store = prepare(Path(), tmp_path / "store", **{**SETTINGS, "progress": True})
    skipped = {Path(entry["path"]).name: entry["reason"] for entry in store.skipped}
    assert set(skipped) == set(expected)
    for name, reason in expected.items():
        assert any(part in skipped[name] for part in reason.split("|")), (name, skipped[name])
    assert {os.fsencode(Path(path).name) for path in store.paths} >= set(NAMES)
    assert store.videos == 4 + len(corpus.KINDS) + len(corpus.UNUSUAL) + len(NAMES) + 1
    printed = capsys.readouterr().err
    assert all(char == "\n" or char.isprintable() for char in printed)


def outsiders(folder: Path, elsewhere: Path) -> dict[str, str]:
    """Links, pipes, sockets and devices, with what is to be said of each; and one link that is sound."""
    private = shutil.copy(folder / "good.mp4", elsewhere / "private.mp4")
    leads = "a link that leads out of the folder"
    (folder / "inside.mp4").symlink_to("good.mp4")
    (folder / "outside.mp4").symlink_to(private)
    (folder / "endless.mp4").symlink_to("/dev/zero")
    (folder / "to-nowhere.mp4").symlink_to("nowhere.mp4")
    (folder / "to-itself.mp4").symlink_to("to-itself.mp4")
    (folder.parent / "back").symlink_to("..")
    os.mkfifo(folder / "pipe.mp4")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(folder)  # a socket's path has at most 107 bytes
        server.bind("socket.mp4")
        os.chdir(here)
    device = "a pipe, a socket or a device"
    return {
        "outside.mp4": leads,
        "endless.mp4": leads,
        "to-nowhere.mp4": "no such file",
        "to-itself.mp4": "Too many levels of symbolic links|no such file",
        "pipe.mp4": device,
        "socket.mp4": device,
    }


# -- cut and mutated


def boxes(data: bytes, begin: int, end: int) -> Iterator[int]:
    """Where the boxes of an MP4 file begin and end, inner ones too (ISO/IEC 14496-12, 4.2)."""
    while begin + 8 <= end:
        size, name = int.from_bytes(data[begin : begin + 4]), data[begin + 4 : begin + 8]
        yield from (begin, begin + 8, begin + size)
        if name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"dinf", b"udta"):
            yield from boxes(data, begin + 8, begin + size)
        begin += max(8, size)


def chunks(data: bytes, begin: int, end: int) -> Iterator[int]:
    """The same for the chunks of an AVI."""
    while begin + 8 <= end:
        size = int.from_bytes(data[begin + 4 : begin + 8], "little")
        yield from (begin, begin + 8, begin + 8 + size)
        if data[begin : begin + 4] in (b"RIFF", b"LIST"):
            yield from chunks(data, begin + 12, min(end, begin + 8 + size))
        begin += 8 + size + size % 2


def elements(data: bytes, begin: int, end: int) -> Iterator[int]:
    """The same for the elements of a Matroska file (RFC 8794)."""
    while begin < end and data[begin]:
        name = data[begin : begin + 9 - data[begin].bit_length()]
        at = begin + len(name)
        length = 9 - data[at].bit_length()
        size = int.from_bytes(data[at : at + length]) & ((1 << 7 * length) - 1)
        at += length
        yield from (begin, at, at + size)
        if name.hex() in ("18538067", "1549a966", "1654ae6b", "ae", "e0", "1f43b675", "a0", "1c53bb6b"):
            yield from elements(data, at, min(end, at + size))
        begin = at + size


@pytest.mark.parametrize(
    ("name", "parts"),
    [("h264.mp4", boxes), ("moov-first.mp4", boxes), ("mpeg4.avi", chunks), ("h264.mkv", elements)],
)
def test_files_cut_at_every_boundary(tmp_path: Path, name: str, parts: object) -> None:
    if name == "moov-first.mp4":
        whole = corpus.encode(tmp_path / name, container_options={"movflags": "faststart"})
    else:
        whole = corpus.kind(tmp_path, name)
    data = whole.read_bytes()
    ends = sorted({at + by for at in parts(data, 0, len(data)) for by in (-1, 0, 1)} & set(range(len(data))))  # type: ignore[operator]
    assert len(ends) > 60
    cut = [tmp_path / f"{end:06d}{whole.suffix}" for end in ends]
    for path, end in zip(cut, ends, strict=True):
        path.write_bytes(data[:end])
    records = through_a_worker(tmp_path, cut)
    assert all("decoder" not in record.skipped and "limit" not in record.skipped for record in records)
    # What counts as whole has all but a tenth of the frames; of 6, that is all.
    assert all(record.frames in (0, corpus.FRAMES) for record in records)
    assert sum(bool(record.skipped) for record in records) > len(records) / 2


def through_a_worker(folder: Path, paths: list[Path], worker: Worker | None = None) -> list:
    """What becomes of files in `prepare`."""
    own = worker or Worker()
    task = ShardTask(0, folder, folder, tuple(path.name for path in paths), SIZE, "key")
    try:
        return decode_shard(task, own)
    finally:
        for left in folder.glob(".frames-*"):
            left.unlink()
        if worker is None:
            own.stop()


def mutate(data: bytes, rng: random.Random) -> bytes:
    """One to eight changes: bits, bytes, numbers that are extreme, parts cut, moved, doubled or blanked."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 8))):
        # Half of them in the first part, where headers are.
        at = rng.randrange(len(changed) if rng.random() < 0.5 else min(len(changed), 600))
        length = rng.randrange(1, 64)
        match rng.randrange(8):
            case 0:
                changed[at] ^= 1 << rng.randrange(8)
            case 1:
                changed[at] = rng.randrange(256)
            case 2:
                extreme = rng.choice((b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\xff\xff"))
                changed[at : at + 4] = extreme
            case 3:
                changed[at : at + 4] = rng.randbytes(4)
            case 4:
                del changed[at : at + length]
            case 5:
                changed[at:at] = changed[at : at + length]
            case 6:
                changed[at : at + length] = bytes(length)
            case _:
                del changed[max(1, at) :]
        if not changed:
            changed = bytearray(b"\0")
    return bytes(changed)


@pytest.mark.parametrize("name", corpus.KINDS)
def test_mutated_files_cost_at_most_themselves(tmp_path: Path, name: str) -> None:
    data, rng = corpus.kind(tmp_path, name).read_bytes(), random.Random(name)
    worker, before = Worker(seconds=20), state(os.getpid())
    reasons: Counter[str] = Counter()
    sizes = []
    try:
        for _ in range(6):
            paths = [tmp_path / f"{number:03d}{Path(name).suffix}" for number in range(MUTATED // 6)]
            for path in paths:
                path.write_bytes(mutate(data, rng))
            records = through_a_worker(tmp_path, paths, worker)
            assert [record.path for record in records] == [path.name for path in paths]
            reasons.update(record.skipped.split(" (")[0].split(" after ")[0] for record in records)
            assert worker._process
            sizes.append((worker._process.pid, *state(worker._process.pid)))
    finally:
        worker.stop()
    print(name, dict(reasons), sizes)
    assert reasons[""] > 0, "no mutated file is still sound: nothing but headers is tested"
    assert not [reason for reason in reasons if "decoder" in reason or "limit" in reason], reasons
    assert len({pid for pid, _, _ in sizes}) == 1
    assert sizes[-1][2] == sizes[0][2], "file handles of the worker"
    assert sizes[-1][1] - sizes[1][1] < 48 << 20, f"memory of the worker: {sizes}"
    after = state(os.getpid())
    assert after[1] == before[1]
    assert after[0] - before[0] < 48 << 20


def state(pid: int) -> tuple[int, int]:
    """(bytes of memory, file handles) of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096, len(list(Path(f"/proc/{pid}/fd").iterdir()))


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_mutated_pictures(tmp_path: Path, suffix: str) -> None:
    from PIL import Image

    rng = random.Random(suffix)
    picture = tmp_path / f"1{suffix}"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)).save(picture)
    data, folders = picture.read_bytes(), [tmp_path / f"v{number:03d}" for number in range(MUTATED)]
    for folder in folders:
        folder.mkdir()
        (folder / f"1{suffix}").write_bytes(data)
        (folder / f"2{suffix}").write_bytes(mutate(data, rng))
    records = through_a_worker(tmp_path, folders)
    assert all(record.skipped or record.frames == 2 for record in records)
    assert all("decoder" not in record.skipped and "limit" not in record.skipped for record in records)


def test_mutated_tar_files(tmp_path: Path) -> None:
    video = corpus.kind(tmp_path, "h264.mp4")
    whole = tmp_path / "whole.tar"
    with tarfile.open(whole, "w") as archive:
        for number in range(3):
            archive.add(video, f"{'long' * 30}/{number}.mp4")
    data, rng = whole.read_bytes(), random.Random(0)
    found = 0
    for number in range(MUTATED * 3):
        path = tmp_path / f"{number}.tar"
        path.write_bytes(mutate(data, rng))
        for name, member in tars.read_contents(path).members.items():
            found += 1
            assert 0 <= member.offset <= member.offset + member.size <= path.stat().st_size, name
        path.unlink()
    assert found > MUTATED


# -- the right frames

needs_ffmpeg = pytest.mark.skipif(
    not (shutil.which("ffmpeg") and shutil.which("ffprobe")),
    reason="the commands ffmpeg and ffprobe are not here",
)
# Raw pictures without a header have no times; others that the commands of FFmpeg 5 do not read alike.
COMPARED = sorted({*corpus.KINDS, *corpus.UNUSUAL})


@needs_ffmpeg
@pytest.mark.parametrize("name", COMPARED)
@pytest.mark.parametrize("size", [64])
def test_frames_are_those_of_ffmpegs_command(videos: Path, name: str, size: int) -> None:
    width, height = framing.scaled_shape(size, "squeeze", Fraction(1))
    command = ["ffmpeg", "-v", "error", "-threads", "1", "-i", f"file:{videos / name}", "-an"]
    command += ["-vf", f"scale={width}:{height}:flags=bilinear", "-vsync", "passthrough"]
    output = subprocess.run(
        [*command, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], capture_output=True, check=True
    )
    theirs = np.frombuffer(output.stdout, np.uint8).reshape(-1, height, width, 3)
    top, left = (height - size) // 2, (width - size) // 2
    theirs = theirs[:, top : top + size, left : left + size].astype(int)
    ours = np.stack(list(decode.decode_frames(videos / name, size))).astype(int)
    assert ours.shape == theirs.shape
    difference = np.abs(ours - theirs)
    print(name, "largest", difference.max(), "mean", round(difference.mean(), 3))
    # libswscale 9 puts chroma where the stream says it is, the command in the middle: half a pixel aside.
    assert difference.mean() < 1.5
    assert difference.max() <= 12


@needs_ffmpeg
@pytest.mark.parametrize(
    "name", ["uneven.mkv", "uneven.mp4", "late.mkv", "late.mp4", "late.ts", "trimmed.mp4", "uneven.gif"]
)
def test_times_are_those_of_ffprobe(videos: Path, name: str) -> None:
    command = [
        "ffprobe",
        "-v",
        "error",
        "-select_streams",
        "v:0",
        "-show_entries",
        "frame=best_effort_timestamp_time",
    ]
    output = subprocess.run([*command, "-of", "json", str(videos / name)], capture_output=True, check=True)
    theirs = [float(frame["best_effort_timestamp_time"]) for frame in json.loads(output.stdout)["frames"]]
    ours = [decoded.frame.time for decoded in decode._video_frames(videos / name, print)]
    assert ours == pytest.approx(theirs, abs=1e-6)
    assert len(set(ours)) == len(ours)


def test_a_turned_frame_is_the_upright_one_turned(videos: Path) -> None:
    """Without FFmpeg's commands: from the matrix alone, by hand."""
    plain = next(iter(decode.decode_frames(videos / "turn-0.mp4", 112))).astype(int)
    by_hand = {
        "180": plain[::-1, ::-1],
        "mirrored": plain[:, ::-1],
        "upside-down": plain[::-1],
    }
    for turn, expected in by_hand.items():
        found = next(iter(decode.decode_frames(videos / f"turn-{turn}.mp4", 112))).astype(int)
        assert np.abs(found - expected).mean() < 1, turn


@pytest.mark.parametrize("name", ["h264.mp4", "mpeg4.avi", "h264.mkv"])
def test_broken_files_read_again_and_again_leave_nothing_behind(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After 3,600 files a worker's memory stays: 3,600 more add less than a quarter of a small frame each.

    glibc keeps what is freed in pieces, which takes thousands of files to settle, unless it is told not to.
    """
    monkeypatch.setenv("MALLOC_MMAP_THRESHOLD_", "16384")
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "16384")
    data, rng, worker = corpus.kind(tmp_path, name).read_bytes(), random.Random(1), Worker()
    paths = [tmp_path / f"{number:03d}{Path(name).suffix}" for number in range(MUTATED // 3)]
    for path in paths:
        path.write_bytes(mutate(data, rng))
    states = []
    try:
        for _ in range(60):
            through_a_worker(tmp_path, paths, worker)
            assert worker._process
            states.append(state(worker._process.pid))
    finally:
        worker.stop()
    grown = states[-1][0] - states[29][0]
    print(name, f"{grown / 1e6:.2f} MB more after {30 * len(paths)} files")
    assert states[-1][1] == states[0][1]
    assert grown < 2 << 20

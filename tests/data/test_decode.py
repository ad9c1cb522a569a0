import os
import struct
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from media import CODECS, clip, cut, write_audio, write_video

from vidcondense.data.decode import DecodeError, _Seen, decode_frames
from vidcondense.data.framing import scaled_shape
from vidcondense.data.probe import probe

SHARED = Path(__file__).parents[3] / "shared" / "data"


def decode(path, size=112):
    frames = list(decode_frames(path, size))
    assert all(frame.flags.c_contiguous for frame in frames)
    return np.stack(frames)


def test_a_frame_of_the_papers_size_is_only_cropped(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 120, 160, 3), dtype=np.uint8)
    found = decode(write_video(tmp_path / "v.mkv", pixels))
    assert found.dtype == np.uint8
    assert (found == pixels[:, 4:116, 24:136]).all()


@pytest.mark.parametrize(("size", "expected"), [(112, (160, 120)), (64, (91, 69)), (32, (46, 34))])
def test_the_size_before_the_crop(size, expected):
    assert scaled_shape(size, "squeeze", Fraction(16, 9)) == expected


def test_scaling_ignores_the_shape_and_keeps_the_centre(tmp_path):
    ramp = np.linspace(0, 255, 400).astype(np.uint8)
    pixels = np.zeros((2, 100, 400, 3), np.uint8)
    pixels[..., 0], pixels[..., 1] = ramp, np.linspace(0, 255, 100).astype(np.uint8)[:, None]
    found = decode(write_video(tmp_path / "v.mkv", pixels), 64)[0].astype(float)
    across = (np.arange(64) + (91 - 64) // 2 + 0.5) / 91 * 255
    down = (np.arange(64) + (69 - 64) // 2 + 0.5) / 69 * 255
    assert np.abs(found[..., 0] - across).max() < 4
    assert np.abs(found[..., 1] - down[:, None]).max() < 4


@pytest.mark.parametrize("suffix", CODECS)
def test_containers_keep_frames_order_and_colour(tmp_path, suffix):
    pixels = np.zeros((10, 120, 160, 3), np.uint8)
    pixels[..., 0] = 200
    pixels[..., 2] = (np.arange(10) * 20)[:, None, None]
    path = write_video(tmp_path / f"v{suffix}", pixels)
    found = decode(path, 32).astype(float).mean(axis=(1, 2))
    assert found.shape == (10, 3)
    assert np.abs(found - pixels[:, 0, 0]).max() < (60 if suffix == ".gif" else 25)
    assert (np.diff(found[::2, 2]) > 0).all()
    assert probe(path)["frames"] == 10


def test_rotation_in_the_header_is_applied(tmp_path):
    upright = np.zeros((3, 96, 64, 3), np.uint8)
    upright[:, :48] = 255  # a portrait clip, white above black
    path = write_video(tmp_path / "phone.mp4", np.rot90(upright, 1, (1, 2)))
    data = path.read_bytes()
    matrix = data.index(b"tkhd") + 4 + 40
    turn = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    path.write_bytes(data[:matrix] + turn + data[matrix + 36 :])
    found = decode(path, 32)[0]
    assert found[:12].min() > 200
    assert found[20:].max() < 55


# What makes the upright picture from one whose display matrix is (a, b, c, d), in numpy.
TURNS = {
    (0, 1, -1, 0): lambda frames: np.rot90(frames, -1, (1, 2)),
    (-1, 0, 0, -1): lambda frames: frames[:, ::-1, ::-1],
    (0, -1, 1, 0): lambda frames: np.rot90(frames, 1, (1, 2)),
    (-1, 0, 0, 1): lambda frames: frames[:, :, ::-1],
    (1, 0, 0, -1): lambda frames: frames[:, ::-1],
    (0, 1, 1, 0): lambda frames: frames.transpose(0, 2, 1, 3),
    (0, -1, -1, 0): lambda frames: frames.transpose(0, 2, 1, 3)[:, ::-1, ::-1],
}


@pytest.mark.parametrize("matrix", TURNS)
@pytest.mark.parametrize("size", [112, 64])
def test_turned_and_mirrored_videos_are_upright(tmp_path, matrix, size):
    rng = np.random.default_rng(0)
    pixels = np.kron(rng.integers(0, 256, (2, 9, 12, 3), dtype=np.uint8), np.ones((1, 10, 10, 1), np.uint8))
    upright = decode(write_video(tmp_path / "upright.mov", TURNS[matrix](pixels)), size)
    path = write_video(tmp_path / "turned.mov", pixels)
    data = path.read_bytes()
    begin = data.index(b"tkhd") + 4 + 40
    a, b, c, d = (value * 65536 for value in matrix)
    path.write_bytes(data[:begin] + struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30) + data[begin + 36 :])
    assert np.abs(decode(path, size).astype(int) - upright).mean() < 15  # chroma lies half a pixel aside
    assert np.abs(decode(write_video(path, pixels), size).astype(int) - upright).mean() > 30


def encoded(path, times, codec="libx264", **options):
    """Frames at these tenths of a second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10, options=options)
        stream.width, stream.height, stream.pix_fmt = 48, 36, "yuv420p"
        for time, pixels in zip(times, clip(len(times)), strict=True):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize(
    ("name", "times", "codec", "frames"),
    [
        ("late.mkv", range(300, 312), "libx264", 12),  # the duration counts from 0
        ("late.avi", range(300, 312), "mpeg4", 12),  # the number counts frames that were dropped
        ("uneven.mkv", [0, 1, 2, 80, 81, 300], "libx264", 6),
        ("trimmed.mp4", range(-6, 6), "libx264", 6),  # an edit list cuts the first half off
    ],
)
def test_whole_videos_are_not_called_cut_short(tmp_path, name, times, codec, frames):
    assert len(decode(encoded(tmp_path / name, times, codec), 32)) == frames


def test_frames_without_a_unit_of_time_are_counted():
    seen = _Seen()
    for _ in range(3):
        seen.add(SimpleNamespace(time_base=None, duration=5, pts=3))
    assert (seen.count, seen.end, seen.rate(25.0)) == (3, None, 0.0)


def test_one_frame_of_many_is_cut_short(tmp_path):
    path = encoded(tmp_path / "v.mkv", range(40), g="1")
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"\x1f\x43\xb6\x75") + 1500])
    with pytest.raises(DecodeError, match=r"cut short: \d of 40"):
        decode(path, 32)


def test_a_title_in_another_encoding_is_no_matter(tmp_path):
    path = tmp_path / "v.mp4"
    with av.open(str(path), "w") as container:
        container.metadata["title"] = "cafXX"
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height = 48, 36
        container.mux(stream.encode(av.VideoFrame.from_ndarray(clip(1)[0], format="rgb24")))
        container.mux(stream.encode())
    assert b"cafXX" in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(b"cafXX", b"caf\xe9\xff"))
    assert len(decode(path, 32)) == 1


def test_an_interlaced_frame_is_scaled_as_a_whole(tmp_path):
    times = range(2)
    plain = decode(encoded(tmp_path / "plain.mp4", times, qp="0"), 32)
    path = encoded(tmp_path / "interlaced.mp4", times, **{"x264-params": "tff=1", "qp": "0"})
    with av.open(str(path)) as container:
        assert next(container.decode(video=0)).interlaced_frame
    assert np.abs(decode(path, 32).astype(int) - plain).mean() < 1


SCRIPTS = {
    "ffconcat version 1.0\nfile other.mp4\n": "not a video but a script for FFmpeg",
    "#EXTM3U\n#EXTINF:1,\nother.mp4\n#EXT-X-ENDLIST\n": "not a video but a playlist",
}


@pytest.mark.parametrize("text", SCRIPTS)
def test_a_script_in_the_name_of_a_video_reads_no_other_file(tmp_path, text):
    write_video(tmp_path / "other.mp4")
    (tmp_path / "v.mp4").write_text(text)
    with pytest.raises(DecodeError, match=SCRIPTS[text]):
        decode(tmp_path / "v.mp4", 32)


@pytest.mark.parametrize("name", ["a:b.mp4", "http:x.mp4", "%d.mp4", "-i.mp4", "a\nb.mp4", "\udcff.mp4"])
def test_names_are_names_and_nothing_else(tmp_path, monkeypatch, name):
    write_video(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert len(decode(Path(name), 32)) == 12


def test_what_is_no_file_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "v.mp4")
    (tmp_path / "endless.mp4").symlink_to("/dev/zero")
    (tmp_path / "pictures").mkdir()
    os.mkfifo(tmp_path / "pictures" / "1.jpg")
    for name in ("v.mp4", "endless.mp4", "pictures"):
        with pytest.raises(DecodeError, match="a pipe, a socket or a device, not a file"):
            decode(tmp_path / name, 32)


def bad_file(path, kind):
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("not a video\n" * 100)
    elif kind == "audio":
        write_audio(path)
    elif kind == "no index":
        cut(write_video(path), 0.6)
    elif kind == "broken":
        cut(write_video(path, clip(40, 0, 120, 160), movflags="faststart"), 0.8)
    return path


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("empty", "empty file"),
        ("text", "^not a video but a text$"),
        ("audio", "audio only"),
        ("no index", "not a video that FFmpeg can read|no video stream"),
        ("broken", r"broken after \d+ readable frames"),
        ("none", "no such file"),
    ],
)
def test_bad_files_say_what_is_wrong(tmp_path, kind, reason):
    with pytest.raises(DecodeError, match=reason):
        decode(bad_file(tmp_path / "v.mp4", kind), 32)


@pytest.mark.parametrize("suffix", [".avi", ".mkv", ".webm"])
def test_a_file_cut_short_without_an_error_is_found_by_its_header(tmp_path, suffix):
    path = cut(write_video(tmp_path / f"v{suffix}", clip(40, 0, 120, 160)), 0.85)
    with pytest.raises(DecodeError, match=r"cut short: \d\d of 40 frames readable"):
        decode(path, 32)


def real(*parts):
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"the shared data set is not here: {path}")
    return path


def test_real_videos_decode_to_the_frames_their_list_names():
    root = real("jhmdb21")
    rows = [line.split(",") for line in (root / "manifest.csv").read_text().splitlines()]
    column = rows[0].index("frames")
    for row in rows[1:400:80]:
        assert len(decode(root / row[0], 32)) == int(row[column])


def test_an_original_ucf101_video_decodes_and_its_cut_copy_does_not(tmp_path):
    path = real("ucf101-sample", "UCF-101", "Diving", "v_Diving_g01_c01.avi")
    frames = decode(path, 32)
    assert len(frames) == probe(path)["frames"]
    assert frames.std() > 20
    copy = tmp_path / "v.avi"
    copy.write_bytes(path.read_bytes())
    with pytest.raises(DecodeError, match="cut short"):
        decode(cut(copy, 0.5), 32)

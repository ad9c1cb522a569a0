import struct
from pathlib import Path

import numpy as np
import pytest
from media import CODECS, clip, cut, write_audio, write_video

from vidcondense.data.decode import DecodeError, decode_frames, probe_frames, resized

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
    assert resized(size) == expected


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
    assert probe_frames(path) == 10


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
        ("text", "not a video that FFmpeg can read"),
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
    assert len(frames) == probe_frames(path)
    assert frames.std() > 20
    copy = tmp_path / "v.avi"
    copy.write_bytes(path.read_bytes())
    with pytest.raises(DecodeError, match="cut short"):
        decode(cut(copy, 0.5), 32)

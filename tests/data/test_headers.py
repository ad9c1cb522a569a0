"""What headers say of tracks, rates and lengths, and what of it is believed."""

import subprocess
from fractions import Fraction
from types import SimpleNamespace

import av
import numpy as np
import pytest
from av.stream import Disposition
from media import clip, promise, tracks, write_audio, write_video
from metadata import blocks, write_lossless

from vidcondense.data.decode import DecodeError, decode_frames
from vidcondense.data.headers import MOST_FRAMES, frame_rate, pixel_shape, promised_frames, video_stream
from vidcondense.data.probe import probe


def decoded(path):
    notes = []
    frames = np.stack(list(decode_frames(path, 16, "squeeze", notes.append)))
    return frames, notes


@pytest.mark.parametrize(
    ("name", "sizes", "taken"),
    [
        ("v.mkv", [(64, 48), (128, 96), (128, 96)], 1),
        ("v.avi", [(64, 48), (128, 96)], 1),
        ("v.mp4", [(64, 48), (128, 96)], 0),  # the first is the default one
        ("v.mkv", [(128, 96), (64, 48)], 0),
    ],
)
def test_the_track_is_the_one_that_ffmpegs_command_takes(tmp_path, name, sizes, taken):
    path = tracks(tmp_path / name, sizes)
    frames, notes = decoded(path)
    assert abs(frames.mean() - (60 * taken + 20)) < 3
    width, height = sizes[taken]
    assert notes == [f"{len(sizes)} video tracks, of which number {taken + 1} is taken ({width}x{height})"]
    try:
        command = ["ffmpeg", "-v", "error", "-i", path, "-frames:v", "1", "-f", "rawvideo", "-"]
        theirs = subprocess.run(command, capture_output=True, check=True).stdout
    except FileNotFoundError:
        pytest.skip("the command ffmpeg is not here")
    assert len(theirs) == width * height * 3 // 2


def test_one_track_is_nothing_to_speak_of(tmp_path):
    assert decoded(write_video(tmp_path / "v.mkv"))[1] == []


def test_a_cover_picture_is_no_track(tmp_path):
    path = tracks(tmp_path / "v.mp4", [(640, 480), (64, 48)], covers=[0])
    frames, notes = decoded(path)
    assert (len(frames), notes) == (8, [])
    assert abs(frames.mean() - 80) < 3
    with pytest.raises(DecodeError, match="no video stream"):
        decoded(tracks(tmp_path / "cover.mp4", [(64, 48)], covers=[0]))
    with pytest.raises(DecodeError, match="audio only"):
        decoded(write_audio(tmp_path / "sound.mp4"))


def test_a_track_without_a_decoder_is_none():
    undecodable = SimpleNamespace(disposition=Disposition(0), codec_context=None)
    streams = SimpleNamespace(video=(undecodable,), audio=())
    with pytest.raises(DecodeError, match="FFmpeg does not know the coding of its video"):
        video_stream(SimpleNamespace(streams=streams))


@pytest.mark.parametrize(
    ("average", "guessed", "expected"),
    [(25, 30, 25), (60000, 25, 25), (90000, None, 0), (None, 25, 25), (0, 0, 0), (None, None, 0)],
)
def test_rates_that_are_units_of_time_are_not_believed(average, guessed, expected):
    rates = [None if rate is None else Fraction(rate) for rate in (average, guessed)]
    assert frame_rate(SimpleNamespace(average_rate=rates[0], guessed_rate=rates[1])) == expected


@pytest.mark.parametrize(
    ("frames", "seconds", "expected"),
    [(7, 100, 7), (0, 2, 50), (10**9, 2, 0), (0, 10**9, 0), (0, None, 0), (MOST_FRAMES, 1, MOST_FRAMES)],
)
def test_promises_of_years_are_none(frames, seconds, expected):
    container = SimpleNamespace(duration=seconds and seconds * av.time_base)
    stream = SimpleNamespace(frames=frames, average_rate=Fraction(25), guessed_rate=None)
    assert promised_frames(container, stream) == expected


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (None, 1),
        (Fraction(0), 1),
        (Fraction(-1), 1),
        (Fraction(65535), 1),
        (Fraction(1, 17), 1),
        (Fraction(16, 15), Fraction(16, 15)),
    ],
)
def test_the_shape_of_pixels(shape, expected):
    assert pixel_shape(SimpleNamespace(sample_aspect_ratio=shape)) == expected


def patch_duration(path, seconds):
    """Have the header of a Matroska file say that it lasts so long."""
    data = bytearray(path.read_bytes())
    begin = data.index(b"\x44\x89\x88") + 3
    data[begin : begin + 8] = np.array(seconds * 1000, ">f8").tobytes()
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("frames", [12, 40])
def test_a_header_that_promises_years_is_neither_believed_nor_called_cut_short(tmp_path, frames):
    paths = [
        promise(write_video(tmp_path / "v.avi", clip(frames)), 10**9),
        patch_duration(write_video(tmp_path / "v.mkv", clip(frames)), 10**9),
    ]
    for path in paths:
        assert len(decoded(path)[0]) == frames
        # Up to 32 frames are counted, of more the header's word is all there is.
        assert probe(path)["frames"] == (frames if frames <= 32 else 0)


def test_a_promise_beyond_the_bytes_of_the_file_is_not_believed(tmp_path):
    path = promise(write_video(tmp_path / "v.avi", clip(40)), 40 * 15)
    assert probe(path)["frames"] == 600
    assert probe(promise(path, 40 * 100))["frames"] == 0
    with pytest.raises(DecodeError, match="cut short: 40 of 4000"):
        decoded(path)


def test_a_very_high_rate_is_read_and_not_believed(tmp_path):
    path = write_lossless(tmp_path / "v.mp4", blocks(40, 48, 64), rate=90000)
    assert len(decoded(path)[0]) == 40
    assert probe(path)["frames"] == 40


def test_raw_dv_has_as_many_frames_as_it_has_bytes_for(tmp_path):
    path = tmp_path / "v.dv"
    with av.open(str(path), "w", format="dv") as container:
        stream = container.add_stream("dvvideo", rate=25)
        stream.width, stream.height, stream.pix_fmt = 720, 576, "yuv420p"
        for frame in blocks(40, 576, 720):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    assert probe(path)["frames"] == 40


def test_a_probe_of_nothing(tmp_path):
    nothing = {"frames": 0, "aspect": 0.0}
    (tmp_path / "v.mp4").write_text("no video")
    (tmp_path / "pictures").mkdir()
    for name in ("v.mp4", "pictures", "gone.mp4"):
        assert probe(tmp_path / name) == nothing
    (tmp_path / "pictures" / "1.jpg").write_text("no picture")
    assert probe(tmp_path / "pictures") == nothing

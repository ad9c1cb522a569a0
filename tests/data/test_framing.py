import gc
from fractions import Fraction

import av
import numpy as np
import pytest
from media import write_video
from metadata import (
    ORIENTATIONS,
    add_box,
    blocks,
    clean_aperture,
    commanded,
    picture,
    pixel_aspect,
    remux,
    turn_track,
    write_lossless,
    write_motion_jpeg,
)
from PIL import Image

from vidcondense.data.decode import decode_frames
from vidcondense.data.framing import scaled_shape

FRAMINGS = ("squeeze", "crop", "pad")


# Where it shrinks to half or less, libswscale takes the colour of every second pixel: sizes are above that.
SIZE = 84


def decode(path, size=SIZE, framing="squeeze"):
    return np.stack(list(decode_frames(path, size, framing))).astype(int)


def scaled(pixels, width, height):
    """(height, width, 3) of a picture by the mean over a triangle, in floating point: another bilinear."""
    for axis, size in ((0, height), (1, width)):
        length = pixels.shape[axis]
        reach = max(1, length / size)
        middle = (np.arange(size) + 0.5) * length / size - 0.5
        weights = np.clip(1 - np.abs(np.arange(length) - middle[:, None]) / reach, 0, None)
        weights /= weights.sum(1, keepdims=True)
        pixels = np.moveaxis(np.tensordot(weights, pixels.astype(float), (1, axis)), 0, axis)
    return pixels


def framed(upright, size, framing, pixel=1.0):
    """What should become of an upright picture whose pixels are `pixel` times as wide as high."""
    height, width = upright.shape[0], upright.shape[1] * pixel
    if framing == "squeeze":
        width, height = 160 * size / 112, 120 * size / 112
    else:
        side = min(width, height) if framing == "crop" else max(width, height)
        width, height = width * size / side, height * size / side
    width, height = int(width + 0.5), int(height + 0.5)
    small = scaled(upright, width, height)
    out = np.zeros((size, size, 3))
    if framing == "pad":
        top, left = (size - height) // 2, (size - width) // 2
        out[top : top + height, left : left + width] = small
        return out
    top, left = (height - size) // 2, (width - size) // 2
    return small[top : top + size, left : left + size]


@pytest.mark.parametrize(
    ("size", "framing", "aspect", "expected"),
    [
        (112, "squeeze", 16 / 9, (160, 120)),
        (64, "squeeze", 9 / 16, (91, 69)),
        (32, "squeeze", 1, (46, 34)),
        (112, "crop", 16 / 9, (199, 112)),
        (112, "crop", 9 / 16, (112, 199)),
        (112, "pad", 16 / 9, (112, 63)),
        (112, "pad", 9 / 16, (63, 112)),
        (64, "crop", 1, (64, 64)),
        (64, "pad", 1, (64, 64)),
        (64, "pad", 1000, (64, 1)),
    ],
)
def test_the_size_before_the_square_is_cut_out(size, framing, aspect, expected):
    assert scaled_shape(size, framing, Fraction(aspect).limit_denominator()) == expected


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize(("width", "height"), [(128, 72), (72, 128), (96, 96), (160, 120)])
def test_frames_of_any_shape(tmp_path, framing, width, height):
    pixels = blocks(2, height, width)
    found = decode(write_video(tmp_path / "v.mkv", pixels), SIZE, framing)
    expected = np.stack([framed(frame, SIZE, framing) for frame in pixels])
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 3
    assert np.abs(found - commanded(tmp_path / "v.mkv", SIZE, framing)).max() <= 1


def test_bars_are_black_and_beside_the_picture(tmp_path):
    white = np.full((1, 40, 80, 3), 255, np.uint8)
    found = decode(write_video(tmp_path / "v.mkv", white), 32, "pad")[0]
    assert (found[8:24] == 255).all()
    assert (found[:8] == 0).all()
    assert (found[24:] == 0).all()


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("suffix", [".avi", ".mov", ".mkv"])
def test_motion_jpeg_with_exif_is_upright(tmp_path, orientation, suffix):
    pixels = blocks(3)
    jpegs = [picture(frame, orientation) for frame in pixels]
    found = decode(write_motion_jpeg(tmp_path / f"v{suffix}", jpegs))
    upright = ORIENTATIONS[orientation](pixels)
    assert np.abs(found - np.stack([framed(frame, SIZE, "squeeze") for frame in upright])).max() < 12
    assert np.abs(found - commanded(tmp_path / f"v{suffix}", SIZE, "squeeze")).max() <= 2


# FFmpeg 8.0's command goes on to turn an unturned frame as the one before, which 5.1 and 8.1 do not.
@pytest.mark.parametrize(("turns", "alike"), [([0, 1, 6, 3, 8, 2, 5], True), ([6, 0, 3, 1, 8, 0], False)])
def test_every_frame_is_turned_by_itself(tmp_path, turns, alike):
    pixels = blocks(len(turns))
    jpegs = [picture(frame, turn) for frame, turn in zip(pixels, turns, strict=True)]
    path = write_motion_jpeg(tmp_path / "v.avi", jpegs)
    for framing in FRAMINGS:
        found = decode(path, SIZE, framing)
        for turn, frame, stored in zip(turns, found, pixels, strict=True):
            assert np.abs(frame - framed(ORIENTATIONS[turn](stored), SIZE, framing)).max() < 12
    if alike:
        assert np.abs(decode(path) - commanded(path, SIZE, "squeeze")).max() <= 2


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_pictures_with_exif_are_upright(tmp_path, orientation, kind):
    pixels = blocks(2)
    for number, frame in enumerate(pixels):
        (tmp_path / f"{number}.{kind.lower()}").write_bytes(picture(frame, orientation, kind))
    found = decode(tmp_path)
    upright = ORIENTATIONS[orientation](pixels)
    assert np.abs(found - np.stack([framed(frame, SIZE, "squeeze") for frame in upright])).max() < 12
    if kind == "JPEG":  # the command turns PNG since FFmpeg 8.1, as PyAV's library does
        assert np.abs(found[:1] - commanded(tmp_path / "0.jpeg", SIZE, "squeeze")).max() <= 2


def test_a_turn_in_a_frames_exif_counts_before_that_in_the_header(tmp_path):
    pixels = blocks(2)
    path = write_motion_jpeg(tmp_path / "v.mov", [picture(frame, 3) for frame in pixels])
    turn_track(path, (0, 1, -1, 0))
    found = decode(path)
    upright = pixels[:, ::-1, ::-1]
    assert np.abs(found - np.stack([framed(frame, SIZE, "squeeze") for frame in upright])).max() < 12
    assert np.abs(found - commanded(path, SIZE, "squeeze")).max() <= 2


def with_clean_aperture(folder, suffix, turned):
    """A video with its middle cut out by its header, and the frames that are left, upright."""
    pixels = blocks(2, 120, 160)
    path = add_box(write_lossless(folder / "v.mp4", pixels), clean_aperture(100, 80, 10, -6))
    clean = pixels[:, 14:94, 40:140]
    if turned:
        clean = np.rot90(clean, -1, (1, 2))
        turn_track(path, (0, 1, -1, 0))
    return path if suffix == ".mp4" else remux(path, folder / f"v{suffix}"), clean


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("turned", [False, True])
def test_what_the_header_cuts_off_is_cut_off(tmp_path, suffix, turned):
    path, clean = with_clean_aperture(tmp_path, suffix, turned)
    for framing in FRAMINGS:
        expected = np.stack([framed(frame, SIZE, framing) for frame in clean])
        assert np.abs(decode(path, SIZE, framing) - expected).max() < 3


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_what_is_cut_off_is_what_ffmpegs_command_cuts_off(tmp_path, suffix):
    path, _ = with_clean_aperture(tmp_path, suffix, turned=True)
    for framing in FRAMINGS:
        assert np.abs(decode(path, SIZE, framing) - commanded(path, SIZE, framing, since=(7, 1))).max() <= 1


def test_a_title_is_no_header(tmp_path):
    path = write_video(tmp_path / "v.mkv", blocks(2))
    with av.open(str(path)) as source, av.open(str(tmp_path / "t.mkv"), "w") as target:
        for name in ("title", "frame cropping", "      Frame Cropping"):
            target.metadata[name] = "1/2/3/4\n      Frame Cropping: 8/8/8/8\n  Stream #0:0"
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    assert (decode(tmp_path / "t.mkv") == decode(path)).all()


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("turned", [False, True])
def test_wide_pixels_count_for_crop_and_pad_and_not_for_squeeze(tmp_path, framing, turned):
    pixels = blocks(2)
    path = add_box(write_lossless(tmp_path / "v.mp4", pixels), pixel_aspect(5, 4))
    upright = np.rot90(pixels, -1, (1, 2)) if turned else pixels
    if turned:
        turn_track(path, (0, 1, -1, 0))
    found = decode(path, SIZE, framing)
    pixel = 4 / 5 if turned else 5 / 4
    assert np.abs(found - np.stack([framed(frame, SIZE, framing, pixel) for frame in upright])).max() < 3
    assert np.abs(found - commanded(path, SIZE, framing)).max() <= 1


def test_pictures_keep_their_shape_too(tmp_path):
    Image.fromarray(blocks(1, 64, 128)[0]).save(tmp_path / "1.png")
    found = decode(tmp_path, 32, "pad")
    assert (found[0, :8] == 0).all()
    assert np.abs(found[0] - framed(blocks(1, 64, 128)[0], 32, "pad")).max() < 3


def test_frames_are_freed_at_once(tmp_path):
    """Without waiting for Python to look for circles: a decoder of large frames would run out of memory."""
    path = write_video(tmp_path / "v.mp4", blocks(40))
    gc.collect()
    gc.disable()
    try:
        most = max(
            sum(isinstance(one, av.VideoFrame) for one in gc.get_objects()) for _ in decode_frames(path, 32)
        )
    finally:
        gc.enable()
    assert most <= 4

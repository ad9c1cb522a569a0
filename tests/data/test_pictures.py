import numpy as np
import pytest
from media import clip, cut, write_pictures, write_video
from PIL import Image

from vidcondense.data.decode import DecodeError, decode_frames
from vidcondense.data.pictures import pictures_in, unlike_names
from vidcondense.data.probe import probe


def decode(path, size=32):
    return np.stack(list(decode_frames(path, size)))


def ramp(frames):
    """Frames that get brighter, so that their order can be read from their pixels."""
    return np.stack([np.full((30, 40, 3), 10 + 7 * time, np.uint8) for time in range(frames)])


@pytest.mark.parametrize("name", ["{}.png", "frame{}.PNG", "v_g01_c02_{:02d}.jpg", "img_{:06d}.jpeg"])
def test_frames_come_in_the_order_of_their_numbers(tmp_path, name):
    frames = decode(write_pictures(tmp_path / "v", ramp(12), name)).astype(int)
    assert np.abs(frames.reshape(12, -1).mean(1) - (10 + 7 * np.arange(12))).max() <= 1


def test_partly_padded_names_are_in_order_too(tmp_path):
    for name in ("f2.png", "f010.png", "f1.png", "f9.png", "F011.png", ".f3.png", "notes.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in pictures_in(tmp_path)] == [
        "f1.png",
        "f2.png",
        "f9.png",
        "f010.png",
        "F011.png",
    ]


def test_pictures_give_the_pixels_of_the_same_lossless_video(tmp_path):
    pixels = clip(6, 3, 60, 80)
    folder = write_pictures(tmp_path / "v", pixels)
    video = write_video(tmp_path / "v.mkv", pixels)
    assert np.array_equal(decode(folder), decode(video))
    assert probe(folder) == probe(video) == {"frames": 6, "aspect": 4 / 3}


def test_jpeg_uses_the_whole_range(tmp_path):
    pixels = np.stack([np.full((30, 40, 3), value, np.uint8) for value in (0, 255)])
    frames = decode(write_pictures(tmp_path / "v", pixels, "{}.jpg"))
    assert frames[0].max() <= 1
    assert frames[1].min() >= 254


def test_two_kinds_of_pictures_have_no_order(tmp_path):
    write_pictures(tmp_path / "v", clip(3), "img_{:05d}.jpg")
    assert unlike_names(pictures_in(tmp_path / "v")) is None
    write_pictures(tmp_path / "v", clip(3), "dark_{:05d}.jpg")
    with pytest.raises(DecodeError, match=r"several kinds .*\(dark_00001.jpg, img_00001.jpg\)"):
        decode(tmp_path / "v")


@pytest.mark.parametrize("name", ["{}.jpg", "{}.png"])
@pytest.mark.parametrize("share", [0.97, 0.5, 0.0])
def test_a_picture_cut_short(tmp_path, name, share):
    folder = write_pictures(tmp_path / "v", clip(4, 1, 60, 80), name)
    cut(folder / name.format(3), share)
    with pytest.raises(DecodeError, match=r"3\.\w+ is (broken|neither)"):
        decode(folder)


def test_something_else_called_a_picture(tmp_path):
    (tmp_path / "v").mkdir()
    (tmp_path / "v" / "1.jpg").write_text("no picture")
    with pytest.raises(DecodeError, match=r"1.jpg is neither JPEG nor PNG"):
        decode(tmp_path / "v")
    (tmp_path / "none").mkdir()
    with pytest.raises(DecodeError, match="no frames"):
        list(decode_frames(tmp_path / "none", 32))


def test_grey_and_transparent_pictures(tmp_path):
    (tmp_path / "v").mkdir()
    Image.new("L", (40, 30), 99).save(tmp_path / "v" / "1.png")
    Image.new("RGBA", (40, 30), (99, 99, 99, 255)).save(tmp_path / "v" / "2.png")
    frames = decode(tmp_path / "v").astype(int)
    assert np.abs(frames - 99).max() <= 1

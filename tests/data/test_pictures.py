import numpy as np
import pytest
from media import clip, cut, write_pictures, write_video
from PIL import Image

from vidcondense.data.decode import DecodeError, decode_frames
from vidcondense.data.layouts.tree import look
from vidcondense.data.pictures import holds_pictures, pictures_in, unlike_names
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


NAMES = {
    "seconds": ["0.033.jpg", "0.067.jpg", "0.1.jpg", "0.133.jpg", "1.jpg", "1.5.jpg", "10.25.jpg"],
    "counters": ["clip1.1.jpg", "clip1.9.jpg", "clip1.10.jpg", "clip1.11.jpg"],
    "versions": ["a1.2.9.jpg", "a1.2.10.jpg", "a1.3.1.jpg"],
    "as many decimals": ["t_0.05.png", "t_0.10.png", "t_0.50.png", "t_1.05.png"],
    "seconds after a name": ["v_3_frame_2.5.jpg", "v_3_frame_2.75.jpg", "v_3_frame_11.125.jpg"],
}


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
def test_decimals_and_counters_in_names(tmp_path, names):
    for name in sorted(names, reverse=True):
        (tmp_path / name).touch()
    found = pictures_in(tmp_path)
    assert [path.name for path in found] == names
    assert unlike_names(found) is None


def test_a_folder_is_no_picture(tmp_path):
    (tmp_path / "0002.jpg").mkdir()
    (tmp_path / ".hidden.jpg").touch()
    assert not holds_pictures(tmp_path)
    assert pictures_in(tmp_path) == []
    (tmp_path / "0001.jpg").symlink_to("0001.jpg")
    assert holds_pictures(tmp_path)
    assert [path.name for path in pictures_in(tmp_path)] == ["0001.jpg"]


FLOW = [
    (["img_1.jpg", "img_2.jpg"], ["flow_x_1.jpg", "flow_y_1.jpg"]),
    (["frame1.jpg"], ["x_0001.jpg", "y_0001.jpg", "y_0002.jpg"]),
    (["00001.jpg", "00002.jpg"], ["00001_u.jpg", "00001_v.jpg"]),
    (["rgb_1.png"], ["tvl1_1.png"]),
    (["flower_1.png"], ["optical_flow_1.png"]),
    (["v_a_g01_c01_1.jpg"], ["flow_i_v_a_g01_c01_1.jpg"]),
    (["x_1.jpg", "x_2.jpg"], []),
    (["flow_x_1.jpg", "flow_x_2.jpg"], []),
]


@pytest.mark.parametrize(("frames", "flow"), FLOW)
def test_flow_beside_frames_is_passed_over_and_counted(tmp_path, frames, flow):
    for name in [*flow, *frames]:
        (tmp_path / name).touch()
    assert [path.name for path in pictures_in(tmp_path)] == frames
    assert look(tmp_path).flow == len(flow)


@pytest.mark.parametrize(
    "names",
    [["img_1.jpg", "dark_1.jpg", "flow_1.jpg"], ["flow_x_1.jpg", "flow_y_1.jpg"], ["thumb_1.jpg", "v_1.jpg"]],
)
def test_flow_that_leaves_not_one_video_is_several_kinds(tmp_path, names):
    for name in names:
        (tmp_path / name).touch()
    assert look(tmp_path).flow == 0
    with pytest.raises(DecodeError, match="pictures of several kinds in one folder"):
        decode(tmp_path)


def test_frames_with_flow_beside_them_decode_to_the_frames(tmp_path):
    write_pictures(tmp_path / "both", ramp(3), "img_{:05d}.png")
    write_pictures(tmp_path / "both", clip(3), "flow_x_{:05d}.png")
    alone = decode(write_pictures(tmp_path / "alone", ramp(3)))
    assert (decode(tmp_path / "both") == alone).all()


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
    with pytest.raises(DecodeError, match=r"1.jpg is neither JPEG nor PNG but a text$"):
        decode(tmp_path / "v")
    for kind, what in (("WEBP", "a WebP picture"), ("GIF", "a GIF picture"), ("BMP", "a BMP picture")):
        Image.new("RGB", (40, 30)).save(tmp_path / "v" / "1.jpg", kind)
        with pytest.raises(DecodeError, match=f"1.jpg is neither JPEG nor PNG but {what}$"):
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

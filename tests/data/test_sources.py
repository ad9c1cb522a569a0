"""Looking for videos: what is refused, and in which words."""

import pytest
from sources import refused, touch

from vidcondense.data.limits import Limits
from vidcondense.data.sources import find_videos


def test_no_such_folder(tmp_path):
    refused(tmp_path / "nowhere", "no folder at .*nowhere")
    (tmp_path / "file").touch()
    refused(tmp_path / "file", "that is a file")


def test_no_videos(tmp_path):
    refused(tmp_path, "no videos in .*looked for <class>/\\*")
    refused(touch(tmp_path, "a/x.txt", "b/y.jpg"), r"it has \.txt files, pictures")


def test_one_class(tmp_path):
    refused(touch(tmp_path, "only/1.mp4", "only/2.mp4"), "only the class 'only'; at least two")


def test_unknown_layout(tmp_path):
    refused(touch(tmp_path, "a/1.mp4"), "unknown layout 'hmdb': did you mean 'hmdb51'", layout="hmdb")


@pytest.mark.parametrize("fraction", [0, 1, -0.5, float("nan")])
def test_a_senseless_test_fraction(tmp_path, fraction):
    refused(touch(tmp_path, "a/1.mp4", "b/1.mp4"), "test_fraction", test_fraction=fraction)


def test_present_lists_every_class_that_it_leaves_out(tmp_path):
    touch(
        tmp_path, *[f"{split}/{name}/{n}.mp4" for split in ("train", "test") for name in "ab" for n in (1, 2)]
    )
    gone = [f"c{number:02d}" for number in range(25)]
    touch(tmp_path, *[f"train/{name}/1.mp4" for name in gone])
    source = find_videos(tmp_path, limits=Limits(present=True))
    assert source.class_names == ("a", "b")
    (note,) = source.notes
    lack = "25 of 27 classes lack training or test videos and are left out: "
    assert note == lack + ", ".join(gone)

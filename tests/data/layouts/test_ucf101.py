"""UCF101 and miniUCF: lists as distributed, and what is wrong with them."""

import pytest
from miniatures import ucf
from sources import passed_over, real, refused, roles, touch, write

from vidcondense.data.layouts import miniucf
from vidcondense.data.sources import find_videos


@pytest.mark.parametrize("folder", ["UCF-101", "."])
def test_ucf101(tmp_path, folder):
    source = find_videos(ucf(tmp_path, folder=folder))
    assert (source.layout, source.split_names) == ("ucf101", ("1", "2"))
    assert source.class_names == ("Archery", "YoYo")
    assert [video.roles for video in source.videos] == [
        ("test", "train"),
        ("train", "test"),
        ("train", "train"),
    ] * 2
    assert source.missing == ()


def test_ucf101_re_encoded(tmp_path):
    for file in list(ucf(tmp_path).rglob("*.avi")):
        file.rename(file.with_suffix(".mp4"))
    source = find_videos(tmp_path)
    assert len(source.videos) == 6
    assert source.missing == ()


def test_ucf101_names_what_is_missing_and_what_no_list_names(tmp_path):
    (ucf(tmp_path) / "UCF-101" / "YoYo" / "v_YoYo_g03_c01.avi").unlink()
    touch(tmp_path, "UCF-101/YoYo/holiday.avi", "UCF-101/Stray/v.avi")
    source = find_videos(tmp_path)
    assert len(source.videos) == 5
    assert dict(source.missing) == {
        "UCF-101/YoYo/v_YoYo_g03_c01.avi": "named by trainlist01.txt, but there is no such video"
    }
    (stray,) = source.seen.passed_over
    assert (stray.kind, stray.count) == ("videos that no list names", 2)
    assert set(stray.examples) == {"UCF-101/YoYo/holiday.avi", "UCF-101/Stray/v.avi"}


def test_ucf101_without_a_class_folder(tmp_path):
    for file in (ucf(tmp_path) / "UCF-101" / "YoYo").iterdir():
        file.unlink()
    refused(tmp_path, "class 'YoYo' has no training video in split '1'")


@pytest.mark.parametrize(
    ("list_name", "text", "message"),
    [
        ("trainlist01.txt", "\nArchery/x.avi 1\nBowling/x.avi 2\n", "line 3: unknown class 'Bowling'"),
        ("trainlist01.txt", "Archery/x.avi 2\n", "line 1: 'Archery' is 1 in classInd.txt, not 2"),
        (
            "trainlist02.txt",
            "x.avi 1\n",
            "line 1: expected '<class>/<file>' and perhaps a number, found 'x.avi 1'",
        ),
        ("trainlist02.txt", "Archery/x.avi one\n", "line 1: expected"),
        ("testlist02.txt", "Archery/v_Archery_g01_c01.avi\n", "line 1: .* is also in the training list"),
        ("classInd.txt", "1 Archery\nYoYo\n", "classInd.txt line 2: expected '<number> <class>'"),
    ],
)
def test_damaged_ucf101_lists(tmp_path, list_name, text, message):
    write(ucf(tmp_path) / "ucfTrainTestlist" / list_name, text)
    refused(tmp_path, f"{list_name}.*{message}" if list_name not in message else message)


def test_ucf101_with_half_a_split(tmp_path):
    (ucf(tmp_path) / "ucfTrainTestlist" / "testlist02.txt").unlink()
    refused(tmp_path, "no testlist02.txt beside trainlist02.txt")


def test_the_ucf101_sample():
    source = find_videos(real("ucf101-sample"))
    assert (source.layout, source.split_names) == ("ucf101", ("1",))
    assert source.class_names == ("ApplyEyeMakeup", "BenchPress", "Diving")
    assert sorted(roles(source).values()) == ["test"] * 6 + ["train"] * 9
    assert source.missing == ()


def test_miniucf_is_50_classes_and_split_1(tmp_path):
    ucf(tmp_path, classes=sorted([*miniucf.CLASSES, "Archery", "YoYo"]))
    assert find_videos(tmp_path).layout == "ucf101"
    source = find_videos(tmp_path, layout="miniucf")
    assert source.class_names == tuple(sorted(miniucf.CLASSES))
    assert len(set(source.class_names)) == 50
    assert (source.split_names, len(source.videos), source.missing) == (("1",), 150, ())
    assert [video.roles for video in source.videos][:3] == [("test",), ("train",), ("train",)]


def test_miniucf_of_too_few_classes(tmp_path):
    ucf(tmp_path, classes=[*miniucf.CLASSES[:-2], "YoYo"])
    refused(tmp_path, "miniUCF's class 'VolleyballSpiking' .nor 1 others", layout="miniucf")


def test_ucf101_lists_and_folders_in_other_capitals(tmp_path):
    ucf(tmp_path, splits=(1,))
    (tmp_path / "UCF-101" / "YoYo").rename(tmp_path / "UCF-101" / "yoyo")
    for file in list((tmp_path / "ucfTrainTestlist").iterdir()):
        file.rename(file.with_name(file.name.upper().replace("LIST", "List")))
    source = find_videos(tmp_path)
    assert (source.layout, source.class_names, len(source.videos)) == ("ucf101", ("Archery", "YoYo"), 6)
    assert roles(source)["UCF-101/yoyo/v_YoYo_g01_c01.avi"] == "test"
    assert source.missing == ()
    assert passed_over(source) == {}


def test_ucf101_in_an_unpacked_archive_two_folders_down(tmp_path):
    ucf(tmp_path / "UCF101" / "data")
    touch(tmp_path, "UCF101.rar", "UCF101TrainTestSplits.zip")
    source = find_videos(tmp_path)
    assert (source.layout, len(source.videos), source.missing) == ("ucf101", 6, ())
    assert source.seen.unused == ()

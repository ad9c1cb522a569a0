"""Errors say what lies there, and the call that works, if one does."""

import pytest
from miniatures import hmdb, ucf
from sources import classes, refused, touch, write

from vidcondense.data.limits import Limits
from vidcondense.data.sources import find_videos


def clips(root, *parts, names="ab", count=4):
    return touch(
        root, *[f"{part}/{c}/{number}.mp4" for part in parts for c in names for number in range(count)]
    )


@pytest.mark.parametrize("above", ["UCF101_subset", "downloads/UCF101_subset", "x/y/UCF101_subset"])
def test_one_folder_too_high(tmp_path, above):
    told = refused(
        clips(tmp_path, above), f"did you mean {tmp_path}/{above}\\? It has 8 videos in 2 classes$"
    )
    assert told.startswith(f"no videos in {tmp_path}: looked for <class>/*")
    assert len(find_videos(tmp_path / above).videos) == 8


def test_one_folder_too_high_above_split_folders(tmp_path):
    told = refused(
        clips(tmp_path, "videos/train", "videos/val"), f"did you mean {tmp_path}/videos\\? It has 16 videos"
    )
    assert "videos/train" not in told


def test_two_datasets_in_one_folder(tmp_path):
    clips(tmp_path, "HMDB", names=("kick", "pick"))
    told = refused(clips(tmp_path, "UCF"), f"did you mean {tmp_path}/HMDB, or {tmp_path}/UCF")
    assert "parts of one dataset" not in told


@pytest.mark.parametrize("names", [("trn", "tst"), ("cam1", "cam2"), ("seen", "unseen")])
def test_folders_with_the_same_classes_may_be_splits(tmp_path, names):
    refused(clips(tmp_path, *names), "if they are parts of one dataset, name them train and test")


def test_a_list_forces_a_layout(tmp_path):
    clips(tmp_path, ".")
    write(tmp_path / "trainlist01.txt", "Foo/bar.avi 1\n")
    write(tmp_path / "testlist01.txt", "Foo/baz.avi\n")
    refused(tmp_path, "a list forces layout ucf101; --layout folders reads 8 videos in 2 classes")
    assert len(find_videos(tmp_path, "folders").videos) == 8


def test_a_list_of_other_videos_beside_split_folders(tmp_path):
    clips(tmp_path, "train", "val")
    header = "label,youtube_id,time_start,time_end,split\n"
    write(tmp_path / "k.csv", f"{header}abseiling,xxxxxxxxxxx,1,11,train\n")
    refused(tmp_path, "a list forces layout kinetics400; --layout split-folders reads 16 videos in 2 classes")


def test_a_layout_that_was_asked_for_does_not_hide_the_one_that_works(tmp_path):
    told = refused(
        hmdb(tmp_path), "no UCF101 lists .*--layout hmdb51 reads 6 videos in 2 classes", layout="ucf101"
    )
    assert "forces" in told
    refused(clips(tmp_path / "x", "."), "--layout folders reads 8 videos", layout="split-folders")


def test_no_other_folder_is_offered_where_lists_say_what_is_missing(tmp_path):
    for file in (ucf(tmp_path) / "UCF-101" / "YoYo").iterdir():
        file.unlink()
    for number in range(4):
        touch(tmp_path, f"UCF-101/Archery/x{number}.avi", f"UCF-101/Biking/x{number}.avi")
    assert "did you mean" not in refused(tmp_path, "class 'YoYo' has no training video")


@pytest.mark.parametrize("folder", ["", "videos/", "data/rgb/"])
def test_flat_videos(tmp_path, folder):
    touch(tmp_path, *[f"{folder}S001C001P00{n}R001A00{n}_rgb.avi" for n in range(6)])
    told = refused(
        tmp_path, r"put each in a folder of its class, or list them in a metadata.csv \(file_name,label\)$"
    )
    assert (
        "6 videos lie directly in" if not folder else f"6 videos lie in {folder[:-1]} (S001C001P000"
    ) in told


def test_frames_directly_in_class_folders(tmp_path):
    touch(tmp_path, *[f"{c}/frame{n}.jpg" for c in ("run", "walk") for n in range(5)])
    refused(
        tmp_path,
        "run and 1 other folder hold pictures directly; a video is a folder of its frames: <class>/<video>/",
    )


def test_frames_and_flow_in_folders_of_a_video(tmp_path):
    touch(
        tmp_path,
        *[f"{c}/v{n}/{kind}/1.jpg" for c in ("run", "walk") for n in "123" for kind in ("img", "flow_x")],
    )
    told = refused(tmp_path, "run/v1 has flow_x and img; a video is a folder of its frames")
    assert "did you mean" not in told


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a/1.webp", "b/x.txt"], r"it has \.txt files, \.webp files$"),
        (["a/1.jpg", "b/x.txt"], r"it has \.txt files, pictures$"),
        (["a/._1.mp4", "b/._1.mp4"], "it has hidden files$"),
        ([], r"\.gif$"),
    ],
)
def test_what_lies_there_instead_of_videos(tmp_path, names, message):
    refused(touch(tmp_path, *names), message)


def test_one_sample_beside_tar_files_does_not_hide_them(tmp_path):
    touch(tmp_path, "samples/demo.mp4", "train.tar")
    refused(tmp_path, "train.tar: not a plain tar file")


def test_a_class_without_videos_says_what_works(tmp_path):
    clips(tmp_path, "train", "test")
    touch(tmp_path, "train/c/1.mp4")
    refused(
        tmp_path,
        "class 'c' has no test video in split '1'; add some, .*--class, or leave it out with --present",
    )
    source = find_videos(tmp_path, limits=Limits(present=True))
    assert set(classes(source).values()) == {"a", "b"}
    assert source.notes == ("1 of 3 classes lack training or test videos and are left out: c",)

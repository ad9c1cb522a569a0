"""Class folders, in split folders or not: what is a class, a split, a video."""

from miniatures import frames
from sources import refused, roles, touch

from vidcondense.data.sources import find_videos


def test_folders_give_sorted_classes_and_videos(tmp_path):
    touch(tmp_path, *[f"{name}/{n}{end}" for name in "ba" for n, end in enumerate((".mp4", ".AVI", ".gif"))])
    touch(tmp_path, "a/.hidden.mp4", "a/notes.txt", ".cache/x.mp4", "empty/readme.md")
    source = find_videos(tmp_path)
    assert (source.layout, source.class_names, source.split_names) == ("folders", ("a", "b"), ("1",))
    assert [video.path for video in source.videos] == [
        f"{c}/{v}" for c in "ab" for v in ("0.mp4", "1.AVI", "2.gif")
    ]
    assert [video.label for video in source.videos] == [0, 0, 0, 1, 1, 1]


def test_split_folders(tmp_path):
    touch(tmp_path, *[f"{role}/{c}/{role}.mp4" for role in ("train", "val", "test") for c in "ab"])
    source = find_videos(tmp_path)
    assert source.layout == "split-folders"
    assert source.class_names == ("a", "b")
    assert roles(source) == {f"{r}/{c}/{r}.mp4": r for r in ("train", "val", "test") for c in "ab"}


def test_val_is_the_test_set_where_there_is_no_test_folder(tmp_path):
    touch(tmp_path, *[f"{role}/{c}/x.mp4" for role in ("train", "val") for c in "ab"])
    assert roles(find_videos(tmp_path))["val/a/x.mp4"] == "test"


def test_a_train_folder_alone_is_held_out_from(tmp_path):
    touch(tmp_path, *[f"train/{c}/{n}.mp4" for c in "ab" for n in range(5)])
    assert sorted(roles(find_videos(tmp_path)).values()) == ["test"] * 2 + ["train"] * 8


def test_the_layout_can_be_named(tmp_path):
    touch(tmp_path, *[f"{role}/{c}.mp4" for role in ("train", "test") for c in "ab"])
    assert find_videos(tmp_path, layout="folders").class_names == ("test", "train")


def test_a_test_split_without_a_class(tmp_path):
    touch(tmp_path, "train/a/1.mp4", "train/b/1.mp4", "test/a/2.mp4")
    refused(tmp_path, "class 'b' has no test video in split '1'")


def test_a_class_without_training_videos(tmp_path):
    touch(tmp_path, "train/a/1.mp4", "test/b/1.mp4", "test/a/2.mp4")
    refused(tmp_path, "class 'b' has no training video in split '1'")


def test_frame_folders_with_a_held_out_test_set(tmp_path):
    frames(tmp_path, *[f"{name}/v{number}" for name in "ab" for number in range(5)])
    touch(tmp_path, "a/notes.txt", "a/.thumbs/1.png", "empty/none/readme.md")
    source = find_videos(tmp_path)
    assert (source.layout, source.class_names) == ("frame-folders", ("a", "b"))
    assert sorted(roles(source).values()) == ["test"] * 2 + ["train"] * 8


def test_frame_folders_in_split_folders(tmp_path):
    frames(tmp_path, *[f"{split}/{name}/v" for name in "ab" for split in ("train", "val")])
    source = find_videos(tmp_path)
    assert source.layout == "frame-folders"
    assert roles(source) == {f"{s}/{c}/v": r for c in "ab" for s, r in (("train", "train"), ("val", "test"))}


def test_videos_beside_pictures_are_videos(tmp_path):
    touch(frames(tmp_path, "a/thumbnails"), "a/1.mp4", "a/2.mp4", "b/1.mp4", "b/2.mp4")
    assert find_videos(tmp_path).layout == "folders"

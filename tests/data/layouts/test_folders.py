"""Class folders, in split folders or not: what is a class, a split, a video."""

import os
import unicodedata

import pytest
from miniatures import frames
from sources import classes, passed_over, refused, roles, touch

from vidcondense.data.limits import Limits
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


def splits(root, *names, per_class=(3, 2, 2)):
    """Split folders of these names, with two classes each."""
    for name, count in zip(names, per_class, strict=False):
        touch(root, *[f"{name}/{c}/{name[:2]}{number}.mp4" for c in "ab" for number in range(count)])
    return root


@pytest.mark.parametrize(
    ("names", "test"),
    [
        (("train", "valid"), "valid"),
        (("Train", "Test"), "Test"),
        (("training", "testing"), "testing"),
        (("train_256", "val_256"), "val_256"),
        (("videos_train", "videos_val"), "videos_val"),
        (("Training Set", "Validation Set", "Test Set"), "Test Set"),
        (("trainset", "devset"), "devset"),
        (("trainval", "test1"), "test1"),
        (("k400-train", "k400-eval"), "k400-eval"),
    ],
)
def test_every_word_for_a_split(tmp_path, names, test):
    source = find_videos(splits(tmp_path, *names))
    assert (source.layout, source.class_names) == ("split-folders", ("a", "b"))
    for path, role in roles(source).items():
        folder = path.partition("/")[0]
        assert role == ("train" if folder == names[0] else "test" if folder == test else "val")
    assert source.test_from == f"folder {test}"


def test_an_unlabelled_test_folder_gives_way_to_val(tmp_path):
    touch(splits(tmp_path, "train", "val"), *[f"test/{number}.mp4" for number in range(3)])
    source = find_videos(tmp_path)
    assert {path.partition("/")[0] for path, role in roles(source).items() if role == "test"} == {"val"}
    assert passed_over(source) == {"videos in no class folder": 3}
    assert source.notes == (
        "test is unlabelled: its 3 videos lie in no class folders",
        "without a usable test folder val is the test set",
    )


def test_an_empty_test_folder_is_told(tmp_path):
    (splits(tmp_path, "train", per_class=(5,)) / "test").mkdir()
    source = find_videos(tmp_path)
    assert sorted(roles(source).values()) == ["test"] * 2 + ["train"] * 8
    assert "without a usable test folder a test set is held out from train" in source.notes
    assert passed_over(source) == {"empty folders": 1}


@pytest.mark.parametrize("name", ["holdout", "unseen", "Prueba", "train_val"])
def test_a_folder_with_the_same_classes_is_not_passed_over_for_its_name(tmp_path, name):
    splits(tmp_path, "train", name)
    told = refused(
        tmp_path, f"{name} has the same classes: call it val or test, or leave it out with --only train"
    )
    assert find_videos(tmp_path, limits=Limits(only=("train",))).test_from.startswith("made by holding out")
    assert "did you mean" not in told


def test_a_test_folder_beside_one_whose_name_says_no_split(tmp_path):
    refused(
        splits(tmp_path, "learn", "test"), "no folder train .* but learn has the same classes: call it train"
    )


def test_two_versions_of_a_split_are_refused_and_two_halves_are_not(tmp_path):
    for name in ("train", "train_256", "val", "val_256"):
        touch(tmp_path / "versions", *[f"{name}/{c}/{number}.mp4" for c in "ab" for number in range(2)])
    refused(tmp_path / "versions", "train and train_256 say the same split .* --only train --only val$")
    halves = splits(tmp_path / "halves", "train_1", "test", "x_train_2")
    assert sum(role == "train" for role in roles(find_videos(halves)).values()) == 10


@pytest.mark.parametrize("ending", [".mp4", "/1.jpg"])
def test_split_folders_in_class_folders(tmp_path, ending):
    for name in ("run", "walk"):
        touch(tmp_path, *[f"{name}/Train/{number}{ending}" for number in range(3)])
        touch(tmp_path, *[f"{name}/Val/{number}{ending}" for number in "3"])
        touch(tmp_path, *[f"{name}/Test/{number}{ending}" for number in "45"])
    source = find_videos(touch(tmp_path, "run/stray.mp4"))
    assert source.layout == ("split-folders" if ending == ".mp4" else "frame-folders")
    assert source.class_names == ("run", "walk")
    assert all(role == path.split("/")[1].lower() for path, role in roles(source).items())
    assert len(source.videos) == 12
    assert source.test_from == "folder <class>/Test"
    assert passed_over(source) == {"videos in no class folder": 1}


def test_a_class_without_the_split_folders_that_others_have(tmp_path):
    for name in "abc":
        touch(tmp_path, f"{name}/train/1.mp4", f"{name}/test/2.mp4")
    refused(touch(tmp_path, "d/1.mp4", "d/2.mp4"), "d: no train folder in it, as other classes have")


def test_videos_deeper_in_a_class_folder_are_of_the_class(tmp_path):
    touch(
        tmp_path,
        *[f"{c}/{where}{number}.mp4" for c in "ab" for where in ("", "session2/") for number in range(3)],
    )
    source = find_videos(tmp_path)
    assert len(source.videos) == 12
    assert set(classes(source).values()) == {"a", "b"}
    assert classes(source)["a/session2/1.mp4"] == "a"


def test_classes_of_numbered_groups(tmp_path):
    """UCF11: basketball/v_shooting_01/v_shooting_01_01.mpg, beside basketball/Annotation/*.xgtf."""
    for name, word in (("basketball", "shooting"), ("biking", "biking")):
        for group in range(1, 6):
            touch(
                tmp_path, *[f"{name}/v_{word}_0{group}/v_{word}_0{group}_0{clip}.mpg" for clip in range(1, 5)]
            )
        touch(tmp_path, f"{name}/Annotation/v_{word}_01_01.xgtf")
    source = find_videos(tmp_path)
    assert (source.layout, source.class_names, len(source.videos)) == (
        "folders",
        ("basketball", "biking"),
        40,
    )
    tested = {path.split("/")[1] for path, role in roles(source).items() if role == "test"}
    trained = {path.split("/")[1] for path, role in roles(source).items() if role == "train"}
    assert len(tested) == 2
    assert not tested & trained


def test_a_dataset_beside_class_folders_is_no_class(tmp_path):
    touch(tmp_path, *[f"{where}{c}/{n}.mp4" for where in ("", "backup/") for c in "ab" for n in range(3)])
    source = find_videos(tmp_path)
    assert source.class_names == ("a", "b")
    assert passed_over(source) == {"videos in no class folder": 6}


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["v1.rar"], "no video among its 1 file, such as v1.rar"),
        (["v1.mp4.part", "v2.mp4.part"], "no video among its 2 files, such as v1.mp4.part"),
        (["v1", "v2", "v3"], "no video among its 3 files, such as v1"),
        (["x/1.bmp", "x/2.bmp"], "no video among its 2 files, such as 1.bmp"),
        (["._v1.mp4", "._v2.mp4"], "no video among its 2 files, such as ._v1.mp4"),
    ],
)
def test_a_class_that_loses_all_of_it_is_an_error(tmp_path, names, reason):
    touch(tmp_path, *[f"{c}/{number}.mp4" for c in "ab" for number in range(3)])
    refused(
        touch(tmp_path, *[f"c/{name}" for name in names]), rf"c: {reason}.*class 'c' has no training video"
    )


@pytest.mark.parametrize("names", [["readme.md", "list.csv"], ["LICENSE"], ["notes"], [".git/config"], []])
def test_a_folder_of_notes_is_no_lost_class(tmp_path, names):
    touch(tmp_path, *[f"{c}/{number}.mp4" for c in "ab" for number in range(3)])
    (tmp_path / "c").mkdir()
    source = find_videos(touch(tmp_path, *[f"c/{name}" for name in names]))
    assert source.class_names == ("a", "b")
    assert sum(passed_over(source).values()) == max(1, len(names))


def test_a_sample_among_folders_of_frames_does_not_turn_them_into_thumbnails(tmp_path):
    touch(tmp_path, *[f"{c}/v{n}/{k}.jpg" for c in "ab" for n in range(3) for k in "12"], "a/demo.mp4")
    source = find_videos(tmp_path)
    assert (source.layout, len(source.videos)) == ("frame-folders", 6)
    assert passed_over(source) == {"video files beside folders of frames": 1}


def test_thumbnails_beside_videos_are_passed_over(tmp_path):
    touch(tmp_path, *[f"{c}/{n}.mp4" for c in "ab" for n in range(3)])
    touch(tmp_path, *[f"a/{n}_thumbs/{k}.jpg" for n in range(4) for k in "12"], "b/cover.png")
    source = find_videos(tmp_path)
    assert (source.layout, len(source.videos)) == ("folders", 6)
    kinds = {"folders of pictures beside video files": 4, "pictures outside folders of frames": 1}
    assert passed_over(source) == kinds


STRUCTURE = "say how videos are kept, not what they show"
NO_CLASSES = "lie in no class folders"
FRAMES = "a video is a folder of its frames"


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        (
            [f"{part}/{n}.mp4" for part in ("train", "test") for n in "123"],
            f"the videos in test and train {NO_CLASSES}",
        ),
        ([f"{s}/{c}/{n}.jpg" for s in ("train", "test") for c in "ab" for n in "123"], NO_CLASSES),
        (["train/1.mp4", "train/2.mp4", "val/a/1.mp4", "val/b/1.mp4"], f"the videos in train {NO_CLASSES}"),
        ([f"jpegs_{size}/v{n}/{k}.jpg" for size in (112, 256) for n in "123" for k in "12"], STRUCTURE),
        ([f"part_{part}/{n}.mp4" for part in "12" for n in "123"], STRUCTURE),
        ([f"train/{kind}/v{n}/1.jpg" for kind in ("rgb", "flow_x") for n in "123"], STRUCTURE),
        ([f"{c}/v{n}/{kind}/1.jpg" for c in "ab" for n in "12" for kind in ("img", "flow_x")], FRAMES),
        ([f"v{n}/{kind}/1.jpg" for n in "12" for kind in ("img", "flow_x")], FRAMES),
        ([f"{c}/{n}.jpg" for c in ("run", "walk") for n in "123"], FRAMES),
    ],
)
def test_structure_is_not_taken_for_classes(tmp_path, paths, message):
    assert "did you mean" not in refused(touch(tmp_path, *paths), message)


def test_structure_is_taken_for_classes_when_asked(tmp_path):
    touch(tmp_path, *[f"{part}/{n}.mp4" for part in ("train", "test") for n in "123"])
    assert find_videos(tmp_path, "folders").class_names == ("test", "train")


def test_a_class_may_be_called_train(tmp_path):
    touch(tmp_path, *[f"{c}/{n}.mp4" for c in ("train", "bus", "car") for n in range(3)])
    assert find_videos(tmp_path).class_names == ("bus", "car", "train")


def test_a_train_folder_with_classes_beside_class_folders_is_a_question(tmp_path):
    touch(tmp_path, *[f"{c}/{n}.mp4" for c in ("demo1", "demo2", "train/a", "train/b") for n in range(3)])
    refused(
        tmp_path,
        "beside demo1, demo2; --layout split-folders takes it for train, --layout folders for a class",
    )
    assert find_videos(tmp_path, "split-folders").class_names == ("a", "b")
    assert find_videos(tmp_path, "folders").class_names == ("demo1", "demo2", "train")


def test_one_stray_folder_does_not_turn_a_split_folder_into_a_class(tmp_path):
    touch(tmp_path, "samples/demo.mp4", *[f"train/{c}/{n}.mp4" for c in "ab" for n in range(3)])
    source = find_videos(tmp_path)
    assert (source.layout, source.class_names) == ("split-folders", ("a", "b"))
    assert passed_over(source) == {"videos in no class folder": 1}


def test_one_class_in_two_unicode_forms(tmp_path):
    forms = [unicodedata.normalize(form, "café") for form in ("NFC", "NFD")]
    for split, form, numbers in (("train", forms[0], "123"), ("test", forms[1], "45")):
        touch(tmp_path, *[f"{split}/{c}/{n}.mp4" for c in (form, "b") for n in numbers])
    source = find_videos(tmp_path)
    assert source.class_names == ("b", "café")
    assert source.notes == (
        "folders 'café' are written in 2 Unicode forms (NFC, NFD) and taken as one class",
    )
    assert find_videos(tmp_path, limits=Limits(class_names=(forms[1], "b"))).class_names == ("b", "café")


@pytest.mark.parametrize(("train", "test"), [("Run", "run"), ("Run Fast", "run_fast")])
def test_classes_that_nearly_agree_are_named(tmp_path, train, test):
    touch(
        tmp_path, *[f"train/{c}/1.mp4" for c in (train, "walk")], *[f"test/{c}/2.mp4" for c in (test, "walk")]
    )
    names = {train, test}
    told = refused(tmp_path, "did you mean one class with ")
    assert all(f"'{name}'" in told for name in names)


def test_names_that_are_no_utf_8_and_names_with_line_ends(tmp_path):
    for name in (b"f\xe4llt", b"two\nlines", b" quoted ' \" "):
        folder = tmp_path / os.fsdecode(name)
        folder.mkdir()
        for number in range(3):
            (folder / os.fsdecode(b"\xe9%d.mp4" % number)).touch()
    source = find_videos(tmp_path)
    assert source.class_names == (" quoted ' \" ", "fällt", "two\nlines")
    assert len(source.videos) == 9

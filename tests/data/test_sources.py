import os
from pathlib import Path

import pytest
from media import clip, write_dataset, write_pictures, write_video

from vidcondense.base.errors import VidcondenseError
from vidcondense.data.layouts.listing import hold_out
from vidcondense.data.layouts.tree import look
from vidcondense.data.sources import find_videos

JHMDB = Path(__file__).parents[3] / "shared" / "data" / "jhmdb21"


def touch(root, *paths):
    """Files that look like videos; nothing is decoded when videos are looked for."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"")
    return root


def roles(source, split=0):
    return {video.path: video.roles[split] for video in source.videos}


def hmdb(root, first="a.avi 1\nb.avi 2\nc.avi 0\n", suffix=".avi", folder="videos/"):
    names = [f"{folder}{name}/{stem}{suffix}" for name in ("run", "eat") for stem in "abc"]
    touch(root, *names)
    (root / "lists").mkdir()
    for name in ("run", "eat"):
        (root / "lists" / f"{name}_test_split1.txt").write_text(first)
        (root / "lists" / f"{name}_test_split2.txt").write_text("a.avi 2 \nb.avi 1 \n\n")
    return root


def test_folders_give_sorted_classes_and_videos(tmp_path):
    touch(tmp_path, *[f"{name}/{n}{end}" for name in "ba" for n, end in enumerate((".mp4", ".AVI", ".gif"))])
    touch(tmp_path, "a/.hidden.mp4", "a/notes.txt", ".cache/x.mp4", "empty/readme.md")
    source = find_videos(tmp_path)
    assert (source.layout, source.class_names, source.split_names) == ("folders", ("a", "b"), ("1",))
    assert [video.path for video in source.videos] == [
        f"{c}/{v}" for c in "ab" for v in ("0.mp4", "1.AVI", "2.gif")
    ]
    assert [video.label for video in source.videos] == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize(
    ("count", "fraction", "tests"), [(2, 0.01, 1), (2, 0.99, 1), (10, 0.2, 2), (10, 0.5, 5)]
)
def test_the_held_out_share(count, fraction, tests):
    chosen = hold_out([f"c/{n}.mp4" for n in range(count)], fraction)
    assert sorted(chosen.values()).count("test") == tests
    assert set(chosen.values()) == {"train", "test"}


def test_few_videos_change_sides_when_one_is_added():
    before = hold_out([f"c/{n}.mp4" for n in range(50)], 0.2)
    after = hold_out([f"c/{n}.mp4" for n in range(51)], 0.2)
    assert sum(before[path] != after[path] for path in before) <= 1


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


@pytest.mark.parametrize("folder", ["videos/", ""])
@pytest.mark.parametrize("suffix", [".avi", ".mp4"])
def test_hmdb51_lists(tmp_path, folder, suffix):
    source = find_videos(hmdb(tmp_path, suffix=suffix, folder=folder))
    assert (source.layout, source.split_names, source.class_names) == ("hmdb51", ("1", "2"), ("eat", "run"))
    assert [video.roles for video in source.videos][:3] == [
        ("train", "test"),
        ("test", "train"),
        ("unused", "unused"),
    ]
    assert source.missing == ()


def test_hmdb51_lists_that_name_a_video_that_is_not_there(tmp_path):
    source = find_videos(hmdb(tmp_path, first="a.avi 1\nb.avi 2\ngone.avi 1\n"))
    assert [path for path, _ in source.missing] == ["videos/eat/gone.avi", "videos/run/gone.avi"]
    assert "no such video" in source.missing[0][1]


def test_jhmdb_has_its_published_splits():
    if not JHMDB.exists():
        pytest.skip(f"the shared data set is not here: {JHMDB}")
    source = find_videos(JHMDB)
    counts = [
        tuple(list(roles(source, split).values()).count(role) for role in ("train", "test"))
        for split in range(3)
    ]
    assert counts == [(660, 268), (658, 270), (663, 265)]
    assert len(source.class_names) == 21


def test_the_layout_can_be_named(tmp_path):
    touch(tmp_path, *[f"{role}/{c}.mp4" for role in ("train", "test") for c in "ab"])
    assert find_videos(tmp_path, layout="folders").class_names == ("test", "train")


def refused(root, message, **options):
    with pytest.raises(VidcondenseError, match=message) as error:
        find_videos(root, **options)
    assert "\n" not in str(error.value)


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


def test_hmdb51_without_lists(tmp_path):
    refused(touch(tmp_path, "a/1.mp4"), "no HMDB51 split lists", layout="hmdb51")


def test_a_class_without_a_list(tmp_path):
    refused(touch(hmdb(tmp_path), "videos/new/x.avi"), "class 'new' has videos but no new_test_split")


def test_a_damaged_list(tmp_path):
    refused(hmdb(tmp_path, first="a.avi 1\nb.avi x\n"), r"eat_test_split1.txt line 2.*'b.avi x'")


def test_a_test_split_without_a_class(tmp_path):
    touch(tmp_path, "train/a/1.mp4", "train/b/1.mp4", "test/a/2.mp4")
    refused(tmp_path, "class 'b' has no test video in split '1'")


def test_a_class_without_training_videos(tmp_path):
    touch(tmp_path, "train/a/1.mp4", "test/b/1.mp4", "test/a/2.mp4")
    refused(tmp_path, "class 'b' has no training video in split '1'")


@pytest.mark.parametrize("fraction", [0, 1, -0.5, float("nan")])
def test_a_senseless_test_fraction(tmp_path, fraction):
    refused(touch(tmp_path, "a/1.mp4", "b/1.mp4"), "test_fraction", test_fraction=fraction)


def test_links_that_lead_out_of_the_folder_are_not_followed(tmp_path):
    source, away = write_dataset(tmp_path / "source", per_class=3), tmp_path / "away"
    private = write_video(away / "private.mkv")
    (source / "class0" / "out.mkv").symlink_to(private)
    (source / "class0" / "in.mkv").symlink_to("v00.mkv")
    (source / "class0" / "up.mkv").symlink_to("../../away/private.mkv")
    (source / "class0" / "itself.mkv").symlink_to("itself.mkv")
    (source / "back").symlink_to(".")
    found = find_videos(source)
    assert "class0/in.mkv" in [video.path for video in found.videos]
    reason = "a link that leads out of the folder; --follow-links takes it"
    assert found.missing == (("class0/out.mkv", reason), ("class0/up.mkv", reason))
    followed = find_videos(source, follow_links=True)
    assert len(followed.videos) == len(found.videos) + 2
    assert followed.missing == ()
    # The folder itself may be reached by a link; one of its classes may not.
    (tmp_path / "elsewhere").symlink_to(source)
    assert find_videos(tmp_path / "elsewhere").videos == found.videos
    (source / "class9").symlink_to(away)
    with pytest.raises(VidcondenseError, match=r"first is .*: a link .*class 'class9' has no"):
        find_videos(source)


def test_pictures_that_are_links_out_of_the_folder(tmp_path):
    for name in ("a", "b"):
        for number in range(4):
            write_pictures(tmp_path / "source" / name / f"v{number}", clip(3))
    (tmp_path / "private.png").write_bytes(b"")
    (tmp_path / "source" / "a" / "v1" / "frame9.png").symlink_to(tmp_path / "private.png")
    found = find_videos(tmp_path / "source")
    assert [path for path, _ in found.missing] == ["a/v1"]


def test_lists_that_are_pipes_do_not_block(tmp_path):
    source = write_dataset(tmp_path / "source")
    os.mkfifo(source / "labels.csv")
    assert find_videos(source).layout == "folders"
    os.mkfifo(source / "class0_test_split1.txt")
    with pytest.raises(VidcondenseError, match=r"class0_test_split1.txt: it is not a file"):
        find_videos(source)


def test_folders_that_lead_back_are_entered_once(tmp_path):
    write_video(tmp_path / "a" / "v.mkv")
    for number in range(30):
        (tmp_path / "a" / f"{number}").symlink_to("..")
    assert [video.path for video in look(tmp_path).all_videos()] == ["a/v.mkv"]

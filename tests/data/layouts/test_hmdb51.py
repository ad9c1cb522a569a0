"""HMDB51 and JHMDB: the official splits, and those of the code of Wang et al."""

import pytest
from miniatures import hmdb
from sources import passed_over, real, refused, roles, touch

from vidcondense.data.sources import find_videos


def test_hmdb51_with_the_splits_of_the_published_code(tmp_path):
    source = find_videos(hmdb(tmp_path), layout="hmdb51-vdsd")
    assert source.split_names == ("1", "2", "1-vdsd", "2-vdsd")
    assert [video.roles for video in source.videos] == [
        ("train", "test", "train", "test"),
        ("test", "unused", "test", "train"),
        ("unused", "train", "train", "train"),
    ] * 2
    assert find_videos(tmp_path).split_names == ("1", "2")


def test_hmdb51_without_a_class_folder(tmp_path):
    for stem in "abc":
        (hmdb(tmp_path) if stem == "a" else tmp_path).joinpath("run", f"{stem}.avi").unlink()
    refused(tmp_path, "class 'run' has no training video in split '1'")


def test_jhmdb_with_the_splits_of_the_published_code():
    source = find_videos(real("jhmdb21"), layout="hmdb51-vdsd")
    for split in range(3):
        official, other = roles(source, split), roles(source, split + 3)
        assert [path for path in official if official[path] == "test"] == [
            p for p in other if other[p] == "test"
        ]
        assert list(other.values()).count("train") == 928 - list(other.values()).count("test")


def official(root, first="a.avi 1\nb.avi 2\nc.avi 0\n", suffix=".avi", folder="videos/"):
    names = [f"{folder}{name}/{stem}{suffix}" for name in ("run", "eat") for stem in "abc"]
    touch(root, *names)
    (root / "lists").mkdir()
    for name in ("run", "eat"):
        (root / "lists" / f"{name}_test_split1.txt").write_text(first)
        (root / "lists" / f"{name}_test_split2.txt").write_text("a.avi 2 \nb.avi 1 \n\n")
    return root


@pytest.mark.parametrize("folder", ["videos/", ""])
@pytest.mark.parametrize("suffix", [".avi", ".mp4"])
def test_hmdb51_lists(tmp_path, folder, suffix):
    source = find_videos(official(tmp_path, suffix=suffix, folder=folder))
    assert (source.layout, source.split_names, source.class_names) == ("hmdb51", ("1", "2"), ("eat", "run"))
    assert [video.roles for video in source.videos][:3] == [
        ("train", "test"),
        ("test", "train"),
        ("unused", "unused"),
    ]
    assert source.missing == ()


def test_hmdb51_lists_that_name_a_video_that_is_not_there(tmp_path):
    source = find_videos(official(tmp_path, first="a.avi 1\nb.avi 2\ngone.avi 1\n"))
    assert [path for path, _ in source.missing] == ["videos/eat/gone.avi", "videos/run/gone.avi"]
    assert "no such video" in source.missing[0][1]


def test_jhmdb_has_its_published_splits():
    source = find_videos(real("jhmdb21"))
    counts = [
        tuple(list(roles(source, split).values()).count(role) for role in ("train", "test"))
        for split in range(3)
    ]
    assert counts == [(660, 268), (658, 270), (663, 265)]
    assert len(source.class_names) == 21


def test_hmdb51_without_lists(tmp_path):
    refused(touch(tmp_path, "a/1.mp4"), "no HMDB51 split lists", layout="hmdb51")


def test_a_class_without_a_list(tmp_path):
    refused(touch(official(tmp_path), "videos/new/x.avi"), "class 'new' has videos but no new_test_split")


def test_a_damaged_list(tmp_path):
    refused(official(tmp_path, first="a.avi 1\nb.avi x\n"), r"eat_test_split1.txt line 2.*'b.avi x'")


def test_hmdb51_with_archives_left_beside_the_folders(tmp_path):
    touch(official(tmp_path), "videos/run.rar", "videos/eat.rar", "hmdb51_org.rar", "lists.rar")
    source = find_videos(tmp_path)
    assert len(source.videos) == 6
    assert passed_over(source) == {".rar files": 4}


def test_hmdb51_in_other_capitals(tmp_path):
    (official(tmp_path) / "videos" / "run").rename(tmp_path / "videos" / "Run")
    source = find_videos(tmp_path)
    assert source.class_names == ("eat", "run")
    assert roles(source, 1)["videos/Run/a.avi"] == "test"


def test_hmdb51_as_folders_of_frames(tmp_path):
    for file in list(official(tmp_path).rglob("*.avi")):
        file.unlink()
        touch(tmp_path, f"{file.relative_to(tmp_path).with_suffix('')}/1.jpg")
    source = find_videos(tmp_path)
    assert (source.layout, len(source.videos), source.missing) == ("hmdb51", 6, ())

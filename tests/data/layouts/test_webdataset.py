"""WebDataset: labels and splits of plain tar files."""

import pytest
from media import write_tar
from miniatures import shard
from sources import refused, roles, touch, write

from vidcondense.data.layouts import webdataset
from vidcondense.data.sources import find_videos
from vidcondense.data.tars import read_contents


def test_webdataset_with_every_kind_of_label(tmp_path):
    shard(tmp_path / "train-000.tar", ("a/0001", "cls", "run\n"), ("0002", "json", {"label": "eat"}))
    shard(
        tmp_path / "train-001.tar", ("./0003", "txt", "eat"), ("0004", "json", {"x": 1, "class_name": "run"})
    )
    shard(tmp_path / "val-000.tar", ("0005", "cls", "run"), ("0006", "txt", "eat"))
    source = find_videos(tmp_path)
    assert (source.layout, source.class_names) == ("webdataset", ("eat", "run"))
    assert [(video.path, video.label, *video.roles) for video in source.videos] == [
        ("train-000.tar/0002.mp4", 0, "train"),
        ("train-001.tar/0003.mp4", 0, "train"),
        ("val-000.tar/0006.mp4", 0, "test"),
        ("train-000.tar/a/0001.mp4", 1, "train"),
        ("train-001.tar/0004.mp4", 1, "train"),
        ("val-000.tar/0005.mp4", 1, "test"),
    ]


def test_webdataset_numbers_sort_as_numbers(tmp_path):
    for folder in ("train", "test"):
        shard(tmp_path / folder / "0.tar", *[(f"k{n}", "cls", f"{n}") for n in range(11)])
    source = find_videos(tmp_path)
    assert source.class_names == tuple(f"{n:02d}" for n in range(11))
    assert roles(source)["test/0.tar/k10.mp4"] == "test"


def test_webdataset_that_names_no_split_is_held_out_from(tmp_path):
    shard(tmp_path / "000.tar", *[(f"k{n}", "cls", "ab"[n % 2]) for n in range(10)])
    assert sorted(roles(find_videos(tmp_path)).values()) == ["test"] * 2 + ["train"] * 8
    shard(tmp_path / "val.tar", ("x", "cls", "a"))
    refused(tmp_path, "000.tar does not say whether it is train, val or test, as val.tar does")


def test_webdataset_lists_what_it_cannot_use(tmp_path):
    good = [(f"k{n}", "cls", "ab"[n % 2]) for n in range(4)]
    bad = [("none", "", ""), ("pkl", "pyd", "x"), ("long", "txt", "two\nlines"), ("json", "json", {"id": 1})]
    shard(tmp_path / "0.tar", *good, *bad, ("broken", "json", "{,"), ("deep", "json", "[" * 100_000))
    write_tar(tmp_path / "1.tar.gz", {"a.mp4": b""}, "w:gz")
    write(tmp_path / "2.tar", "no tar")
    missing = dict(find_videos(tmp_path).missing)
    assert missing.pop("0.tar/none.mp4") == "no label beside it (none.cls, none.json, none.txt)"
    assert missing.pop("0.tar/pkl.mp4").startswith("no label beside it")
    assert missing.pop("0.tar/long.mp4") == "long.txt holds no class: 'two\\nlines'"
    assert missing.pop("0.tar/json.mp4") == "its .json has no label, class, class_name, cls"
    assert "not valid JSON" in missing.pop("0.tar/broken.mp4")
    assert "nested deeper than" in missing.pop("0.tar/deep.mp4")
    assert "compressed shard" in missing.pop("1.tar.gz")
    assert missing.pop("2.tar") == "not a plain tar file"
    assert missing == {}


def test_a_tar_that_shrinks_after_it_is_listed_costs_its_videos(tmp_path, monkeypatch):
    good = [(f"k{n}", "cls", "ab"[n % 2]) for n in range(4)]
    shard(tmp_path / "0.tar", *good)
    shard(tmp_path / "1.tar", ("late", "cls", "a"))

    def shrinking(path):
        contents = read_contents(path)
        if path.name == "1.tar":
            path.write_bytes(path.read_bytes()[:512])
        return contents

    monkeypatch.setattr(webdataset, "read_contents", shrinking)
    (missing,) = find_videos(tmp_path).missing
    assert missing == ("1.tar/late.mp4", "its .cls cannot be read: 1.tar has become damaged or shorter")


def test_tars_without_labelled_videos(tmp_path):
    write_tar(tmp_path / "all.tar", {"a/1.mp4": b"", "b/1.mp4": b""})
    refused(tmp_path, "no videos in .*all.tar/a/1.mp4: no label beside it .*and 1 more")


@pytest.mark.parametrize("words", [("train", "val"), ("Training", "Testing"), ("train_256", "valid_256")])
def test_webdataset_by_any_word_for_a_split(tmp_path, words):
    for word, keys in zip(words, ("abcd", "ef"), strict=True):
        shard(tmp_path / f"{word}-000.tar", *[(key, "cls", str(n % 2)) for n, key in enumerate(keys)])
    source = find_videos(tmp_path)
    assert sorted(roles(source).values()) == ["test"] * 2 + ["train"] * 4


def test_one_broken_tar_file_whose_name_says_no_split_does_not_decide(tmp_path):
    for word in ("train", "val"):
        shard(tmp_path / f"{word}.tar", *[(f"{word}{n}", "cls", str(n % 2)) for n in range(4)])
    touch(tmp_path, "misc.tar", "samples/demo.mp4")
    source = find_videos(tmp_path)
    assert (source.layout, len(source.videos)) == ("webdataset", 8)
    assert source.missing == (("misc.tar", "not a plain tar file"),)
    assert source.seen.unused == ("samples",)

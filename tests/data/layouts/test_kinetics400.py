"""Kinetics-400: the official CSVs beside clips called by id and times."""

import pytest
from media import clip, write_pictures
from miniatures import kinetics
from sources import refused, roles, touch, write

from vidcondense.data.sources import find_videos


@pytest.mark.parametrize("flat", [True, False])
def test_kinetics400(tmp_path, flat):
    source = find_videos(kinetics(tmp_path, flat))
    assert source.layout == "kinetics400"
    assert source.class_names == ("air drumming", "massaging person's head")
    middle = "" if flat else "air drumming/"
    assert roles(source) | {
        f"train/{middle}-a0_000007_000017.mp4": "train",
        f"train/{middle}_b0_000007_000017.mp4": "train",
        f"val/{middle}c-_0_000007_000017.mp4": "test",
    } == roles(source)
    assert len(source.videos) == 6, "the test list is not used"
    assert source.missing == ()


def test_kinetics400_as_folders_of_frames(tmp_path):
    for file in list(kinetics(tmp_path).rglob("*.mp4")):
        file.unlink()
        write_pictures(file.with_suffix(""), clip(5, len(file.name)), "{:02d}.jpg")
    source = find_videos(tmp_path)
    assert (source.layout, len(source.videos)) == ("kinetics400", 6)
    assert "val/air drumming/c-_0_000007_000017" in roles(source)


def test_kinetics400_lists_videos_that_are_not_there_or_named_twice(tmp_path):
    (kinetics(tmp_path, flat=True) / "train" / "_b1_000007_000017.mp4").unlink()
    with (tmp_path / "annotations" / "val.csv").open("a") as file:
        file.write("massaging person's head,-a0,7,17,val,0\n")
    missing = dict(find_videos(tmp_path).missing)
    assert missing == {
        "_b1_000007_000017.mp4": "named by train.csv, but there is no such video",
        "-a0_000007_000017.mp4": "val.csv has it a second time; it stays train, 'air drumming'",
    }


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("air drumming,x,7,17,tarin,0", "line 4: split is 'tarin', not one of train, val"),
        (
            "air drumming,x,7,late,train,0",
            "line 4: expected a label, a youtube_id and two numbers of seconds",
        ),
        (",x,7,17,train,0", "line 4: expected a label"),
        ("air drumming,x,7,17", "line 4: 4 values instead of 6"),
        ('"air drumming,x,7,17,train,0', "line 4: not valid CSV"),
    ],
)
def test_a_damaged_row_of_kinetics400(tmp_path, row, message):
    kinetics(tmp_path)
    file = tmp_path / "annotations" / "val.csv"
    file.write_text(file.read_text() + f"{row}\nair drumming,y,7,17,train,0\n")
    refused(tmp_path, f"val.csv {message}")


def test_a_kinetics400_class_with_no_training_video_is_named_even_if_it_has_no_video_at_all(tmp_path):
    for file in (kinetics(tmp_path) / "train" / "air drumming").iterdir():
        file.unlink()
    refused(tmp_path, "class 'air drumming' has no training video")
    for file in (tmp_path / "val" / "air drumming").iterdir():
        file.unlink()
    refused(tmp_path, "class 'air drumming' has no training video")


def test_kinetics400_with_replacements_in_a_folder_of_their_own(tmp_path):
    source = kinetics(tmp_path)
    replaced = tmp_path / "replacement" / "replacement_for_corrupted_k400"
    replaced.mkdir(parents=True)
    (source / "train" / "air drumming" / "-a0_000007_000017.mp4").rename(replaced / "-a0_000007_000017.mp4")
    found = find_videos(tmp_path)
    assert (len(found.videos), found.missing) == (6, ())
    assert roles(found)["replacement/replacement_for_corrupted_k400/-a0_000007_000017.mp4"] == "train"


@pytest.mark.parametrize(
    "name", ["{id}.mp4", "{id}_7_17.webm", "{id}_000007.mp4", "{id}_000007_000017/1.jpg"]
)
def test_kinetics400_by_other_names(tmp_path, name):
    for file in list(kinetics(tmp_path, flat=True).rglob("*.mp4")):
        file.unlink()
        id_ = file.stem.removesuffix("_000007_000017")
        touch(tmp_path, f"{file.parent.relative_to(tmp_path)}/{name.format(id=id_)}")
    source = find_videos(tmp_path)
    assert (source.layout, len(source.videos), source.missing) == ("kinetics400", 6, ())


def test_kinetics400_by_the_words_of_other_tools_and_as_pandas_writes_it(tmp_path):
    kinetics(tmp_path)
    for file in (tmp_path / "annotations").iterdir():
        text = file.read_text().replace(",7,17,", ",7.0,17.0,").replace(",val,", ",validate,")
        write(file, text.replace("\n", "\r\n"), "utf-8-sig")
    source = find_videos(tmp_path)
    assert (len(source.videos), source.missing) == (6, ())
    assert sorted(roles(source).values()) == ["test"] * 2 + ["train"] * 4

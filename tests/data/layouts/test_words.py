"""What names mean: split words, what systems leave behind, which names are equal."""

import unicodedata

import pytest

from vidcondense.data.layouts.words import alike, composed, is_litter, role_of, same, says_how_kept, text
from vidcondense.data.pictures import stem_of

TRAIN = [
    "train",
    "Train",
    "TRAIN",
    "training",
    "Training Set",
    "trainset",
    "train_256",
    "videos_train",
    "train1",
]
TRAIN += [
    "train (1)",
    "trainVideos",
    "k400-train",
    "01_train",
    "training_samples",
    "trainval",
    "train.zip_unpacked",
]
VAL = ["val", "valid", "Validation", "validate", "dev", "eval", "evaluation", "val_256", "ucf_eval", "valset"]
TEST = [
    "test",
    "Testing",
    "TEST",
    "test_videos",
    "testdata",
    "Test Set",
    "videosTest",
    "testlist01",
    "rawframes_test",
]
NONE = ["latest", "contest", "trainer", "untested", "devil", "value", "evaluate", "a", "", "256", "Prüfung"]
TWO = ["train_val", "train-test-split", "TrainTest", "test or dev"]


@pytest.mark.parametrize(
    ("name", "role"),
    [
        *((name, "train") for name in TRAIN),
        *((name, "val") for name in VAL),
        *((name, "test") for name in TEST),
        *((name, "") for name in [*NONE, *TWO]),
    ],
)
def test_the_role_that_a_name_says(name, role):
    assert role_of(name) == role


SYSTEM = "@eaDir #recycle @Recycle __MACOSX ._v.mp4 .DS_Store Thumbs.db desktop.ini $RECYCLE.BIN lost+found"
SYSTEM += " FOUND.000 .AppleDouble ~snapshot"


@pytest.mark.parametrize("name", [*SYSTEM.split(), "System Volume Information", "Icon\r"])
def test_what_systems_leave_behind(name):
    assert is_litter(name)


@pytest.mark.parametrize(
    "name", ["#20_Rhythm_kick.avi", "@someone_123.mp4", "$100 bill", "thumbs up", "a.db"]
)
def test_names_that_only_look_like_it(name):
    assert not is_litter(name)


@pytest.mark.parametrize(
    "name", ["jpegs_112", "videos", "rawframes", "rgb", "flow_x", "part_3", "Fold1", "frames256"]
)
def test_names_that_say_how_videos_are_kept(name):
    assert says_how_kept(name)


@pytest.mark.parametrize("name", ["video games", "x", "112", "flow dance", "run"])
def test_names_that_say_what_videos_show(name):
    assert not says_how_kept(name)


def test_names_that_differ_in_capitals_or_coding_alone_are_the_same():
    wide = unicodedata.normalize("NFD", "Café")
    assert wide != "Café"
    assert same(wide) == same("café")
    assert composed(wide) == "Café"
    assert same("straße") == same("STRASSE")
    assert same("run_fast") != same("run fast")
    assert alike("Run_Fast!") == alike("run fast")
    assert alike("run") != alike("runs")
    assert alike("!!") != alike("??")


def test_bytes_that_are_no_utf_8_are_latin_1_on_the_disk_and_in_lists():
    assert composed("f\udce4llt") == "fällt" == text("fällt".encode("latin-1")) == text("fällt".encode())
    assert text("a,b\r\n".encode("utf-16")) == "a,b\r\n" == text("a,b\r\n".encode("utf-8-sig"))
    assert composed("\ud800") == "\ud800"


@pytest.mark.parametrize(
    ("path", "stem"),
    [
        ("a/x.avi", "x"),
        ("x.MP4", "x"),
        ("v_x/", "v_x"),
        ("x.1.mp4", "x.1"),
        ("J. S. Bach", "J. S. Bach"),
        ("x.mp4.part", "x.mp4.part"),
        (".mp4", ".mp4"),
        ("2000.webm", "2000"),
    ],
)
def test_a_name_without_a_videos_ending(path, stem):
    assert stem_of(path) == stem

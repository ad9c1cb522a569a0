"""Labels that are numbers, and the lists that name them."""

import pytest
from sources import touch, write

from vidcondense.data.layouts.labels import named, padded, text_of_label
from vidcondense.data.layouts.tree import look


def test_numbers_sort_as_numbers():
    assert padded(["2", "10", "007"]) == ["02", "10", "07"]
    assert padded(["2", "b"]) == ["2", "b"]
    assert padded([]) == []


def test_labels_with_a_list_that_lacks_one_stay_numbers(tmp_path):
    write(tmp_path / "classes.txt", "jump\nrun\n")
    names, notes, lists = named(look(tmp_path), ["0", "2"], ())
    assert (names, lists) == (["0", "2"], ())
    assert notes == ("labels are numbers, and no list of classes names them",)
    assert named(look(tmp_path), ["0", "1"], ())[0] == ["jump", "run"]


@pytest.mark.parametrize("text", ["jump\njump\n", '{"a": [1]}', "[1, 2]", "", "\0\1"])
def test_a_list_that_gives_two_classes_one_name_or_is_none(tmp_path, text):
    write(tmp_path / ("classes.json" if text.startswith(("{", "[")) else "classes.txt"), text)
    assert named(look(tmp_path), ["0", "1"], ())[0] == ["0", "1"]


def test_a_list_of_videos_names_no_classes(tmp_path):
    write(tmp_path / "labels.txt", "clip0.mp4 0\nclip1.mp4 1\n")
    assert named(look(tmp_path), ["0", "1"], ("labels.txt",))[0] == ["0", "1"]


def test_labels_that_are_names_stay(tmp_path):
    write(touch(tmp_path) / "classes.txt", "jump\nrun\n")
    assert named(look(tmp_path), ["walk", "1"], ()) == (["walk", "1"], (), ())


@pytest.mark.parametrize(("value", "label"), [("run ", "run"), (3, "3"), (3.0, "3"), ("", "")])
def test_a_label_from_json(value, label):
    assert text_of_label(value) == label


@pytest.mark.parametrize("value", [1.5, [1], {"a": 1}, True, None, float("inf")])
def test_a_value_that_is_no_label(value):
    with pytest.raises(ValueError, match="its label is"):
        text_of_label(value)

"""Something-Something V2: the official JSON beside <id>.webm."""

import pytest
from miniatures import something
from sources import refused, roles, write

from vidcondense.data.sources import find_videos


@pytest.mark.parametrize("prefix", ["something-something-v2-", ""])
def test_something_something_v2(tmp_path, prefix):
    source = find_videos(something(tmp_path, prefix))
    assert source.layout == "something-something-v2"
    assert source.class_names == ("Holding something next to something", "Turning the camera left")
    folder = "20bn-something-something-v2"
    assert roles(source) == {
        f"{folder}/{n}.webm": r for n, r in zip("123456", ["train"] * 4 + ["test"] * 2, strict=True)
    }
    assert [video.label for video in source.videos] == [0, 0, 0, 1, 1, 1]


def test_something_something_v2_names_what_is_missing(tmp_path):
    (something(tmp_path) / "20bn-something-something-v2" / "2.webm").unlink()
    reason = "named by something-something-v2-train.json, but there is no such video"
    assert find_videos(tmp_path).missing == (("2.webm", reason),)


GOOD = '[\n{"id": "1", "template": "Turning the camera left"},\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            GOOD + '{"id": "2", "template": "Flying [something]"}]',
            ": unknown class 'Flying something' at \\$.1.,",
        ),
        (
            GOOD + '\n{"template": "Turning the camera left"}]',
            ": .*field `id` - at `\\$.1.`",
        ),
        (GOOD + '{"id": "2",, ', "is not valid JSON .*line 3"),
        (
            GOOD + '{"id": "2", "template": "Turning the camera left"}\n',
            "is not valid JSON .*line 4.*cut short",
        ),
        (GOOD + "7]", ": Expected `object`, got `int` - at `\\$.1.`"),
        ("{}", ": Expected `array`, got `object`"),
        (GOOD + "[" * 100_000, "is not valid JSON .nested deeper than 100"),
        (GOOD[:-2] + ",]", "is not valid JSON .*line 2"),
        (GOOD + '{"id": "", "template": "x"}]', ": .* at `\\$.1..id`"),
    ],
)
def test_a_damaged_list_of_something_something_v2(tmp_path, text, message):
    write(something(tmp_path, "") / "labels" / "validation.json", text)
    refused(tmp_path, f"validation.json ?{message}")


def test_damaged_labels_of_something_something_v2(tmp_path):
    write(something(tmp_path, "") / "labels" / "labels.json", '{"a": "0",\n')
    refused(tmp_path, r"labels.json is not valid JSON .*line 2")


def test_something_something_v2_in_another_ending_or_as_frames(tmp_path):
    assert len(find_videos(something(tmp_path / "mp4", suffix=".mp4")).videos) == 6
    source = find_videos(something(tmp_path / "frames", suffix="/img_00001.jpg"))
    assert (source.layout, len(source.videos), source.missing) == ("something-something-v2", 6, ())

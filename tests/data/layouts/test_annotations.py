"""Reading lists, and finding the videos that they name wherever these lie."""

import pytest
from sources import touch, write

from vidcondense.base.errors import VidcondenseError
from vidcondense.data.layouts.annotations import (
    Row,
    Videos,
    csv_rows,
    files_in,
    json_content,
    lines_of,
    list_rows,
)
from vidcondense.data.layouts.tree import look


def found(root, path, role="train", *, names=(), folder=""):
    """The path of the first video that fits a row."""
    videos = Videos(look(root)).find(Row(path, "a", role, "list", names=names, folder=folder))
    return videos[0].path if videos else None


@pytest.mark.parametrize(
    "path",
    [
        "a/x.avi",
        "x.avi",
        "x",
        "X.AVI",
        "/data/other/a/x.mp4",
        "C:\\me\\a\\x.avi",
        "./a/x.avi",
        "a/x/",
        "nowhere/x",
    ],
)
def test_a_row_finds_its_video_however_it_is_written(tmp_path, path):
    touch(tmp_path, "UCF-101/a/x.avi", "UCF-101/a/y.avi", "UCF-101/b/z.avi")
    assert found(tmp_path, path) == "UCF-101/a/x.avi"


@pytest.mark.parametrize("path", ["w.avi", "a/xx.avi", "", "/", "a"])
def test_a_row_that_finds_none(tmp_path, path):
    assert found(touch(tmp_path, "a/x.avi", "b/y.avi"), path) is None


def test_of_several_videos_of_one_name_that_is_meant_which_has_the_folder_the_split_or_is_a_file(tmp_path):
    touch(
        tmp_path,
        "a/x.avi",
        "b/x.avi",
        "train/c/y.avi",
        "test/c/y.avi",
        "z.mp4",
        "deep/z/1.jpg",
        "Q.avi",
        "q/q.avi",
    )
    assert found(tmp_path, "b/x.avi") == "b/x.avi"
    assert found(tmp_path, "a/x.avi") == "a/x.avi"
    assert found(tmp_path, "c/y.avi", "test") == "test/c/y.avi"
    assert found(tmp_path, "c/y.avi", "train") == "train/c/y.avi"
    assert found(tmp_path, "z") == "z.mp4"
    assert found(tmp_path, "Q.avi") == "Q.avi"
    assert found(tmp_path, "q.avi") == "q/q.avi"
    assert found(tmp_path, "y.avi", folder="test/c") == "test/c/y.avi"


def test_a_folder_that_lists_name_is_not_another(tmp_path):
    """UCF101: HandstandPushups/x of the list is HandStandPushups/x on the disk, and never Archery/x."""
    touch(tmp_path, "Archery/x.avi", "run/y.avi")
    rows = [Row("Archery/x.avi", "Archery", "train", "l"), Row("Biking/x.avi", "Biking", "train", "l")]
    listing = list_rows(look(tmp_path), rows, ["l"])
    assert [video.path for video in listing.videos] == ["Archery/x.avi"]
    reason = "named by l, but there is no such video"
    assert [(gone.path, gone.reason) for gone in listing.missing] == [("Biking/x.avi", reason)]


def test_other_names_of_a_row_come_second(tmp_path):
    touch(tmp_path, "id.mp4", "id_000001_000011.mp4")
    assert found(tmp_path, "id_000001_000011", names=("id",)) == "id_000001_000011.mp4"
    assert found(tmp_path, "id_000002_000012", names=("id",)) == "id.mp4"


def test_a_video_that_cannot_be_used_is_missing_with_its_reason(tmp_path):
    (touch(tmp_path / "source", "b.mp4", "c.mp4") / "a.mp4").symlink_to(write(tmp_path / "a.mp4", ""))
    rows = [Row(f"{name}.mp4", name, "train", "l") for name in "abc"]
    listing = list_rows(look(tmp_path / "source"), rows, ["l"])
    assert [video.path for video in listing.videos] == ["b.mp4", "c.mp4"]
    ((path, reason),) = [(gone.path, gone.reason) for gone in listing.missing]
    assert path == "a.mp4"
    assert "leads out" in reason


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_lines_and_rows_in_any_coding_with_any_line_ends(tmp_path, end, encoding):
    file = write(
        tmp_path / "x.csv", end.join(["path,label", "é.mp4,ü", "", '"a, b.mp4", run ', ""]), encoding
    )
    assert list(lines_of(file)) == [(1, "path,label"), (2, "é.mp4,ü"), (4, '"a, b.mp4", run')]
    rows = list(csv_rows(file))
    assert rows[0] == (2, {"path": "é.mp4", "label": "ü"})
    assert rows[1] == (4, {"path": "a, b.mp4", "label": "run"})


def test_line_numbers_count_excels_first_line_and_line_ends_in_quotes(tmp_path):
    file = write(tmp_path / "x.csv", 'sep=;\na;b\n"two\nlines";1\n3\n')
    rows = csv_rows(file, ";")
    assert next(rows) == (3, {"a": "two\nlines", "b": "1"})
    with pytest.raises(VidcondenseError, match=r"x.csv line 5: 1 values instead of 2"):
        next(rows)


def test_lists_are_looked_for_three_folders_down_and_never_in_frames(tmp_path):
    touch(tmp_path, "0.csv", "a/1.csv", "a/b/2.CSV", "a/b/c/3.csv", "a/b/c/d/4.csv", "v/1.jpg", "v/5.csv")
    assert [folder.inside(name) for folder, name in files_in(look(tmp_path), r".+\.csv")] == [
        "0.csv",
        "a/1.csv",
        "a/b/2.CSV",
        "a/b/c/3.csv",
    ]


def test_json_of_another_type_or_cut_short(tmp_path):
    file = write(tmp_path / "x.json", '[{"id": 1}, 2]')
    with pytest.raises(VidcondenseError, match=r"x.json: .*\$\[1\]"):
        json_content(file, list[dict[str, int]])
    with pytest.raises(VidcondenseError, match=r"x.json is not valid JSON .*cut short"):
        json_content(write(file, "[1, 2"), list[int])

"""All layouts: from real videos to a store, and what is said of them."""

import json
from pathlib import Path

import pytest
from media import write_tar
from miniatures import fill, frames, hmdb, kinetics, something, tars_of_videos, ucf
from sources import refused, touch

from vidcondense.data.layouts import LAYOUTS
from vidcondense.data.options import PrepareOptions
from vidcondense.data.prepare import prepare
from vidcondense.data.sources import find_videos

SETTINGS = {"frames": 4, "stride": 2, "size": 32, "workers": 1, "progress": False}


def test_an_archive_beside_class_folders_is_passed_over(tmp_path):
    write_tar(tmp_path / "all.tar", {"a/1.mp4": b""})
    touch(tmp_path, "a/1.mp4", "a/2.mp4", "b/1.mp4", "b/2.mp4")
    assert find_videos(tmp_path).layout == "folders"


@pytest.mark.parametrize(
    ("layout", "make", "videos"),
    [
        ("ucf101", lambda root: fill(ucf(root)), 6),
        ("hmdb51", lambda root: fill(hmdb(root)), 6),
        ("hmdb51-vdsd", lambda root: fill(hmdb(root)), 6),
        ("kinetics400", lambda root: fill(kinetics(root)), 6),
        ("something-something-v2", lambda root: fill(something(root)), 6),
        ("frame-folders", lambda root: frames(root, "a/1", "a/2", "b/1", "b/2"), 4),
        ("webdataset", tars_of_videos, 6),
    ],
)
def test_from_the_layout_to_a_store(tmp_path, layout, make, videos):
    store = prepare(make(tmp_path / "source"), tmp_path / "store", layout=layout, strict=True, **SETTINGS)
    assert store.videos == videos
    index = json.loads((tmp_path / "store" / "index.json").read_text())
    assert index["source"]["layout"] == layout
    assert (
        len(
            {
                digest.tobytes()
                for digest in store.read(store.select("train"), 0 * store.select("train")).numpy()
            }
        )
        > 1
    )
    again = prepare(tmp_path / "source", tmp_path / "two", layout=layout, **{**SETTINGS, "workers": 2})
    assert again.fingerprint == store.fingerprint


def test_every_layout_refuses_a_folder_that_is_not_its_own(tmp_path):
    touch(tmp_path, "readme.txt")
    for layout in LAYOUTS:
        refused(tmp_path, str(tmp_path), layout=layout)


def test_help_and_documentation_name_every_layout():
    told = PrepareOptions.__doc__ or ""
    page = (Path(__file__).parents[3] / "docs" / "data.md").read_text(encoding="utf-8")
    for layout in LAYOUTS:
        assert layout in told
        assert f"| `{layout}` |" in page

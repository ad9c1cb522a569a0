"""The gallery: pictures of every method that is asked for, with numbers that are those of its files."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import gallery
from vidcondense import CondensedVideos
from vidcondense.evaluation.protocols import PROTOCOLS, Strong


def test_pictures_and_numbers(tiny_store_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clips, page = tiny_store_path.parent / "clips", tmp_path / "docs" / "gallery.md"
    words = [str(tmp_path / "work"), "--source", str(clips), "--classes", "2", "--iterations", "1"]
    monkeypatch.setattr(
        sys, "argv", ["gallery.py", *words, "--recipe", "random", "dm", "--evaluate", "--page", str(page)]
    )
    monkeypatch.setitem(PROTOCOLS, "strong", lambda: Strong(steps=2, epochs=1))  # type: ignore[arg-type]
    gallery.main()
    text = page.read_text(encoding="utf-8")
    assert re.search(
        r"(?m)\*\*`random`\*\*.* 2 videos, 8 of 8 frames of each; [\d.]+ KB; top-1 .+ % over 2 networks\.$",
        text,
    )
    assert re.search(
        r"(?m)\*\*`dm_small`\*\*.* [\d.]+ KB; 1 of 100 iterations; top-1 .+ % over 2 networks\.$", text
    )
    assert "What learns is stopped after 1 iterations" in text
    for name in re.findall(r"\(pictures/([^)]+)\)", text):
        with Image.open(page.parent / "pictures" / name) as picture:
            assert picture.size == (2 * gallery.SIZE + gallery.GAP, gallery.SIZE)
    made = {path: path.read_bytes() for path in page.parent.rglob("*.*")}
    gallery.main()
    assert made == {path: path.read_bytes() for path in page.parent.rglob("*.*")}


def test_rows_of_clips_are_apart() -> None:
    clips = np.zeros((3, 2, 4, 6, 3), np.uint8)
    strip = gallery.strip(clips)
    assert strip.shape == (2, 4, 3 * 6 + 2 * gallery.GAP, 3)
    assert (strip[:, :, 6 : 6 + gallery.GAP] == 255).all() and not strip[:, :, :6].any()


def test_the_first_clip_of_each_class_is_shown(tmp_path: Path) -> None:
    from tiny_run import condensed_videos

    made: CondensedVideos = condensed_videos()
    shown = gallery.one_per_class(made)
    assert shown.shape == (3, 6, 8, 10, 3)
    np.testing.assert_array_equal(np.moveaxis(shown, -1, 2), made.pixels().numpy())

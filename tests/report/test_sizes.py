"""Bytes to hold a set against: counted where they can be, and said to be about so many where not."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import quick

from vidcondense.base.errors import VidcondenseError
from vidcondense.condensed.coding import av1
from vidcondense.data.store import ClipStore
from vidcondense.report import sizes, write_report
from vidcondense.report.run import load_run
from vidcondense.report.sizes import sizes_of
from vidcondense.run.loop import condense

PIXELS = 15 * 4 * 3 * 32 * 32
"""Of a clip of each training video of the tiny store."""


@pytest.fixture(scope="module")
def folder(tiny_store_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("sizes") / "run"
    condense(ClipStore.open(tiny_store_path), quick.load("displaced", vpc=1), run, show=False)
    return run


def test_files_pixels_and_coded_clips_stand_before_the_set(
    folder: Path, tiny_store: ClipStore, tmp_path: Path
) -> None:
    run = load_run(folder, "run")
    files, pixels, coded, own = sizes_of(run, [run], tiny_store)
    assert files.bytes == tiny_store.source_bytes == run.source_bytes and not files.by
    assert pixels.bytes == PIXELS and not pixels.by
    assert coded.by == "12 of them were coded, at quality 40" and coded.is_estimate
    assert 15 * 50 < coded.bytes < PIXELS / 10
    assert own.bytes == (folder / "condensed.safetensors").stat().st_size
    text = " ".join(write_report([folder], tmp_path / "page.html").read_text().split())
    assert f"<td>{files.bytes:,}<small>" in text and f"<td>about {coded.bytes / 1e3:.2f}" in text


def test_a_run_that_coded_every_clip_is_exact(folder: Path, tiny_store: ClipStore, tmp_path: Path) -> None:
    condense(tiny_store, quick.load("every_video"), tmp_path / "every", show=False)
    run, every = load_run(folder, "run"), load_run(tmp_path / "every", "every")
    coded = sizes_of(run, [run, every], tiny_store)[2]
    size = (tmp_path / "every" / "condensed.safetensors").stat().st_size
    assert (coded.bytes, coded.by, coded.is_estimate) == (size, "run every", False)
    other = replace(every, info={**every.info, "store": {"fingerprint": "other"}})
    assert sizes_of(run, [run, other], tiny_store)[2].is_estimate


def test_what_is_not_known_is_not_there(
    folder: Path, tiny_store: ClipStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No store, one of an earlier version, and no encoder."""
    run = load_run(folder, "run")
    store = {name: value for name, value in run.store.items() if name != "source_bytes"}
    run = replace(run, info={**run.info, "store": store})
    assert [size.bytes for size in sizes_of(run, [run], None)] == [PIXELS, run.file_bytes]
    assert sizes_of(run, [run], tiny_store)[0].bytes == tiny_store.source_bytes, "the store still knows"

    def missing(*_: object) -> bytes:
        raise VidcondenseError("no encoder")

    monkeypatch.setattr(av1, "encode", missing)
    assert len(sizes_of(run, [run], tiny_store)) == 3


def test_large_clips_are_fewer(tiny_store: ClipStore, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "MOST_PIXELS", 1)
    run = load_run(folder, "run")
    assert "4 of them" in sizes_of(run, [run], tiny_store)[2].by


def test_a_run_without_a_set_has_no_sizes(make_run: Callable[..., Path]) -> None:
    path = make_run()
    (path / "condensed.safetensors").unlink()
    run = load_run(path, "run")
    assert sizes_of(run, [run], None) == []

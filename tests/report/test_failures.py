"""Where a run fails: the worst classes by hand, and real clips only from the run's own store."""

import base64
import io
import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from tiny_run import CLASSES, KEYS, evaluation

from vidcondense.data.store import ClipStore
from vidcondense.recipes.load import load
from vidcondense.report import write_report
from vidcondense.report.failures import NOT_STORED, failures, store_of
from vidcondense.report.run import load_run
from vidcondense.run.loop import condense

Make = Callable[..., Path]


def pixels(uri: str) -> np.ndarray:
    data = base64.b64decode(uri.partition(",")[2])
    with av.open(io.BytesIO(data)) as picture:
        return next(picture.decode(video=0)).to_ndarray(format="rgb24")


def test_the_worst_classes_and_what_they_are_taken_for(make_run: Make) -> None:
    found = failures(load_run(make_run(), "first"))
    # Confusion of tiny_run: 6 2 0, 1 4 3, 3 0 5.
    assert [(one.name, one.accuracy, one.taken_for, one.share) for one in found] == [
        (CLASSES[1], 4 / 8, CLASSES[2], 3 / 8),
        (CLASSES[2], 5 / 8, CLASSES[0], 3 / 8),
        (CLASSES[0], 6 / 8, CLASSES[1], 2 / 8),
    ]
    assert all(len(one.strips) == 1 for one in found), "its store is nowhere"


def test_frames_that_are_not_stored_are_grey(make_run: Make) -> None:
    run = load_run(make_run(), "first")
    assert run.condensed is not None
    strip = next(one for one in failures(run) if one.name == CLASSES[0]).strips[0]
    picture = pixels(strip.uri).reshape(8, 6, 12, 3)[:, :, :10]
    stored = [time for time, _ in KEYS[0]]
    spread = [picture[:, time].std() for time in range(6)]
    for time in range(6):
        assert (spread[time] > 10) == (time in stored)
    assert abs(picture[:, 1].mean() - NOT_STORED) < 3
    kept = run.condensed.pixels([0])[0].float()[stored] / 255
    assert strip.ends == pytest.approx(float((kept[-1] - kept[0]).abs().mean()))
    assert strip.fastest == pytest.approx(
        max(float((after - before).abs().mean()) for before, after in pairwise(kept))
    )


def test_a_run_without_mistakes_or_evaluation_fails_nowhere(make_run: Make) -> None:
    run = load_run(make_run(), "first")
    right = replace(run, evaluations=())
    assert failures(right) == []
    (record,) = run.evaluations
    perfect = type(record)(
        **{
            **{name: getattr(record, name) for name in record.__struct_fields__},
            "confusion": [[8, 0, 0], [0, 8, 0], [0, 0, 8]],
        }
    )
    assert failures(replace(run, evaluations=(perfect,))) == []


def test_real_clips_are_those_of_the_runs_own_store(tiny_store: ClipStore, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    condense(tiny_store, load("random"), folder, show=False)
    known = json.loads((folder / "run.json").read_text())["store"]
    opened = store_of(known)
    assert opened is not None and opened.fingerprint == tiny_store.fingerprint
    for key, value in (("fingerprint", "other"), ("path", "store"), ("path", str(tmp_path)), ("split", "9")):
        assert store_of({**known, key: value}) is None
    names = known["classes"]
    record = {
        **evaluation(0.4),
        "per_class": dict.fromkeys(names, 0.4),
        "confusion": [[1, 2, 0], [0, 3, 0], [3, 0, 0]],
    }
    (folder / "evaluations").mkdir()
    (folder / "evaluations" / "strict-minic3d.json").write_text(json.dumps(record))
    first, second = failures(load_run(folder, "run"))
    assert (first.name, first.taken_for) == (names[2], names[0])
    assert (second.name, second.taken_for) == (names[0], names[1])
    videos = tiny_store.by_class("train")[2][:1]
    clip = tiny_store.read(videos, tiny_store.even_starts(videos, 1).reshape(-1))[0]
    shown = torch.from_numpy(pixels(first.strips[1].uri)).reshape(32, 4, 34, 3)[:, :, :32].permute(1, 3, 0, 2)
    assert (shown.float() - clip.float()).abs().mean() < 8, "JPEG"
    page = write_report([folder], tmp_path / "page.html").read_text()
    assert "Where it fails" in page and page.count('<div class="strip">') == 6

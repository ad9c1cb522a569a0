"""Real clips beside synthetic ones: those that a run began with, and the nearest."""

import base64
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import quick
import torch

from vidcondense.base.compute import choose, normalise
from vidcondense.condensed import KeyFrameVideos
from vidcondense.data.batches import IMAGENET_MEAN, IMAGENET_STD
from vidcondense.data.store import ClipStore
from vidcondense.report import write_report
from vidcondense.report.beside import RealClip, real_clips
from vidcondense.report.run import load_run
from vidcondense.run.loop import condense


def frames(clip: RealClip, size: int) -> torch.Tensor:
    """(time, 3, height, width) of a sheet, as float32 in 0..255."""
    with av.open(io.BytesIO(base64.b64decode(clip.uri.partition(",")[2]))) as picture:
        sheet = next(picture.decode(video=0)).to_ndarray(format="rgb24")
    return torch.from_numpy(sheet.reshape(-1, size, size, 3)).permute(0, 3, 1, 2).float()


def test_what_a_run_began_with_is_drawn_again(tiny_store: ClipStore, tmp_path: Path) -> None:
    """Without iterations a key frame is still that of its real clip."""
    recipe = quick.load("displaced", vpc=2, overrides={"iterations": 0, "seed": 7})
    condense(tiny_store, recipe, tmp_path / "run", show=False)
    run = load_run(tmp_path / "run", "run")
    assert run.condensed is not None
    found = real_clips(run, tiny_store, 10**6)
    assert sorted(found) == list(range(6)) and {clip.among for clip in found.values()} == {0}
    for video, clip in found.items():
        (key,) = run.condensed.key_positions()[video]
        kept = run.condensed.pixels([video])[0, key].float()
        assert (frames(clip, tiny_store.size)[key] - kept).abs().mean() < 6, "JPEG"
        name = tiny_store.class_names[int(run.condensed.labels[video])]
        assert clip.path in tiny_store.paths and f"/{name}/" in clip.path
    page = write_report([tmp_path / "run"], tmp_path / "page.html").read_text()
    assert page.count('<span class="screen real">') == 6
    assert f"beside it the real clip that it began with: {found[0].path}" in page
    assert "may look like noise" not in page, "nothing was learned"


def test_of_little_room_every_class_gets_the_first(tiny_store: ClipStore, tmp_path: Path) -> None:
    condense(tiny_store, quick.load("displaced", vpc=2), tmp_path / "run", show=False)
    run = load_run(tmp_path / "run", "run")
    whole = real_clips(run, tiny_store, 10**6)
    needed = sum(3 * len(whole[video].uri) // 4 for video in (0, 2, 4))
    assert sorted(real_clips(run, tiny_store, needed + 50)) == [0, 2, 4]
    assert real_clips(run, tiny_store, 0) == {}
    assert real_clips(run, None, 10**6) == {}


def test_the_nearest_of_its_class_stands_beside_what_began_with_something_else(
    tiny_store: ClipStore, tmp_path: Path
) -> None:
    recipe = quick.load("prism_small", overrides={"synthetic.init": "noise", "iterations": 1})
    condense(tiny_store, recipe, tmp_path / "run", show=False)
    run = load_run(tmp_path / "run", "run")
    assert isinstance(run.condensed, KeyFrameVideos)
    # A set that is the third training clip of each class, darker.
    videos = np.array([mine[2] for mine in tiny_store.by_class("train")])
    clips = tiny_store.read(videos, tiny_store.even_starts(videos, 1)[:, 0]) // 8 * 7
    count, time = clips.shape[:2]
    made = replace(
        run.condensed,
        key_frames=normalise(clips, IMAGENET_MEAN, IMAGENET_STD, choose("cpu", "float32")).flatten(0, 1),
        positions=torch.arange(time).repeat(count),
        counts=torch.full((count,), time),
    )
    found = real_clips(replace(run, condensed=made), tiny_store, 10**6)
    assert [found[label].path for label in range(3)] == [tiny_store.paths[video] for video in videos]
    assert {clip.among for clip in found.values()} == {5}
    page = write_report([tmp_path / "run"], tmp_path / "page.html").read_text()
    assert "beside it the nearest of 5 real clips of its class: " in page
    assert "Learned clips may look like noise: " in page


def test_real_clips_have_none_beside_them(tiny_store: ClipStore, tmp_path: Path) -> None:
    condense(tiny_store, quick.load("random"), tmp_path / "run", show=False)
    assert real_clips(load_run(tmp_path / "run", "run"), tiny_store, 10**6) == {}


@pytest.mark.parametrize("change", ["seed", "format", "labels"])
def test_what_cannot_be_drawn_again_is_not_said_to_be(
    tiny_store: ClipStore, tmp_path: Path, change: str
) -> None:
    condense(tiny_store, quick.load("displaced", vpc=1), tmp_path / "run", show=False)
    path = tmp_path / "run" / "run.json"
    known = json.loads(path.read_text())
    if change == "seed":
        del known["recipe"]["seed"]
    elif change == "format":
        del known["format"]
    path.write_text(json.dumps(known))
    run = load_run(tmp_path / "run", "run")
    assert run.condensed is not None
    if change == "labels":
        run = replace(run, condensed=run.condensed.select(run.class_names[:2]))
    assert not any(clip.among == 0 for clip in real_clips(run, tiny_store, 10**6).values())


def test_a_set_of_another_shape_gets_none(make_run: Callable[..., Path], tiny_store: ClipStore) -> None:
    assert real_clips(load_run(make_run(), "first"), tiny_store, 10**6) == {}

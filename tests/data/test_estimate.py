import json
import re
import shutil
from collections import namedtuple

import numpy as np
import pytest
from media import clip, promise, tree, write_dataset, write_video

from vidcondense.base.errors import VidcondenseError
from vidcondense.data import estimate, messages
from vidcondense.data.isolation import Died, Worker, worker_pool
from vidcondense.data.limits import Limits
from vidcondense.data.options import PrepareOptions
from vidcondense.data.plan import make_plan
from vidcondense.data.prepare import prepare, preview
from vidcondense.data.store import ClipStore

SETTINGS = {"frames": 4, "stride": 2, "size": 32}
QUIET = {"workers": 1, "progress": False}


@pytest.fixture
def source(tmp_path):
    return write_dataset(tmp_path / "source", suffix=".avi")


@pytest.fixture(scope="module")
def worker():
    with worker_pool(1) as (worker,):
        yield worker


def test_frames_and_bytes_of_few_videos_are_exact(source, worker):
    paths = sorted(source.rglob("*.avi"))
    expected = estimate.estimate_size(paths, 32, worker)
    assert (expected.videos, expected.frames) == (8, 2 * (5 + 8 + 11 + 14))
    assert expected.bytes == expected.frames * 32 * 32 * 3


def test_a_sample_stands_for_many_and_broken_ones_for_none(source, worker, monkeypatch):
    paths = sorted(source.rglob("*.avi"))
    monkeypatch.setattr(estimate, "PROBES", 4)  # every second one: of 5, 11, 5 and 11 frames
    assert estimate.estimate_size(paths, 32, worker).frames == 8 * 8
    paths[0].write_bytes(b"")
    assert estimate.estimate_size(paths, 32, worker).frames == 8 * 9
    assert estimate.estimate_size(paths[:1], 32, worker) == estimate.Estimate(1, 0, 0)


def test_a_header_that_promises_hours_is_not_believed(source, worker):
    paths = sorted(source.rglob("*.avi"))
    honest = estimate.estimate_size(paths[1:], 32, worker)
    promise(paths[0], 10**8)
    assert estimate.estimate_size(paths, 32, worker).frames == honest.frames + 5


def test_time_goes_down_with_workers_and_up_with_frames(source, tmp_path, monkeypatch):
    class Timed(Worker):
        def each(self, job, paths, details=dict):
            assert (job, details()) == ("try", {"size": 32, "seconds": 0.125})
            yield from ((16, 0.25), Died("crashed"), (0, 0.05), (4, 0.1))

    paths = sorted(source.rglob("*.avi"))
    assert estimate.estimate_seconds(paths, 32, 760, Timed(), 1) == pytest.approx(0.4 / 20 * 760)
    assert estimate.estimate_seconds(paths, 32, 760, Timed(), 2) == pytest.approx(0.2 / 20 * 760)
    assert estimate.estimate_seconds(paths, 32, 760, Timed(), 99) == pytest.approx(0.05 / 20 * 760)


def test_a_trial_decodes_real_frames_for_as_long_as_it_may(source, worker):
    paths = sorted(source.rglob("*.avi"))
    assert estimate.estimate_seconds(paths, 32, 760, worker, 1) > 0
    assert [count for count, _ in worker.each("try", paths[:3], lambda: {"size": 32, "seconds": 60})] == [
        *(5, 8, 11)
    ]
    assert next(worker.each("try", paths[:1], lambda: {"size": 32, "seconds": 0}))[0] == 1
    for path in paths:
        path.write_bytes(b"")
    assert estimate.estimate_seconds(paths, 32, 760, worker, 2) is None


SHAPES = [
    (
        "squeeze",
        640,
        360,
        "framing squeeze: 16:9 is squeezed to 4:3, 35 % of the picture is cut away; --framing "
        "crop keeps the shape and cuts 44 %, pad cuts nothing",
    ),
    (
        "squeeze",
        360,
        640,
        "framing squeeze: 9:16 is stretched to 4:3, 35 % of the picture is cut away; --framing "
        "crop keeps the shape and cuts 44 %, pad cuts nothing",
    ),
    (
        "squeeze",
        320,
        240,
        "framing squeeze: 35 % of the picture is cut away; --framing crop keeps the shape and "
        "cuts 25 %, pad cuts nothing",
    ),
    ("crop", 320, 240, "framing crop: 25 % of the picture is cut away (4:3); --framing pad cuts nothing"),
    ("pad", 200, 320, "framing pad: nothing is cut away, 38 % of each frame is black (1:1.60)"),
]


@pytest.mark.parametrize(("framing", "width", "height", "line"), SHAPES)
def test_what_becomes_of_the_picture_is_told(framing, width, height, line):
    assert messages.framed(framing, 112, width / height) == line


def test_the_shape_is_that_of_the_median_video(tmp_path, worker):
    paths = [
        write_video(tmp_path / f"{number}.mkv", clip(3, 0, height, width))
        for number, (width, height) in enumerate([(64, 36), (36, 64), (64, 36), (48, 48), (64, 36)])
    ]
    assert estimate.estimate_size(paths, 32, worker).aspect == pytest.approx(16 / 9)
    paths[0].write_bytes(b"")
    paths[2].write_bytes(b"")
    assert estimate.estimate_size(paths, 32, worker).aspect == 1
    assert estimate.estimate_size(paths[:1], 32, worker).aspect == 0


def test_nothing_is_refused_for_want_of_space_that_a_header_promises(source, tmp_path, capsys):
    shutil.rmtree(source)
    for number in range(4):
        path = write_video(source / f"class{number % 2}" / f"{number}.avi", clip(40, number))
        promise(path, 5 * 10**6)
    text = preview(make_plan(source, tmp_path / "store", PrepareOptions(**{**SETTINGS, "size": 1024})))
    assert "size unknown" in text


def test_a_preview_tells_and_writes_nothing(source, tmp_path):
    before = tree(tmp_path)
    text = preview(make_plan(source, tmp_path / "store", PrepareOptions(**SETTINGS)))
    assert "source: 8 videos in 2 classes, split 1 (layout folders)" in text
    assert "framing squeeze: 35 % of the picture is cut away" in text
    assert re.search(
        r"to decode: 8 videos, about 76 frames, 0.2 MB, 0.[0-9] s of decoding; to .*store, .* free", text
    )
    assert tree(tmp_path) == before
    assert not (tmp_path / "store").exists()
    prepare(source, tmp_path / "store", **SETTINGS, **QUIET)
    assert "is there already" in preview(make_plan(source, tmp_path / "store", PrepareOptions(**SETTINGS)))
    with pytest.raises(VidcondenseError, match="prepared with size 32, not 16"):
        preview(make_plan(source, tmp_path / "store", PrepareOptions(**{**SETTINGS, "size": 16})))


def test_the_papers_settings_are_told_where_they_differ(source, tmp_path):
    for name in ("class0", "class1"):
        lines = [
            f"{file.name} {1 + number % 2}" for number, file in enumerate(sorted((source / name).iterdir()))
        ]
        (source / f"{name}_test_split1.txt").write_text("\n".join(lines))
    told = "the papers' settings for it: --frames 16 --stride 4 --size 112"
    assert told in preview(make_plan(source, tmp_path / "store", PrepareOptions(**SETTINGS)))
    assert told not in preview(make_plan(source, tmp_path / "store", PrepareOptions()))


def only_say(source, store, **options):
    preview(make_plan(source, store, PrepareOptions(**SETTINGS)))


@pytest.mark.parametrize("begin", [prepare, only_say])
def test_a_disk_too_small_is_refused_before_anything_is_written(source, tmp_path, monkeypatch, begin):
    usage = namedtuple("usage", "total used free")
    needed = 76 * 32 * 32 * 3
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 0, needed - 1))
    with pytest.raises(
        VidcondenseError, match=r"store needs about 0.2 MB, but only 0.2 MB are free there; make"
    ):
        begin(source, tmp_path / "store", **SETTINGS, **QUIET)
    assert not (tmp_path / "store").exists()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 0, needed))
    begin(source, tmp_path / "store", **SETTINGS, **QUIET)


def test_shards_of_any_size_hold_the_same_videos(source, tmp_path):
    stores = [
        prepare(source, tmp_path / str(n), **SETTINGS, **QUIET, videos_per_shard=n) for n in (1, 3, 100)
    ]
    assert [len(list((tmp_path / name).glob("frames-*.u8"))) for name in ("1", "3", "100")] == [8, 3, 1]
    assert len({store.fingerprint for store in stores}) == 1
    videos = stores[0].select("train")
    clips = [store.read(videos, np.zeros_like(videos)) for store in stores]
    assert (clips[0] == clips[1]).all()
    assert (clips[0] == clips[2]).all()
    with pytest.raises(VidcondenseError, match="videos_per_shard must be a whole number >= 1, not 0"):
        make_plan(source, tmp_path / "x", PrepareOptions(videos_per_shard=0))


def test_limits_are_in_the_index_and_another_choice_is_another_store(source, tmp_path):
    write_dataset(tmp_path / "source", classes=3, suffix=".avi")
    limits = Limits(class_names=("class2", "class0"), videos_per_class=1, seed=4)
    store = prepare(source, tmp_path / "store", **SETTINGS, **QUIET, limits=limits)
    assert store.class_names == ("class0", "class2")
    assert [len(store.select(role)) for role in ("train", "test")] == [2, 2]
    index = json.loads((tmp_path / "store" / "index.json").read_text())
    expected = {"class_names": ["class0", "class2"], "videos_per_class": 1, "seed": 4}
    assert index["source"]["limits"] == expected
    assert "limits" not in make_plan(source, tmp_path / "x", PrepareOptions()).content["source"]
    with pytest.raises(VidcondenseError, match="prepared from other videos, classes or splits"):
        prepare(source, tmp_path / "store", **SETTINGS, **QUIET)


def test_limits_leave_out_what_is_missing_elsewhere(tmp_path):
    for name in ("a", "b", "c"):
        for stem in "xy":
            write_video(tmp_path / name / f"{stem}.avi", clip(5, ord(name) + ord(stem)))
        (tmp_path / f"{name}_test_split1.txt").write_text("x.avi 1\ny.avi 2\ngone.avi 1\n")
    found = make_plan(tmp_path, tmp_path / "store", PrepareOptions(limits=Limits(classes=2))).found
    assert [path for path, _ in found.missing] == ["a/gone.avi", "b/gone.avi"]


def test_a_store_that_grew_by_an_interruption_counts_what_is_left(source, tmp_path, monkeypatch):
    plan = make_plan(source, tmp_path / "store", PrepareOptions(**SETTINGS, videos_per_shard=3))
    prepare(source, tmp_path / "store", **SETTINGS, **QUIET, videos_per_shard=3)
    whole = tree(tmp_path / "store")
    shutil.rmtree(tmp_path / "store")
    monkeypatch.setattr("vidcondense.data.prepare.write_index", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        prepare(source, tmp_path / "store", **SETTINGS, **QUIET, videos_per_shard=3)
    monkeypatch.undo()
    (tmp_path / "store" / "frames-00001.u8").unlink()
    assert "to decode: 3 videos (5 more are there from an earlier run)" in preview(plan)
    prepare(source, tmp_path / "store", **SETTINGS, **QUIET, videos_per_shard=3)
    assert tree(tmp_path / "store") == whole
    assert ClipStore.open(tmp_path / "store").videos == 8

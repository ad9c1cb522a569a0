import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from media import clip, cut, tracks, tree, write_audio, write_dataset, write_pictures, write_tar, write_video
from miniatures import ucf

from vidcondense.base.errors import UnitsFailed, VidcondenseError
from vidcondense.data import prepare as prepare_module
from vidcondense.data import shard as shard_module
from vidcondense.data.batches import sample
from vidcondense.data.decode import decode_frames
from vidcondense.data.prepare import prepare
from vidcondense.data.shards import block_size, shard_key
from vidcondense.data.store import ClipStore
from vidcondense.work import queue
from vidcondense.work.here import Processes

SETTINGS = {"frames": 4, "stride": 2, "size": 32, "workers": 1, "progress": False}


@pytest.fixture
def source(tmp_path):
    return write_dataset(tmp_path / "source")


def refused(message, *arguments, **options):
    with pytest.raises(VidcondenseError, match=message) as error:
        prepare(*arguments, **{**SETTINGS, **options})
    assert "\n" not in str(error.value)


def test_any_number_of_workers_gives_the_same_bytes(source, tmp_path):
    stores = [tmp_path / "one", tmp_path / "two"]
    for workers, store in enumerate(stores, start=1):
        prepare(source, store, **{**SETTINGS, "workers": workers})
    assert tree(stores[0]) == tree(stores[1])
    assert "index.json" in tree(stores[0])


@pytest.fixture
def two_processes(monkeypatch):
    """What would run on a cluster runs in two processes of this machine: the same units and commands."""
    monkeypatch.setattr(queue, "MOST_TRIES", 1)

    @contextmanager
    def engine(on, folder, needs, paths, *, show):
        assert (on, [one.cores for one in needs]) == ("ray", [1])
        yield Processes(2)

    monkeypatch.setattr(shard_module, "engine", engine)


def test_units_of_a_cluster_make_the_same_store(source, tmp_path, two_processes):
    (source / "class0" / "broken.mkv").write_bytes(b"no video")
    prepare(source, tmp_path / "here", **SETTINGS, videos_per_shard=3)
    prepare(source, tmp_path / "there", **SETTINGS, videos_per_shard=3, on="ray")
    assert tree(tmp_path / "here") == tree(tmp_path / "there")
    refused("broken.mkv: .*prepare without --strict", source, tmp_path / "strict", strict=True, on="ray")


def test_shards_that_fail_are_listed_and_the_others_kept(source, tmp_path, two_processes, monkeypatch):
    claim = prepare_module.claim

    def blocked(plan):
        claim(plan)
        (tmp_path / "store" / "frames-00001.u8").mkdir()  # in the way of one shard

    with (
        monkeypatch.context() as patch,
        pytest.raises(UnitsFailed, match=r"failed: shard-00001.*frames-00001"),
    ):
        patch.setattr(prepare_module, "claim", blocked)
        prepare(source, tmp_path / "store", **SETTINGS, videos_per_shard=3, on="ray")
    before = (tmp_path / "store" / "frames-00000.u8").stat().st_mtime_ns
    (tmp_path / "store" / "frames-00001.u8").rmdir()
    prepare(source, tmp_path / "store", **SETTINGS, videos_per_shard=3)
    assert (tmp_path / "store" / "frames-00000.u8").stat().st_mtime_ns == before
    prepare(source, tmp_path / "here", **SETTINGS, videos_per_shard=3)
    assert tree(tmp_path / "here") == tree(tmp_path / "store")


def test_the_fingerprint_is_of_the_content_not_of_the_names(source, tmp_path):
    first = prepare(source, tmp_path / "a", **SETTINGS)
    source.rename(tmp_path / "moved")
    again = prepare(tmp_path / "moved", tmp_path / "b", **SETTINGS)
    other = prepare(tmp_path / "moved", tmp_path / "c", **{**SETTINGS, "frames": 5})
    assert first.fingerprint == again.fingerprint != other.fingerprint
    write_video(tmp_path / "moved" / "class0" / "v00.mkv", clip(5, seed=999))
    changed = prepare(tmp_path / "moved", tmp_path / "d", **SETTINGS)
    assert changed.fingerprint != first.fingerprint


def test_framing_is_kept_compared_and_part_of_the_fingerprint(tmp_path):
    source = tmp_path / "source"
    for number in range(4):
        write_video(source / f"class{number % 2}" / f"{number}.mkv", clip(5, number, 36, 64))
    stores = {
        framing: prepare(source, tmp_path / framing, **SETTINGS, framing=framing)
        for framing in ("squeeze", "crop", "pad")
    }
    plain = prepare(source, tmp_path / "plain", **SETTINGS)
    assert tree(plain.path) == tree(stores["squeeze"].path)
    assert len({store.fingerprint for store in stores.values()}) == 3
    for framing, store in stores.items():
        assert ClipStore.open(store.path).framing == framing
        first = store.read(np.array([0]), np.array([0]))[0].permute(0, 2, 3, 1).numpy()
        frames = list(decode_frames(source / store.paths[0], 32, framing))
        assert (first == np.stack(frames)[[0, 1, 2, 3]]).all()
    refused("prepared with framing pad, not crop; choose another", source, tmp_path / "pad", framing="crop")
    refused("framing must be one of squeeze, crop, pad, not 'fit'", source, tmp_path / "fit", framing="fit")


@pytest.mark.parametrize(
    ("classes", "mirror", "allowed"),
    [
        (("wave", "walk"), "auto", True),
        (("turn left", "walk"), "auto", False),
        (("turn left", "walk"), "yes", True),
        (("wave", "walk"), "no", False),
    ],
)
def test_clips_are_mirrored_where_that_keeps_the_class(classes, mirror, allowed, tmp_path, capsys):
    for number in range(4):
        write_video(tmp_path / "source" / classes[number % 2] / f"{number}.mkv", clip(5, number, 36, 64))
    store = prepare(tmp_path / "source", tmp_path / "store", **{**SETTINGS, "progress": True}, mirror=mirror)
    assert store.mirror == ClipStore.open(store.path).mirror == allowed
    told = "no clip will be mirrored: direction matters in 'turn left'" in capsys.readouterr().err
    assert told == (mirror == "auto" and not allowed)
    flips = store.random_flips(200, 1.0, np.random.default_rng(0))
    assert flips.all() if allowed else not flips.any()
    batch = sample(store, 2, 1.0, np.random.default_rng(0))
    assert batch.flips.all() if allowed else not batch.flips.any()
    index = store.path / "index.json"
    content = json.loads(index.read_text())
    if mirror == "auto":  # as earlier versions, which knew nothing of it
        del content["mirror"]
        index.write_text(json.dumps(content))
        assert ClipStore.open(store.path).mirror == allowed
    other = "no" if mirror != "no" else "yes"
    refused(f"prepared with mirror {mirror}, not {other}", tmp_path / "source", store.path, mirror=other)


def test_a_store_of_grey_frames_has_another_fingerprint_for_another_framing(tmp_path):
    """What is said of a store counts, not its pixels alone: grey is grey in any framing."""
    grey = np.full((5, 30, 40, 3), 99, np.uint8)
    for number in range(4):
        write_video(tmp_path / "source" / f"class{number % 2}" / f"{number}.mkv", grey)
    one, other = (
        prepare(tmp_path / "source", tmp_path / framing, **SETTINGS, framing=framing)
        for framing in ("squeeze", "crop")
    )
    assert (tmp_path / "squeeze" / "frames-00000.u8").read_bytes() == (
        tmp_path / "crop" / "frames-00000.u8"
    ).read_bytes()
    assert one.fingerprint != other.fingerprint


def test_notes_are_printed_and_kept(source, tmp_path, capsys):
    path = tracks(source / "class1" / "two.mkv", [(64, 48), (32, 24)])
    store = prepare(source, tmp_path / "store", **{**SETTINGS, "progress": True})
    note = "2 video tracks, of which number 1 is taken (64x48)"
    assert path.name in capsys.readouterr().err.split(note)[0]
    assert store.notes == [{"path": "class1/two.mkv", "note": note}]
    assert ClipStore.open(tmp_path / "store").notes == store.notes
    assert store.skipped == []


def test_the_bytes_of_training_videos_are_counted_by_split(tmp_path):
    root = ucf(tmp_path / "source")
    for number, video in enumerate(sorted(root.rglob("*.avi"))):
        write_video(video.with_suffix(".mkv"), clip(5 + number, number)).rename(video)
    prepare(root, tmp_path / "store", **SETTINGS)
    for split in ("1", "2"):
        store = ClipStore.open(tmp_path / "store", split)
        files = [next(root.rglob(Path(store.paths[video]).name)) for video in store.select("train")]
        assert len(files) == 4 and store.source_bytes == sum(file.stat().st_size for file in files)


def test_of_frames_their_pictures_are_counted_and_of_tar_files_the_members(tmp_path):
    for number in range(8):
        write_pictures(tmp_path / "frames" / f"class{number % 2}" / f"v{number}", clip(5, number))
    store = prepare(tmp_path / "frames", tmp_path / "of_frames", **SETTINGS)
    folders = [tmp_path / "frames" / store.paths[video] for video in store.select("train")]
    assert store.source_bytes == sum(file.stat().st_size for one in folders for file in one.iterdir())
    members = {}
    for number in range(8):
        video = write_video(tmp_path / "made" / f"{number}.mkv", clip(5, number))
        members |= {video.name: video.read_bytes(), f"{number}.cls": b"%d" % (number % 2)}
    write_tar(tmp_path / "tars" / "all.tar", members)
    store = prepare(tmp_path / "tars", tmp_path / "of_tars", **SETTINGS)
    names = [Path(store.paths[video]).name for video in store.select("train")]
    assert store.source_bytes == sum(len(members[name]) for name in names)


def test_a_store_of_an_earlier_version_does_not_know_the_bytes_of_its_source(source, tmp_path):
    known = prepare(source, tmp_path / "store", **SETTINGS)
    assert known.source_bytes > 0
    index = tmp_path / "store" / "index.json"
    content = json.loads(index.read_text())
    del content["source_bytes"]
    index.write_text(json.dumps(content | {"format_version": 2}))
    earlier = prepare(source, tmp_path / "store", **SETTINGS)
    assert (earlier.source_bytes, earlier.fingerprint) == (None, known.fingerprint)


def test_a_finished_store_is_returned_at_once(source, tmp_path, monkeypatch):
    first = prepare(source, tmp_path / "store", **SETTINGS)
    monkeypatch.setattr(prepare_module, "build_shards", None)
    assert prepare(source, tmp_path / "store", **SETTINGS).fingerprint == first.fingerprint


def test_a_store_of_the_first_format_is_of_the_framing_that_there_was(source, tmp_path, monkeypatch):
    store, index = tmp_path / "store", tmp_path / "store" / "index.json"
    first = prepare(source, store, **SETTINGS)
    content = json.loads(index.read_text())
    assert (content["framing"], content["notes"], content["format_version"]) == ("squeeze", [], 3)
    del content["framing"], content["notes"], content["source_bytes"]
    index.write_text(json.dumps(content | {"format_version": 1}))
    monkeypatch.setattr(prepare_module, "build_shards", None)
    again = prepare(source, store, **SETTINGS)
    assert (again.framing, again.notes, again.fingerprint) == ("squeeze", [], first.fingerprint)
    refused("prepared with framing squeeze, not crop; choose another folder", source, store, framing="crop")


def test_an_unfinished_store_of_the_first_format_is_taken_up(source, tmp_path, monkeypatch):
    monkeypatch.setattr(prepare_module, "write_index", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        prepare(source, tmp_path / "store", **SETTINGS)
    monkeypatch.undo()
    path = tmp_path / "store" / "unfinished" / "plan.json"
    plan = json.loads(path.read_text())
    path.write_text(json.dumps(plan | {"format_version": 4}))
    refused("format 4, written by a newer vidcondense", source, tmp_path / "store")
    del plan["framing"]
    path.write_text(json.dumps(plan | {"format_version": 1}))
    refused("prepared with framing squeeze, not pad", source, tmp_path / "store", framing="pad")
    prepare(source, tmp_path / "store", **SETTINGS)


def test_what_a_prepare_killed_in_the_very_end_left_is_removed(source, tmp_path):
    prepare(source, tmp_path / "store", **SETTINGS)
    before = tree(tmp_path / "store")
    (tmp_path / "store" / "unfinished").mkdir()
    (tmp_path / "store" / "unfinished" / "00000.json").write_text("{}")
    prepare(source, tmp_path / "store", **SETTINGS)
    assert tree(tmp_path / "store") == before


def test_another_store_is_not_overwritten(source, tmp_path):
    store = tmp_path / "store"
    prepare(source, store, **SETTINGS)
    before = tree(store)
    refused(
        "prepared with size 32, not 48; choose another folder, or make it anew with --force",
        source,
        store,
        size=48,
    )
    refused("prepared with frames 4, not 8", source, store, frames=8)
    refused("prepared with name source, not other", source, store, name="other")
    write_video(source / "class0" / "new.mkv")
    refused("prepared from other videos", source, store)
    assert tree(store) == before


def test_a_folder_with_other_things_in_it_is_left_alone(source, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    refused("not empty and not a store", source, tmp_path)
    refused("that is a file", source, tmp_path / "notes.txt")
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("field", ["frames", "stride", "size", "workers"])
def test_senseless_numbers(source, tmp_path, field):
    refused(f"{field} must be", source, tmp_path / "store", **{field: -1})
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(
            (field, 99999999999999999999)
            for field in ("frames", "stride", "keep", "size", "videos_per_shard")
        ),
        *(("stride", 1_000_001), ("keep", 1_000_001), ("size", 4097), ("stride", 2.5), ("size", True)),
    ],
)
def test_numbers_out_of_range_are_refused_before_anything_is_read(tmp_path, field, value):
    # There is not even a source.
    refused(f"{field} must be .*{value}", tmp_path / "nowhere", tmp_path / "store", **{field: value})
    assert not (tmp_path / "store").exists()


def test_a_damaged_store_is_mended_as_its_message_says(source, tmp_path):
    store = tmp_path / "store"
    whole = prepare(source, store, **SETTINGS).fingerprint
    (store / "frames-00000.u8").write_bytes(b"")
    refused(f"cut short; delete {store} and prepare it again", source, store)
    shutil.rmtree(store)
    assert prepare(source, store, **SETTINGS).fingerprint == whole


def spoil(source):
    """Four bad files beside good ones; their names and the reason each is skipped for."""
    (source / "class0" / "zero.mp4").write_bytes(b"")
    (source / "class0" / "text.mp4").write_text("no video\n" * 50)
    write_audio(source / "class1" / "sound.mp4")
    cut(write_video(source / "class1" / "cut.mp4", clip(40, 1, 120, 160), movflags="faststart"), 0.8)
    return {
        "class0/zero.mp4": "empty file",
        "class0/text.mp4": "not a video",
        "class1/sound.mp4": "audio only",
        "class1/cut.mp4": "broken after",
    }


def test_broken_files_are_skipped_and_listed(source, tmp_path, capsys):
    clean = prepare(source, tmp_path / "clean", **SETTINGS)
    bad = spoil(source)
    store = prepare(source, tmp_path / "store", **{**SETTINGS, "progress": True})
    assert {entry["path"] for entry in store.skipped} == set(bad)
    assert json.loads((tmp_path / "store" / "index.json").read_text())["skipped"] == store.skipped
    printed = capsys.readouterr().err
    assert "skipped 4 files" in printed
    for path, reason in bad.items():
        assert f"{path}: {reason}" in printed
        assert any(entry["path"] == path and reason in entry["reason"] for entry in store.skipped)
    assert store.videos == clean.videos
    for number in range(store.videos):
        twin = clean.paths.index(store.paths[number])
        pixels, same = (
            store.read(np.array([number]), np.array([0])),
            clean.read(np.array([twin]), np.array([0])),
        )
        assert (pixels == same).all()


@pytest.mark.parametrize("workers", [1, 2])
def test_strict_stops_at_a_broken_file_and_mending_it_goes_on(source, tmp_path, workers):
    bad = source / "class1" / "zero.mkv"
    bad.write_bytes(b"")
    refused("class1/zero.mkv: empty file", source, tmp_path / "store", strict=True, workers=workers)
    bad.unlink()
    store = prepare(source, tmp_path / "store", **{**SETTINGS, "strict": True})
    prepare(source, tmp_path / "fresh", **SETTINGS)
    assert tree(tmp_path / "store") == tree(tmp_path / "fresh")
    assert store.skipped == []


def test_videos_missing_from_a_list(tmp_path):
    source = write_dataset(tmp_path / "source", per_class=2)
    for label in range(2):
        lines = "v00.mkv 1\nv01.mkv 2\ngone.mkv 1\n"
        (source / f"class{label}_test_split1.txt").write_text(lines)
    refused("class0/gone.mkv: named by class0_test_split1.txt", source, tmp_path / "strict", strict=True)
    store = prepare(source, tmp_path / "store", **SETTINGS)
    assert [entry["path"] for entry in store.skipped] == ["class0/gone.mkv", "class1/gone.mkv"]


@pytest.mark.parametrize("role", ["train", "test"])
def test_a_class_with_only_broken_videos(tmp_path, role):
    for part in ("train", "test"):
        for label in "ab":
            write_video(tmp_path / "source" / part / label / "x.mkv", clip(6, seed=ord(label)))
    (tmp_path / "source" / role / "b" / "x.mkv").write_bytes(b"")
    word = {"train": "training", "test": "test"}[role]
    refused(f"class 'b' has no {word} video", tmp_path / "source", tmp_path / "store")


def test_the_same_video_in_train_and_test_is_warned_of(tmp_path, capsys):
    for part in ("train", "test"):
        for label in "ab":
            write_video(tmp_path / "source" / part / label / "x.mkv", clip(6, hash((part, label)) % 1000))
    write_video(tmp_path / "source" / "test" / "a" / "twin.mkv", clip(9, 5))
    write_video(tmp_path / "source" / "train" / "a" / "other_name.mkv", clip(9, 5))
    prepare(tmp_path / "source", tmp_path / "store", **{**SETTINGS, "progress": True})
    printed = capsys.readouterr().err
    assert "warning: 1 test video" in printed
    assert "test/a/twin.mkv is train/a/other_name.mkv (split 1)" in printed


def test_it_is_quiet_when_asked(source, tmp_path, capsys):
    spoil(source)
    prepare(source, tmp_path / "store", **SETTINGS)
    assert capsys.readouterr() == ("", "")


@pytest.fixture
def small_files_only():
    """Writing more than 8 kB to a file fails, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_one_line_and_leaves_only_whole_parts(source, tmp_path, small_files_only):
    refused("cannot write .*frames-0000[0-7].u8: File too large", source, tmp_path / "store")
    assert [name for name in tree(tmp_path / "store") if "frames" in name or "index" in name] == []


def test_a_full_disk_after_some_parts_loses_none(source, tmp_path, monkeypatch):
    whole = prepare_module.build_shards

    def three_parts(tasks, crew):
        yield from whole(tasks[:3], crew)
        raise VidcondenseError("no space")

    monkeypatch.setattr(prepare_module, "build_shards", three_parts)
    refused("no space", source, tmp_path / "store")
    left = []

    def counted(tasks, crew):
        left.extend(task.number for task in tasks)
        yield from whole(tasks, crew)

    monkeypatch.setattr(prepare_module, "build_shards", counted)
    prepare(source, tmp_path / "store", **SETTINGS)
    assert left == [3, 4, 5, 6, 7]
    monkeypatch.undo()
    prepare(source, tmp_path / "fresh", **SETTINGS)
    assert tree(tmp_path / "store") == tree(tmp_path / "fresh")


def test_a_target_that_cannot_be_made(source, tmp_path):
    (tmp_path / "file").touch()
    refused("cannot create folder", source, tmp_path / "file" / "store")
    refused("cannot create folder", source, "/proc/vidcondense/store")


def test_an_unfinished_store_of_other_settings_is_refused(source, tmp_path, small_files_only):
    refused("cannot write", source, tmp_path / "store")
    refused("prepared with size 32, not 16", source, tmp_path / "store", size=16)
    with pytest.raises(VidcondenseError, match="unfinished"):
        ClipStore.open(tmp_path / "store")


def test_a_part_that_was_changed_is_made_again(source, tmp_path, monkeypatch):
    monkeypatch.setattr(prepare_module, "write_index", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        prepare(source, tmp_path / "store", **SETTINGS)
    monkeypatch.undo()
    shard = tmp_path / "store" / "frames-00002.u8"
    shard.write_bytes(shard.read_bytes()[:-1])
    (tmp_path / "store" / ".frames-00004.u8.1.tmp").write_bytes(b"left by a kill")
    write_video(source / "class0" / "v00.mkv", clip(20, seed=77))
    prepare(source, tmp_path / "store", **SETTINGS)
    prepare(source, tmp_path / "fresh", **SETTINGS)
    assert tree(tmp_path / "store") == tree(tmp_path / "fresh")


SCRIPT = """
from vidcondense.data.prepare import prepare

prepare({source!r}, {store!r}, frames=4, stride=2, size=32, workers=2, progress=True)
"""


def run_until_parts(script, store, parts):
    """Start a run in a process group of its own and return it once it has finished some shards."""
    process = subprocess.Popen(
        [sys.executable, script], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    until = time.monotonic() + 60
    while time.monotonic() < until and len(records(store)) < parts:
        time.sleep(0.005)
    return process


def records(store):
    return sorted(store.glob("unfinished/0*.json"))


def test_interrupted_and_killed_runs_go_on_to_the_same_bytes(tmp_path):
    source, store, script = tmp_path / "source", tmp_path / "store", tmp_path / "run.py"
    video = write_video(tmp_path / "v.mp4", clip(60, 0, 480, 640))
    for number in range(24):
        copy = source / f"class{number % 2}" / f"v{number:02d}.mp4"
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(video, copy)
    script.write_text(SCRIPT.format(source=str(source), store=str(store)))

    interrupted = run_until_parts(script, store, parts=1)
    os.killpg(interrupted.pid, signal.SIGINT)  # what Ctrl-C does: every process of the terminal gets it
    printed = interrupted.communicate()[1]
    assert "run the same command again to go on" in printed
    assert printed.count("Traceback") == 1, "only the parent's own KeyboardInterrupt"
    kept = records(store)
    assert 1 <= len(kept) < 24
    assert not list(store.glob(".*.tmp"))

    killed = run_until_parts(script, store, parts=len(kept) + 1)
    killed.kill()  # the parent alone: its workers must not live on
    killed.communicate()
    assert len(records(store)) < 24
    assert not (store / "index.json").exists()
    assert set(kept) <= set(records(store))

    prepare(source, store, **SETTINGS)
    prepare(source, tmp_path / "fresh", **SETTINGS)
    assert tree(store) == tree(tmp_path / "fresh")


@pytest.mark.parametrize(
    ("videos", "block"), [(1, 1), (32, 1), (33, 2), (928, 16), (8192, 16), (240_000, 469)]
)
def test_blocks(videos, block):
    assert block_size(videos) == block


def test_a_shard_is_made_again_when_a_picture_or_a_member_changes(tmp_path):
    def key(path, framing="squeeze"):
        return shard_key(tmp_path, (path,), 32, 0, framing)

    folder = write_pictures(tmp_path / "v", clip(3))
    keys = [key("v")]
    write_pictures(folder, clip(4))
    keys.append(key("v"))
    write_pictures(folder, clip(4, 0, 72, 96))
    keys.append(key("v"))
    (folder / "notes.txt").write_text("no picture")
    assert key("v") == keys[-1]
    for content in (b"long", b"longer"):
        write_tar(tmp_path / "x.tar", {"v.mp4": content, "w.mp4": b"same"})
        keys += [key("x.tar/v.mp4"), key("x.tar/w.mp4")]
    assert len({key("v", framing) for framing in ("squeeze", "crop", "pad")}) == 3
    assert keys[4] == keys[6]
    assert len(set(keys)) == 6
    assert key("x.tar/gone.mp4") != key("x.tar/v.mp4")


def test_nobody_waits_for_pytorch_before_videos_are_decoded(source, tmp_path):
    script = (
        "import sys; from vidcondense import cli; sys.argv = ['vidcondense', 'prepare', *sys.argv[1:]]; "
        "cli.main(); assert 'torch' not in sys.modules"
    )
    options = ["--frames", "4", "--size", "32", "--workers", "1"]
    command = [sys.executable, "-c", script, str(source), str(tmp_path / "store"), *options]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    assert (tmp_path / "store" / "index.json").exists()

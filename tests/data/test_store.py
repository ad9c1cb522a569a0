import json
import pickle
import shutil

import numpy as np
import pytest
import torch
from media import write_dataset
from torch.utils.data import DataLoader

from vidcondense.base.errors import VidcondenseError
from vidcondense.data import sampling
from vidcondense.data.batches import IMAGENET_MEAN, IMAGENET_STD
from vidcondense.data.decode import decode_frames
from vidcondense.data.prepare import prepare
from vidcondense.data.store import ClipStore

T, STRIDE, SIZE = 4, 2, 32


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("source"), classes=3, per_class=5)


@pytest.fixture(scope="module")
def path(source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("stores") / "store"
    sampling_of = {"frames": T, "stride": STRIDE, "size": SIZE}
    # So few videos would have a shard each; sharing one is the usual case.
    prepare(source, folder, **sampling_of, name="toy", videos_per_shard=4, workers=1, progress=False)
    return folder


@pytest.fixture
def copy(path, tmp_path):
    return shutil.copytree(path, tmp_path / "copy")


def test_what_a_store_says_of_itself(path):
    store = ClipStore.open(path)
    assert (store.name, store.split, store.split_names) == ("toy", "1", ("1",))
    assert (store.frames, store.stride, store.size) == (T, STRIDE, SIZE)
    assert store.class_names == ("class0", "class1", "class2")
    assert store.lengths.tolist() == [5, 8, 11, 14, 17] * 3
    assert store.labels.tolist() == [0] * 5 + [1] * 5 + [2] * 5
    assert store.paths[6] == "class1/v01.mkv"
    assert (store.videos, len(store)) == (15, len(store.select("train"))) == (15, 12)
    assert len(store.fingerprint) == 64
    assert set(store.decoder) == {"pyav", "libavcodec", "libswscale"}
    assert store.skipped == []


def test_every_clip_holds_the_frames_that_the_rule_names(source, path):
    store = ClipStore.open(path)
    videos = np.array([14, 0, 7, 7, 3])
    starts = sampling.last_start(store.lengths[videos], T, STRIDE)
    starts[2] = 0
    clips = store.read(videos, starts)
    for clip, video, start in zip(clips, videos, starts, strict=True):
        frames = list(decode_frames(source / store.paths[video], SIZE))
        rows = sampling.frame_indices(len(frames), start, T, STRIDE)
        expected = np.stack([frames[row] for row in rows])
        assert (clip.numpy() == expected.transpose(0, 3, 1, 2)).all()


def test_clips_are_channels_last_bytes(path):
    clips = ClipStore.open(path).read(np.array([1, 2]), np.array([0, 0]))
    assert (clips.shape, clips.dtype) == ((2, T, 3, SIZE, SIZE), torch.uint8)
    assert clips.permute(0, 1, 3, 4, 2).is_contiguous()
    assert clips.transpose(1, 2).is_contiguous(memory_format=torch.channels_last_3d)


def test_reading_into_given_memory(path):
    store = ClipStore.open(path)
    out = torch.zeros(2, T, SIZE, SIZE, 3, dtype=torch.uint8)
    clips = store.read(np.array([4, 9]), np.array([1, 2]), out)
    assert clips.data_ptr() == out.data_ptr()
    assert (clips == store.read(np.array([4, 9]), np.array([1, 2]))).all()
    with pytest.raises(ValueError, match="out must be"):
        store.read(np.array([4]), np.array([1]), out)


@pytest.mark.parametrize("start", [-1, 5])
def test_a_start_outside_the_video_is_refused(path, start):
    with pytest.raises(ValueError, match="starts in 0"):
        ClipStore.open(path).read(np.array([0]), np.array([start]))


def test_reading_nothing(path):
    none = np.array([], dtype=np.int64)
    assert ClipStore.open(path).read(none, none).shape == (0, T, 3, SIZE, SIZE)


def test_roles(path):
    store = ClipStore.open(path)
    train, test = store.select("train"), store.select("test")
    assert sorted([*train, *test]) == list(range(15))
    assert [len(videos) for videos in store.by_class("train")] == [4, 4, 4]
    assert [len(videos) for videos in store.by_class("test")] == [1, 1, 1]
    for label, videos in enumerate(store.by_class("train")):
        assert (store.labels[videos] == label).all()
    assert [len(videos) for videos in store.by_class("val")] == [0, 0, 0]
    with pytest.raises(ValueError, match="role must be"):
        store.select("tset")


@pytest.mark.parametrize("batch", [1, 2, 64])
def test_reading_all_test_clips(path, batch):
    store = ClipStore.open(path)
    parts = list(store.read_all("test", windows=2, batch=batch))
    clips, labels = (torch.cat(part) for part in zip(*parts, strict=True))
    videos = store.select("test")
    assert labels.tolist() == np.repeat(store.labels[videos], 2).tolist()
    starts = sampling.even_starts(store.lengths[videos], T, STRIDE, 2).reshape(-1)
    assert (clips == store.read(np.repeat(videos, 2), starts)).all()


def test_random_starts_follow_the_seed(path):
    store = ClipStore.open(path)
    videos = store.select("train")
    first, again = (store.random_starts(videos, np.random.default_rng(3)) for _ in range(2))
    assert (first == again).all()
    assert (first <= sampling.last_start(store.lengths[videos], T, STRIDE)).all()


def test_a_pickled_store_reads_the_same_and_holds_no_pixels(path):
    store = ClipStore.open(path)
    data = pickle.dumps(store)
    assert len(data) < 1000
    videos, starts = np.arange(5), np.zeros(5, np.int64)
    assert (pickle.loads(data).read(videos, starts) == store.read(videos, starts)).all()


def test_a_view_gives_only_its_classes_also_in_another_process(path):
    store = ClipStore.open(path)
    view = store.only(range(1, 3))
    for chosen in (view, view.stills(), pickle.loads(pickle.dumps(view))):
        assert set(chosen.labels[chosen.select("train")]) == {1, 2}
        assert [set(chosen.labels[videos]) for videos in chosen.by_class("test")] == [{1}, {2}]
        assert [set(labels.tolist()) for _, labels in chosen.read_all("test")] == [{1, 2}]
        assert chosen.whole.select("train").tolist() == store.select("train").tolist()
    assert pickle.loads(pickle.dumps(view.stills())).stride == 0
    assert (view.class_names, view.shape, view.videos) == (store.class_names, store.shape, store.videos)


def test_bytes_are_counted(path):
    store = ClipStore.open(path)
    frame = SIZE * SIZE * 3
    assert store.bytes == sum([5, 8, 11, 14, 17]) * 3 * frame
    store.read(np.array([1, 2, 2]), np.zeros(3, np.int64))
    assert store.bytes_read == 3 * T * frame


def test_a_shard_cut_or_lost_while_the_store_is_open_is_named(copy):
    store = ClipStore.open(copy)
    shard = copy / "frames-00000.u8"
    whole = shard.read_bytes()
    read = lambda: store.read(np.array([3]), np.array([store.lengths[3] - 1]))  # noqa: E731
    read()
    shard.write_bytes(whole[:100])
    with pytest.raises(VidcondenseError, match=r"frames-00000.u8 was cut short since"):
        read()
    shard.write_bytes(whole)
    read()
    (copy / "frames-00003.u8").unlink()
    with pytest.raises(VidcondenseError, match=r"cannot read .*frames-00003.u8: No such file"):
        store.read(np.array([14]), np.array([0]))


def test_videos_of_classes_are_looked_up_once_and_cannot_be_changed(path):
    store = ClipStore.open(path)
    first, again = store.by_class("train"), store.by_class("train")
    assert all(one is two for one, two in zip(first, again, strict=True))
    assert np.concatenate(first).tolist() == store.select("train").tolist()
    with pytest.raises(ValueError, match="read-only"):
        first[0][0] = 1


def refused(path, message, **options):
    with pytest.raises(VidcondenseError, match=message) as error:
        ClipStore.open(path, **options)
    assert "\n" not in str(error.value)


def test_no_store(tmp_path):
    refused(tmp_path / "nowhere", "no store at")
    refused(tmp_path, "is not a store")


def test_an_unknown_split(path):
    refused(path, "no split '2'; it has '1'", split="2")


def test_an_unfinished_store(copy):
    (copy / "index.json").unlink()
    (copy / "unfinished").mkdir()
    refused(copy, "unfinished; run the same prepare again")


def test_a_store_cut_short(copy):
    shard = copy / "frames-00003.u8"
    shard.write_bytes(shard.read_bytes()[:-1])
    refused(copy, f"cut short; delete {copy} and prepare it again")
    shard.unlink()
    refused(copy, f"lacks frames-00003.u8 .*; delete {copy} and prepare it again")


def test_damaged_tables(copy):
    whole = (copy / "videos.npy").read_bytes()
    (copy / "videos.npy").write_bytes(whole[:-10])
    refused(copy, "cannot read .*videos.npy")
    (copy / "videos.npy").unlink()
    refused(copy, "cannot read .*videos.npy")


def test_a_damaged_or_newer_index(copy):
    index = json.loads((copy / "index.json").read_text())
    (copy / "index.json").write_text(json.dumps(index | {"format_version": 99}))
    refused(copy, "format 99, written by a newer vidcondense; .*upgrade vidcondense$")
    (copy / "index.json").write_text(json.dumps(index | {"format_version": 0}))
    refused(copy, f"format version 0, not 1 to 3; delete {copy} and prepare it again")
    del index["skipped"]
    (copy / "index.json").write_text(json.dumps(index))
    refused(copy, f"damaged.*delete {copy} and prepare it again")
    (copy / "index.json").write_text("{")
    refused(copy, f"not valid JSON.*delete {copy} and prepare it again")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("frames", 10**9),
        ("frames", "4"),
        ("size", -32),
        ("stride", -1),
        ("stride", 10**9),
        ("size", 10**6),
        ("class_names", "abc"),
        ("class_names", ["a", "a", "b"]),
        ("class_names", ["a"]),
        ("split_names", []),
        ("shard_frames", [1.5]),
        ("shard_frames", [-1, 2]),
        ("decoder", []),
        ("videos", None),
        ("source_bytes", [-1]),
        ("source_bytes", [1, 2]),
        ("unknown", 1),
    ],
)
def test_an_index_that_makes_no_sense(copy, field, value):
    index = json.loads((copy / "index.json").read_text())
    (copy / "index.json").write_text(json.dumps(index | {field: value}))
    refused(copy, "index.json is damaged")


@pytest.mark.parametrize(
    ("column", "row", "value"),
    [
        ("label", -1, 3),
        ("label", 0, -1),
        ("label", 0, 1),
        ("frames", 0, 0),
        ("frames", 0, 6),
        ("shard", -1, 99),
        ("shard", 0, 1),
        ("roles", 0, 4),
    ],
)
def test_a_table_that_does_not_fit_the_index(copy, column, row, value):
    table = np.load(copy / "videos.npy")
    table[column][row] = value
    np.save(copy / "videos.npy", table)
    refused(copy, "videos.npy does not fit index.json")


def test_a_table_that_promises_more_than_it_holds(copy):
    whole = (copy / "videos.npy").read_bytes()
    (copy / "videos.npy").write_bytes(whole.replace(b"(15,)", b"(9999999999,)", 1))
    refused(copy, "cannot read .*videos.npy")
    np.savez(copy / "videos.npz", np.zeros(3))
    (copy / "videos.npz").rename(copy / "videos.npy")
    refused(copy, "cannot read .*videos.npy")


@pytest.mark.parametrize("paths", [["one"], {"a": 1}, [1] * 15])
def test_paths_that_are_none(copy, paths):
    (copy / "paths.json").write_text(json.dumps(paths))
    with pytest.raises(VidcondenseError, match=r"paths\.json.*; delete .* and prepare it again"):
        _ = ClipStore.open(copy).paths


def test_as_a_dataset_it_gives_its_training_videos(path):
    store = ClipStore.open(path)
    videos = store.select("train")
    assert len(store) == len(videos) < store.videos
    for item in (0, 5, -1):
        clip, label = store[item]
        video = videos[item, None]
        pixels = store.read(video, store.even_starts(video, 1)[:, 0])[0]
        mean, std = (torch.tensor(values).view(3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
        assert (clip.dtype, label) == (torch.float32, store.labels[video[0]])
        assert torch.allclose(clip, (pixels / 255 - mean) / std, atol=1e-5)
    with pytest.raises(IndexError):
        store[len(videos)]
    view = store.only(range(1, 2))
    assert {label for _, label in (view[item] for item in range(len(view)))} == {1}
    assert len(store) == len(videos)  # a view does not change what it is of


def test_a_dataloader_takes_a_store_with_a_transform_also_in_another_process(path):
    store = pickle.loads(pickle.dumps(ClipStore.open(path, transform=torch.neg)))
    loaded = list(DataLoader(store, batch_size=5))
    clips = torch.cat([clips for clips, _ in loaded])
    assert torch.equal(clips, torch.stack([-clip for clip, _ in ClipStore.open(path)]))
    labels = torch.cat([labels for _, labels in loaded])
    assert labels.tolist() == store.labels[store.select("train")].tolist()


def test_a_store_in_a_line_and_in_a_notebook(path):
    store = ClipStore.open(path)
    assert repr(store) == (
        f"ClipStore({str(path)!r}: 3 classes, 12 training and 3 test videos in split '1', "
        f"clips of {T} frames of {SIZE} x {SIZE})"
    )
    page = store._repr_html_()
    assert page.count("<img") == 3 and "class2</figcaption>" in page and "and 9 more" in page

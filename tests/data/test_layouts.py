"""Each dataset's own layout in miniature: found by looking, roles right, damage told with file and line."""

import json
from pathlib import Path

import pytest
from media import clip, write_pictures, write_tar, write_video

from vidcondense.base.errors import VidcondenseError
from vidcondense.data.layouts import LAYOUTS, miniucf, webdataset
from vidcondense.data.options import PrepareOptions
from vidcondense.data.prepare import prepare
from vidcondense.data.sources import find_videos
from vidcondense.data.tars import read_contents

SHARED = Path(__file__).parents[3] / "shared" / "data"
SETTINGS = {"frames": 4, "stride": 2, "size": 32, "workers": 1, "progress": False}


def touch(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"")
    return root


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def roles(source, split=0):
    return {video.path: video.roles[split] for video in source.videos}


def real(*parts):
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"the shared data set is not here: {path}")
    return path


def refused(root, message, **options):
    with pytest.raises(VidcondenseError, match=message) as error:
        find_videos(root, **options)
    assert "\n" not in str(error.value)


# UCF101 and miniUCF


def ucf(root, classes=("Archery", "YoYo"), splits=(1, 2), folder="UCF-101"):
    """Three videos per class; the one whose number is the split's is for testing."""
    lists = root / "ucfTrainTestlist"
    write(lists / "classInd.txt", "".join(f"{label} {name}\n" for label, name in enumerate(classes, start=1)))
    names = {name: [f"{name}/v_{name}_g0{number}_c01.avi" for number in (1, 2, 3)] for name in classes}
    touch(root / folder, *[video for videos in names.values() for video in videos])
    for split in splits:
        train = [f"{v} {n}" for n, c in enumerate(classes, 1) for v in names[c] if f"g0{split}" not in v]
        test = [video for name in classes for video in names[name] if f"g0{split}" in video]
        write(lists / f"trainlist{split:02d}.txt", "\r\n".join(train) + "\r\n")
        write(lists / f"testlist{split:02d}.txt", "\n".join(test) + "\n")
    return root


@pytest.mark.parametrize("folder", ["UCF-101", "."])
def test_ucf101(tmp_path, folder):
    source = find_videos(ucf(tmp_path, folder=folder))
    assert (source.layout, source.split_names) == ("ucf101", ("1", "2"))
    assert source.class_names == ("Archery", "YoYo")
    assert [video.roles for video in source.videos] == [
        ("test", "train"),
        ("train", "test"),
        ("train", "train"),
    ] * 2
    assert source.missing == ()


def test_ucf101_re_encoded(tmp_path):
    for file in list(ucf(tmp_path).rglob("*.avi")):
        file.rename(file.with_suffix(".mp4"))
    source = find_videos(tmp_path)
    assert len(source.videos) == 6
    assert source.missing == ()


def test_ucf101_names_what_is_missing_and_what_no_list_names(tmp_path):
    (ucf(tmp_path) / "UCF-101" / "YoYo" / "v_YoYo_g03_c01.avi").unlink()
    touch(tmp_path, "UCF-101/YoYo/holiday.avi", "UCF-101/Stray/v.avi")
    source = find_videos(tmp_path)
    assert len(source.videos) == 5
    assert dict(source.missing) == {
        "UCF-101/YoYo/v_YoYo_g03_c01.avi": "named by trainlist01.txt, but there is no such video"
    }
    (stray,) = source.seen.passed_over
    assert (stray.kind, stray.count) == ("videos that no list names", 2)
    assert set(stray.examples) == {"UCF-101/YoYo/holiday.avi", "UCF-101/Stray/v.avi"}


def test_ucf101_without_a_class_folder(tmp_path):
    for file in (ucf(tmp_path) / "UCF-101" / "YoYo").iterdir():
        file.unlink()
    refused(tmp_path, "class 'YoYo' has no training video in split '1'")


@pytest.mark.parametrize(
    ("list_name", "text", "message"),
    [
        ("trainlist01.txt", "\nArchery/x.avi 1\nBowling/x.avi 2\n", "line 3: unknown class 'Bowling'"),
        ("trainlist01.txt", "Archery/x.avi 2\n", "line 1: 'Archery' is 1 in classInd.txt, not 2"),
        (
            "trainlist02.txt",
            "x.avi 1\n",
            "line 1: expected '<class>/<file>' and perhaps a number, found 'x.avi 1'",
        ),
        ("trainlist02.txt", "Archery/x.avi one\n", "line 1: expected"),
        ("testlist02.txt", "Archery/v_Archery_g01_c01.avi\n", "line 1: .* is also in the training list"),
        ("classInd.txt", "1 Archery\nYoYo\n", "classInd.txt line 2: expected '<number> <class>'"),
    ],
)
def test_damaged_ucf101_lists(tmp_path, list_name, text, message):
    write(ucf(tmp_path) / "ucfTrainTestlist" / list_name, text)
    refused(tmp_path, f"{list_name}.*{message}" if list_name not in message else message)


def test_ucf101_with_half_a_split(tmp_path):
    (ucf(tmp_path) / "ucfTrainTestlist" / "testlist02.txt").unlink()
    refused(tmp_path, "no testlist02.txt beside trainlist02.txt")


def test_the_ucf101_sample():
    source = find_videos(real("ucf101-sample"))
    assert (source.layout, source.split_names) == ("ucf101", ("1",))
    assert source.class_names == ("ApplyEyeMakeup", "BenchPress", "Diving")
    assert sorted(roles(source).values()) == ["test"] * 6 + ["train"] * 9
    assert source.missing == ()


def test_miniucf_is_50_classes_and_split_1(tmp_path):
    ucf(tmp_path, classes=sorted([*miniucf.CLASSES, "Archery", "YoYo"]))
    assert find_videos(tmp_path).layout == "ucf101"
    source = find_videos(tmp_path, layout="miniucf")
    assert source.class_names == tuple(sorted(miniucf.CLASSES))
    assert len(set(source.class_names)) == 50
    assert (source.split_names, len(source.videos), source.missing) == (("1",), 150, ())
    assert [video.roles for video in source.videos][:3] == [("test",), ("train",), ("train",)]


def test_miniucf_of_too_few_classes(tmp_path):
    ucf(tmp_path, classes=[*miniucf.CLASSES[:-2], "YoYo"])
    refused(tmp_path, "miniUCF's class 'VolleyballSpiking' .nor 1 others", layout="miniucf")


# HMDB51: both rules


def hmdb(root):
    touch(root, *[f"{name}/{stem}.avi" for name in ("eat", "run") for stem in "abc"])
    for name in ("eat", "run"):
        write(root / f"{name}_test_split1.txt", "a.avi 1\nb.avi 2\nc.avi 0\n")
        write(root / f"{name}_test_split2.txt", "a.avi 2\nb.avi 0\nc.avi 1\n")
    return root


def test_hmdb51_with_the_splits_of_the_published_code(tmp_path):
    source = find_videos(hmdb(tmp_path), layout="hmdb51-vdsd")
    assert source.split_names == ("1", "2", "1-vdsd", "2-vdsd")
    assert [video.roles for video in source.videos] == [
        ("train", "test", "train", "test"),
        ("test", "unused", "test", "train"),
        ("unused", "train", "train", "train"),
    ] * 2
    assert find_videos(tmp_path).split_names == ("1", "2")


def test_hmdb51_without_a_class_folder(tmp_path):
    for stem in "abc":
        (hmdb(tmp_path) if stem == "a" else tmp_path).joinpath("run", f"{stem}.avi").unlink()
    refused(tmp_path, "class 'run' has no training video in split '1'")


def test_jhmdb_with_the_splits_of_the_published_code():
    source = find_videos(real("jhmdb21"), layout="hmdb51-vdsd")
    for split in range(3):
        official, other = roles(source, split), roles(source, split + 3)
        assert [path for path in official if official[path] == "test"] == [
            p for p in other if other[p] == "test"
        ]
        assert list(other.values()).count("train") == 928 - list(other.values()).count("test")


# Kinetics-400

HEADER = "label,youtube_id,time_start,time_end,split,is_cc\n"


def kinetics(root, flat=False):
    """Two classes, two training, one validation and one test video of each; ids with - and _ in them."""
    for split, ids in (("train", ("-a", "_b")), ("val", ("c-_",)), ("test", ("d",))):
        rows = []
        for number, label in enumerate(("air drumming", "massaging person's head")):
            for name in ids:
                clip_name = f"{name}{number}_000007_000017.mp4"
                touch(root, f"{split}/{clip_name}" if flat else f"{split}/{label}/{clip_name}")
                rows.append(f"{label},{name}{number},7,17,{split},0\n")
        write(root / "annotations" / f"{split}.csv", HEADER + "".join(rows))
    return root


@pytest.mark.parametrize("flat", [True, False])
def test_kinetics400(tmp_path, flat):
    source = find_videos(kinetics(tmp_path, flat))
    assert source.layout == "kinetics400"
    assert source.class_names == ("air drumming", "massaging person's head")
    middle = "" if flat else "air drumming/"
    assert roles(source) | {
        f"train/{middle}-a0_000007_000017.mp4": "train",
        f"train/{middle}_b0_000007_000017.mp4": "train",
        f"val/{middle}c-_0_000007_000017.mp4": "test",
    } == roles(source)
    assert len(source.videos) == 6, "the test list is not used"
    assert source.missing == ()


def test_kinetics400_as_folders_of_frames(tmp_path):
    for file in list(kinetics(tmp_path).rglob("*.mp4")):
        file.unlink()
        write_pictures(file.with_suffix(""), clip(5, len(file.name)), "{:02d}.jpg")
    source = find_videos(tmp_path)
    assert (source.layout, len(source.videos)) == ("kinetics400", 6)
    assert "val/air drumming/c-_0_000007_000017" in roles(source)


def test_kinetics400_lists_videos_that_are_not_there_or_named_twice(tmp_path):
    (kinetics(tmp_path, flat=True) / "train" / "_b1_000007_000017.mp4").unlink()
    with (tmp_path / "annotations" / "val.csv").open("a") as file:
        file.write("massaging person's head,-a0,7,17,val,0\n")
    missing = dict(find_videos(tmp_path).missing)
    assert missing == {
        "_b1_000007_000017.mp4": "named by train.csv, but there is no such video",
        "-a0_000007_000017.mp4": "val.csv has it a second time; it stays train, 'air drumming'",
    }


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("air drumming,x,7,17,tarin,0", "line 4: split is 'tarin', not one of train, val"),
        (
            "air drumming,x,7,late,train,0",
            "line 4: expected a label, a youtube_id and two numbers of seconds",
        ),
        (",x,7,17,train,0", "line 4: expected a label"),
        ("air drumming,x,7,17", "line 4: 4 values instead of 6"),
        ('"air drumming,x,7,17,train,0', "line 4: not valid CSV"),
    ],
)
def test_a_damaged_row_of_kinetics400(tmp_path, row, message):
    kinetics(tmp_path)
    file = tmp_path / "annotations" / "val.csv"
    file.write_text(file.read_text() + f"{row}\nair drumming,y,7,17,train,0\n")
    refused(tmp_path, f"val.csv {message}")


def test_a_kinetics400_class_with_no_training_video_is_named_even_if_it_has_no_video_at_all(tmp_path):
    for file in (kinetics(tmp_path) / "train" / "air drumming").iterdir():
        file.unlink()
    refused(tmp_path, "class 'air drumming' has no training video")
    for file in (tmp_path / "val" / "air drumming").iterdir():
        file.unlink()
    refused(tmp_path, "class 'air drumming' has no training video")


# Something-Something V2


def something(root, prefix="something-something-v2-", suffix=".webm"):
    labels = {"Holding something next to something": "0", "Turning the camera left": "1"}
    templates = ["Holding [something] next to [something]", "Turning the camera left"]
    write(root / "labels" / f"{prefix}labels.json", json.dumps(labels))
    number = 0
    for split, count in (("train", 2), ("validation", 1), ("test", 1)):
        entries = []
        for template in templates:
            for _ in range(count):
                number += 1
                touch(root, f"20bn-something-something-v2/{number}{suffix}")
                entry = {
                    "id": str(number),
                    "label": "holding pen",
                    "template": template,
                    "placeholders": ["pen"],
                }
                entries.append({"id": str(number)} if split == "test" else entry)
        write(root / "labels" / f"{prefix}{split}.json", json.dumps(entries, indent=1))
    return root


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


# Folders of frames


def frames(root, *videos):
    for number, video in enumerate(videos):
        write_pictures(root / video, clip(4 + number, number), "{}.png")
    return root


def test_frame_folders_with_a_held_out_test_set(tmp_path):
    frames(tmp_path, *[f"{name}/v{number}" for name in "ab" for number in range(5)])
    touch(tmp_path, "a/notes.txt", "a/.thumbs/1.png", "empty/none/readme.md")
    source = find_videos(tmp_path)
    assert (source.layout, source.class_names) == ("frame-folders", ("a", "b"))
    assert sorted(roles(source).values()) == ["test"] * 2 + ["train"] * 8


def test_frame_folders_in_split_folders(tmp_path):
    frames(tmp_path, *[f"{split}/{name}/v" for name in "ab" for split in ("train", "val")])
    source = find_videos(tmp_path)
    assert source.layout == "frame-folders"
    assert roles(source) == {f"{s}/{c}/v": r for c in "ab" for s, r in (("train", "train"), ("val", "test"))}


def test_videos_beside_pictures_are_videos(tmp_path):
    touch(frames(tmp_path, "a/thumbnails"), "a/1.mp4", "a/2.mp4", "b/1.mp4", "b/2.mp4")
    assert find_videos(tmp_path).layout == "folders"


# WebDataset


def shard(path, *samples):
    """A tar of (key, label ending, label) with a touch of a video each."""
    members = {}
    for key, ending, label in samples:
        members[f"{key}.mp4"] = b"video"
        if ending:
            members[f"{key}.{ending}"] = (
                label.encode() if isinstance(label, str) else json.dumps(label).encode()
            )
    return write_tar(path, members)


def test_webdataset_with_every_kind_of_label(tmp_path):
    shard(tmp_path / "train-000.tar", ("a/0001", "cls", "run\n"), ("0002", "json", {"label": "eat"}))
    shard(
        tmp_path / "train-001.tar", ("./0003", "txt", "eat"), ("0004", "json", {"x": 1, "class_name": "run"})
    )
    shard(tmp_path / "val-000.tar", ("0005", "cls", "run"), ("0006", "txt", "eat"))
    source = find_videos(tmp_path)
    assert (source.layout, source.class_names) == ("webdataset", ("eat", "run"))
    assert [(video.path, video.label, *video.roles) for video in source.videos] == [
        ("train-000.tar/0002.mp4", 0, "train"),
        ("train-001.tar/0003.mp4", 0, "train"),
        ("val-000.tar/0006.mp4", 0, "test"),
        ("train-000.tar/a/0001.mp4", 1, "train"),
        ("train-001.tar/0004.mp4", 1, "train"),
        ("val-000.tar/0005.mp4", 1, "test"),
    ]


def test_webdataset_numbers_sort_as_numbers(tmp_path):
    for folder in ("train", "test"):
        shard(tmp_path / folder / "0.tar", *[(f"k{n}", "cls", f"{n}") for n in range(11)])
    source = find_videos(tmp_path)
    assert source.class_names == tuple(f"{n:02d}" for n in range(11))
    assert roles(source)["test/0.tar/k10.mp4"] == "test"


def test_webdataset_that_names_no_split_is_held_out_from(tmp_path):
    shard(tmp_path / "000.tar", *[(f"k{n}", "cls", "ab"[n % 2]) for n in range(10)])
    assert sorted(roles(find_videos(tmp_path)).values()) == ["test"] * 2 + ["train"] * 8
    shard(tmp_path / "val.tar", ("x", "cls", "a"))
    refused(tmp_path, "000.tar does not say whether it is train, val or test, as val.tar does")


def test_webdataset_lists_what_it_cannot_use(tmp_path):
    good = [(f"k{n}", "cls", "ab"[n % 2]) for n in range(4)]
    bad = [("none", "", ""), ("pkl", "pyd", "x"), ("long", "txt", "two\nlines"), ("json", "json", {"id": 1})]
    shard(tmp_path / "0.tar", *good, *bad, ("broken", "json", "{,"), ("deep", "json", "[" * 100_000))
    write_tar(tmp_path / "1.tar.gz", {"a.mp4": b""}, "w:gz")
    write(tmp_path / "2.tar", "no tar")
    missing = dict(find_videos(tmp_path).missing)
    assert missing.pop("0.tar/none.mp4") == "no label beside it (none.cls, none.json, none.txt)"
    assert missing.pop("0.tar/pkl.mp4").startswith("no label beside it")
    assert missing.pop("0.tar/long.mp4") == "long.txt holds no class: 'two\\nlines'"
    assert missing.pop("0.tar/json.mp4") == "its .json has no label, class, class_name, cls"
    assert "not valid JSON" in missing.pop("0.tar/broken.mp4")
    assert "nested deeper than" in missing.pop("0.tar/deep.mp4")
    assert "compressed shard" in missing.pop("1.tar.gz")
    assert missing.pop("2.tar") == "not a plain tar file"
    assert missing == {}


def test_a_tar_that_shrinks_after_it_is_listed_costs_its_videos(tmp_path, monkeypatch):
    good = [(f"k{n}", "cls", "ab"[n % 2]) for n in range(4)]
    shard(tmp_path / "0.tar", *good)
    shard(tmp_path / "1.tar", ("late", "cls", "a"))

    def shrinking(path):
        contents = read_contents(path)
        if path.name == "1.tar":
            path.write_bytes(path.read_bytes()[:512])
        return contents

    monkeypatch.setattr(webdataset, "read_contents", shrinking)
    (missing,) = find_videos(tmp_path).missing
    assert missing == ("1.tar/late.mp4", "its .cls cannot be read: 1.tar has become damaged or shorter")


def test_tars_without_labelled_videos(tmp_path):
    write_tar(tmp_path / "all.tar", {"a/1.mp4": b"", "b/1.mp4": b""})
    refused(tmp_path, "no videos in .*all.tar/a/1.mp4: no label beside it .*and 1 more")


def test_an_archive_beside_class_folders_is_passed_over(tmp_path):
    write_tar(tmp_path / "all.tar", {"a/1.mp4": b""})
    touch(tmp_path, "a/1.mp4", "a/2.mp4", "b/1.mp4", "b/2.mp4")
    assert find_videos(tmp_path).layout == "folders"


# All of them, from real videos to a store


def fill(root):
    """Replace the empty files of a miniature by videos."""
    for number, path in enumerate(sorted(root.rglob("*"))):
        if path.suffix in (".avi", ".mp4", ".webm"):
            write_video(path, clip(5 + number % 4, number))
    return root


def tars_of_videos(root):
    for split, count in (("train", 2), ("val", 1)):
        members = {}
        for number in range(2 * count):
            video = write_video(root / "x.webm", clip(5 + number, number + 50 * count))
            members |= {f"{number}.webm": video.read_bytes(), f"{number}.cls": str(number % 2).encode()}
            video.unlink()
        write_tar(root / f"{split}.tar", members)
    return root


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
    assert len(store) == videos
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
    page = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
    for layout in LAYOUTS:
        assert layout in told
        assert f"| `{layout}` |" in page

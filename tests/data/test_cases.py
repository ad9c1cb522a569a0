"""What public reports say that people have: one small source after each, by the report's number."""

import json
import unicodedata

import pytest
from miniatures import shard
from sources import classes, passed_over, refused, roles, touch, write

from vidcondense.data.limits import Limits
from vidcondense.data.sources import find_videos


def names(folder, *counts, per_class=3, ending=".mp4"):
    """Names of videos of the classes a and b."""
    return [
        f"{folder}/{c}/{folder.lower()}{n}{ending}"
        for c in "ab"
        for n in range(counts[0] if counts else per_class)
    ]


def by_folder(source, words):
    """Whether the role of each video is that of its folder."""
    return all(words[path.partition("/")[0]] == role for path, role in roles(source).items())


@pytest.mark.parametrize(
    ("folders", "words"),
    [
        pytest.param(("train", "valid"), {"train": "train", "valid": "test"}, id="02"),
        pytest.param(("Train", "Test"), {"Train": "train", "Test": "test"}, id="04"),
        pytest.param(("training", "testing"), {"training": "train", "testing": "test"}, id="05"),
        pytest.param(("train_256", "val_256"), {"train_256": "train", "val_256": "test"}, id="72"),
        pytest.param(
            ("videos_train", "videos_val"), {"videos_train": "train", "videos_val": "test"}, id="72-mmaction2"
        ),
    ],
)
def test_words_for_splits(tmp_path, folders, words):
    source = find_videos(touch(tmp_path, *names(folders[0], 5), *names(folders[1], 2)))
    assert (source.layout, source.class_names, len(source.videos)) == ("split-folders", ("a", "b"), 14)
    assert by_folder(source, words)


def test_01_unlabelled_test_videos(tmp_path):
    touch(tmp_path, *names("train", 3), *names("val", 2), *[f"test/0000{n}.mp4" for n in range(3)])
    source = find_videos(tmp_path)
    assert by_folder(source, {"train": "train", "val": "test"})
    assert passed_over(source) == {"videos in no class folder": 3}
    assert "test is unlabelled: its 3 videos lie in no class folders" in source.notes


def test_06_clips_one_folder_deeper(tmp_path):
    touch(tmp_path, *[f"{c}/{deep}v{n}.mp4" for c in "ab" for deep in ("", "session2/") for n in range(3)])
    assert len(find_videos(tmp_path).videos) == 12


def test_08_hmdb51_as_it_unpacks(tmp_path):
    clips = [
        "#20_Rhythm_{}_u_nm_np1_fr_goo_0.avi",
        "A[1]_(HQ)_{}_f_cm_np1_ba_med_1.avi",
        "R&B;_it's!_{}_u_cm_np1_le_bad_2.avi",
    ]
    for name in ("kick", "pick"):
        touch(tmp_path, *[f"hmdb51_org/{name}/{clip.format(name)}" for clip in clips])
        for split in (1, 2, 3):
            rows = [f"{clip.format(name)} {2 if n == split - 1 else 1} \n" for n, clip in enumerate(clips)]
            write(tmp_path / "testTrainMulti_7030_splits" / f"{name}_test_split{split}.txt", "".join(rows))
    source = find_videos(tmp_path)
    assert (source.layout, source.split_names, source.class_names) == (
        "hmdb51",
        ("1", "2", "3"),
        ("kick", "pick"),
    )
    diagonal = [tuple("test" if split == n else "train" for split in range(3)) for n in range(3)]
    assert sorted(video.roles for video in source.videos) == sorted(diagonal * 2)
    assert source.missing == ()


def test_10_jhmdb_as_it_unpacks(tmp_path):
    for name in ("catch", "clap"):
        touch(
            tmp_path,
            *[f"ReCompress_Videos/{name}/x_{name}_{n}.avi" for n in range(3)],
            f"joint_positions/{name}/x.mat",
        )
        rows = [f"x_{name}_{n}.avi {2 if n == 0 else 1}\n" for n in range(3)]
        write(tmp_path / "splits" / f"{name}_test_split1.txt", "".join(rows))
    source = find_videos(tmp_path)
    assert (source.layout, len(source.videos)) == ("hmdb51", 6)
    assert {path for path, role in roles(source).items() if role == "test"} == {
        f"ReCompress_Videos/{name}/x_{name}_0.avi" for name in ("catch", "clap")
    }


def ucf_lists(root, classes=("Archery", "HandstandPushups"), ending=".avi"):
    for word, numbers in (("train", (2, 3)), ("test", (1,))):
        rows = [f"{c}/v_{c}_g0{n}_c01{ending}\n" for c in classes for n in numbers]
        write(root / "ucfTrainTestlist" / f"{word}list01.txt", "".join(rows))
    return root


def test_11_handstand_pushups_in_two_spellings(tmp_path):
    disk = ("Archery", "HandStandPushups")
    touch(ucf_lists(tmp_path), *[f"UCF-101/{c}/v_{c}_g0{n}_c01.avi" for c in disk for n in (1, 2, 3)])
    source = find_videos(tmp_path)
    assert source.class_names == ("Archery", "HandstandPushups")
    assert classes(source)["UCF-101/HandStandPushups/v_HandStandPushups_g01_c01.avi"] == "HandstandPushups"
    assert source.missing == ()


def wang(root, *folders):
    clips = [f"v_{c}_g0{n}_c01" for c in ("ApplyEyeMakeup", "Archery") for n in range(1, 5)]
    touch(
        root,
        *[f"{folder}/{clip}/frame00000{k}.jpg" for folder in folders for clip in clips for k in range(1, 4)],
    )
    rows = [f"{clip},{clip.split('_')[1]},{'test' if 'g01' in clip else 'train'}\n" for clip in clips]
    write(root / "ucf101_splits1.csv", "folder_name,label,split\n" + "".join(rows))
    return root


def test_12_the_data_of_wang_et_al(tmp_path):
    source = find_videos(wang(tmp_path, "jpegs_112"))
    assert source.class_names == ("ApplyEyeMakeup", "Archery")
    assert len(source.videos) == 8
    assert {path for path, role in roles(source).items() if role == "test"} == {
        "jpegs_112/v_ApplyEyeMakeup_g01_c01",
        "jpegs_112/v_Archery_g01_c01",
    }


def test_13_the_same_in_two_sizes(tmp_path):
    told = refused(
        wang(tmp_path, "jpegs_112", "jpegs_256"), "jpegs_112 and in jpegs_256; --only jpegs_112 takes one"
    )
    assert "frame-folders" not in told
    assert len(find_videos(tmp_path, limits=Limits(only=("jpegs_112",))).videos) == 8


def test_14_ucf101_as_folders_of_frames(tmp_path):
    clips = [f"UCF-101/{c}/v_{c}_g0{n}_c01" for c in ("Archery", "Biking") for n in (1, 2, 3)]
    touch(
        ucf_lists(tmp_path, ("Archery", "Biking")), *[f"{clip}/frame{k}.jpg" for clip in clips for k in "12"]
    )
    source = find_videos(tmp_path)
    assert (source.layout, set(roles(source)), source.missing) == ("ucf101", set(clips), ())


HEADER = "label,youtube_id,time_start,time_end,split\n"


def test_17_kinetics_by_ids_in_class_folders(tmp_path):
    clips = {"-3B32lodo2M": ("abseiling", "train"), "aaaaaaaaaa1": ("air drumming", "train")}
    clips |= {"cccccccccc1": ("abseiling", "val"), "dddddddddd1": ("air drumming", "val")}
    touch(tmp_path, *[f"{split}/{name.replace(' ', '_')}/{id_}.mp4" for id_, (name, split) in clips.items()])
    write(
        tmp_path / "annotations" / "k400.csv",
        HEADER + "".join(f"{c},{i},7,17,{s}\n" for i, (c, s) in clips.items()),
    )
    source = find_videos(tmp_path)
    assert (source.layout, source.class_names) == ("kinetics400", ("abseiling", "air drumming"))
    assert by_folder(source, {"train": "train", "val": "test"})
    assert source.missing == ()


def test_19_a_flat_folder_with_a_list(tmp_path):
    touch(tmp_path, *[f"videos/clip{n}.mp4" for n in range(8)])
    write(tmp_path / "train_list.txt", "".join(f"clip{n}.mp4 {n % 2}\n" for n in range(8)))
    source = find_videos(tmp_path)
    assert classes(source) == {f"videos/clip{n}.mp4": str(n % 2) for n in range(8)}
    assert source.test_from.startswith("made by holding out 20 %")


def test_22_something_something_of_wang_et_al(tmp_path):
    labels = ["closing something", "covering something with something"]
    touch(tmp_path, *[f"{1000 + n}/{k}.jpg" for n in range(8) for k in "123"])
    for word, numbers in (("train", range(2, 8)), ("val", (0, 1))):
        write(
            tmp_path / f"annot_{word}.json", json.dumps([{"id": 1000 + n, "class": n % 2} for n in numbers])
        )
    write(tmp_path / "class_list.json", json.dumps({name: number for number, name in enumerate(labels)}))
    source = find_videos(tmp_path)
    assert classes(source) == {f"{1000 + n}": labels[n % 2] for n in range(8)}
    assert {path for path, role in roles(source).items() if role == "test"} == {"1000", "1001"}


def test_24_frames_in_folders_called_as_videos(tmp_path):
    templates = ["Pretending to wipe [something]", "Holding [something]"]
    touch(tmp_path, *[f"frames/{2000 + n}.webm/{k:05d}.jpg" for n in range(8) for k in range(3)])
    for word, numbers in (("train", range(6)), ("validation", (6, 7))):
        rows = [{"id": str(2000 + n), "template": templates[n % 2]} for n in numbers]
        write(tmp_path / "labels" / f"{word}.json", json.dumps(rows))
    labels = {name.replace("[", "").replace("]", ""): str(n) for n, name in enumerate(templates)}
    write(tmp_path / "labels" / "labels.json", json.dumps(labels))
    source = find_videos(tmp_path)
    assert (source.layout, len(source.videos), source.missing) == ("something-something-v2", 8, ())
    assert roles(source)["frames/2007.webm"] == "test"


def test_25_jester(tmp_path):
    touch(tmp_path, *[f"20bn-jester-v1/{n}/{k:05d}.jpg" for n in range(1, 9) for k in range(3)])
    for word, numbers in (("train", range(3, 9)), ("validation", (1, 2))):
        rows = [f"{n};{['Swiping Left', 'Swiping Right'][n % 2]}\n" for n in numbers]
        write(tmp_path / f"jester-v1-{word}.csv", "".join(rows))
    source = find_videos(tmp_path)
    assert source.class_names == ("Swiping Left", "Swiping Right")
    assert {path for path, role in roles(source).items() if role == "test"} == {
        "20bn-jester-v1/1",
        "20bn-jester-v1/2",
    }


def test_29_labels_that_are_lists_or_whole_floats(tmp_path):
    good = [(f"k{n}", "json", {"label": float(n % 2)}) for n in range(4)]
    shard(tmp_path / "s.tar", *good, ("bad", "json", {"label": [1]}))
    source = find_videos(tmp_path)
    assert source.class_names == ("0", "1")
    assert source.missing == (("s.tar/bad.mp4", "its label is a list ([1]), not a name or a number"),)


def test_32_one_class_in_two_unicode_forms(tmp_path):
    wide = unicodedata.normalize("NFD", "café")
    touch(tmp_path, *[f"train/{c}/{n}.mp4" for c in ("café", "b") for n in range(3)])
    source = find_videos(touch(tmp_path, *[f"test/{c}/{n}.mp4" for c in (wide, "b") for n in "78"]))
    assert source.class_names == ("b", "café")
    assert len(source.videos) == 10


def test_33_classes_that_differ_in_capitals(tmp_path):
    touch(
        tmp_path,
        *[f"train/{c}/1.mp4" for c in ("Run", "walk")],
        *[f"test/{c}/2.mp4" for c in ("run", "walk")],
    )
    refused(tmp_path, "class 'run' has no training video .*did you mean one class with 'Run'")


def test_35_what_systems_leave_behind(tmp_path):
    touch(tmp_path, *[f"{c}/v{n}.mp4" for c in "ab" for n in range(3)])
    touch(
        tmp_path, "@eaDir/x.mp4", "@eaDir/y.mp4", "__MACOSX/a/._v1.mp4", "a/@eaDir/v1.mp4/t.jpg", "a/._v1.mp4"
    )
    touch(tmp_path, "a/Thumbs.db", "a/desktop.ini", ".DS_Store")
    source = find_videos(tmp_path)
    assert (source.class_names, len(source.videos)) == (("a", "b"), 6)
    assert passed_over(source) == {"hidden or system files and folders": 7}


def test_39_a_link_out_of_the_source_in_a_folder_called_as_a_video(tmp_path):
    source = touch(
        tmp_path / "source", *[f"{c}/{v}/{k}.jpg" for c in "ab" for v in ("f0", "f1") for k in "123"]
    )
    secret = write(tmp_path / "outside" / "secret.jpg", "")
    for name in ("clip", "clip.mp4"):
        touch(source, *[f"a/{name}/{k}.jpg" for k in "123"])
        (source / "a" / name / "4.jpg").symlink_to(secret)
    found = find_videos(source)
    assert [path for path, reason in found.missing if "leads out of the folder" in reason] == [
        "a/clip",
        "a/clip.mp4",
    ]
    assert len(found.videos) == 4
    assert len(find_videos(source, follow_links=True).videos) == 6


def test_56_groups_stay_on_one_side(tmp_path):
    clips = [
        f"{c}/v_{c}_g0{g}_c0{n}.avi" for c in ("Archery", "Biking") for g in (1, 2, 3) for n in (1, 2, 3, 4)
    ]
    by_role = {}
    for path, role in roles(find_videos(touch(tmp_path, *clips))).items():
        by_role.setdefault(role, set()).add(path[:-8])
    assert by_role.keys() == {"train", "test"}
    assert not by_role["train"] & by_role["test"]


def test_62_a_stray_picture_beside_clips(tmp_path):
    clips = {
        f"{n}aaaaaaaaaa": (("abseiling", "climbing")[n % 2], "train" if n < 4 else "val") for n in range(6)
    }
    touch(tmp_path, "train/contact_sheet.jpg", *[f"{s}/{i}_000007_000017.mp4" for i, (_, s) in clips.items()])
    write(
        tmp_path / "annotations" / "k400.csv",
        HEADER + "".join(f"{c},{i},7,17,{s}\n" for i, (c, s) in clips.items()),
    )
    source = find_videos(tmp_path)
    assert (len(source.videos), source.missing) == (6, ())
    assert passed_over(source) == {"pictures outside folders of frames": 1}


def test_73_one_folder_too_high(tmp_path):
    touch(tmp_path, *[f"UCF101_subset/{c}/{n}.mp4" for c in "abc" for n in range(3)])
    refused(tmp_path, f"did you mean {tmp_path}/UCF101_subset\\? It has 9 videos in 3 classes")


def test_74_ucf101_moved_into_split_folders(tmp_path):
    ucf_lists(tmp_path, ("Archery", "Biking"))
    for c in ("Archery", "Biking"):
        touch(tmp_path, *[f"train/{c}/v_{c}_g0{n}_c01.avi" for n in (2, 3)], f"test/{c}/v_{c}_g01_c01.avi")
    source = find_videos(tmp_path)
    assert (source.layout, source.missing, len(source.videos)) == ("ucf101", (), 6)
    assert by_folder(source, {"train": "train", "test": "test"})

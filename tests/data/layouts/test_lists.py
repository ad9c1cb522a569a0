"""Lists that say the class of each video: whose forms they have, and what they say of splits and classes."""

import csv
import io
import json
import unicodedata

import pytest
from sources import classes, passed_over, refused, roles, touch, write

from vidcondense.data.limits import Limits
from vidcondense.data.sources import find_videos

CLASS = ["jump", "run"]


def flat(root, folder="videos", count=8, ending=".mp4"):
    """videos/clip0.mp4, ...: even ones are "jump" (0), odd ones "run" (1); 6 and 7 are for testing."""
    return touch(root, *[f"{folder}/clip{number}{ending}" for number in range(count)])


def lines(row, numbers=range(8)):
    """A row for each number: {n} is the number, {label} and {name} those of its class."""
    return "".join(row.format(n=n, label=n % 2, name=CLASS[n % 2]) + "\n" for n in numbers)


def check(source, names=("jump", "run"), folder="videos", ending=".mp4"):
    assert source.layout == "lists"
    assert source.class_names == tuple(names)
    assert classes(source) == {f"{folder}/clip{n}{ending}": names[n % 2] for n in range(8)}
    tests = {f"{folder}/clip{n}{ending}" for n in (6, 7)}
    if not source.test_from.startswith("made"):
        assert {path for path, role in roles(source).items() if role == "test"} == tests


PLAIN = {
    "mmaction2": ("_list.txt", "clip{n}.mp4 {label}"),
    "SlowFast": (".csv", "/data/kinetics/videos/clip{n}.mp4 {label}"),
    "SlowFast with commas": (".csv", "videos/clip{n}.mp4,{label}"),
    "TSN": ("_videofolder.txt", "clip{n} 130 {label}"),
    "TSN with a beginning": ("_split_1.txt", "clip{n} 1 130 {label}"),
    "Jester": (".csv", "clip{n};{label}"),
    "tabs": (".tsv", "clip{n}\t{label}"),
    "C3D": (".list", "videos/clip{n}/ 1 {label}"),
    "Windows": (".txt", "C:\\Users\\me\\videos\\clip{n}.mp4 {label}"),
    "label first": (".txt", "{label} clip{n}.mp4"),
}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("tool", PLAIN)
def test_plain_lines(tmp_path, tool, end):
    ending, row = PLAIN[tool]
    for word, numbers in (("train", range(6)), ("val", (6, 7))):
        write(tmp_path / "lists" / f"{word}{ending}", lines(row, numbers).replace("\n", end))
    source = find_videos(flat(tmp_path))
    check(source, ("0", "1"))
    assert "labels are numbers, and no list of classes names them" in source.notes
    assert source.missing == ()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("classInd.txt", "0 jump\n1 run\n"),
        ("label_map.txt", "jump\nrun\n"),
        ("class_list.json", '["jump", "run"]'),
        ("class_list.json", '{"jump": 0, "run": "1"}'),
        ("classes.json", '{"0": "jump", "1": "run"}'),
        ("categories.txt", "0,jump\n1,run\n"),
        ("kinetics_label_map.csv", "id,name\n0,jump\n1,run\n"),
    ],
)
def test_labels_that_are_numbers_get_their_names(tmp_path, name, text):
    write(tmp_path / "train.txt", lines("clip{n}.mp4 {label}", range(6)))
    write(tmp_path / "val.txt", lines("clip{n}.mp4 {label}", (6, 7)))
    write(tmp_path / name, text)
    source = find_videos(flat(tmp_path))
    check(source)
    assert source.notes == (f"labels are numbers; {name} has their names",)
    assert passed_over(source) == {}


TABLES = {
    "VideoFolder": "file_name,label\nvideos/clip{n}.mp4,{name}",
    "Wang et al.": "folder_name,label\nclip{n},{name}",
    "Kaggle": "clip_name,clip_path,label\nclip{n},/train/{name}/clip{n}.mp4,{name}",
    "label first": "label,filename\n{name},clip{n}.mp4",
    "ids": "id,class\nclip{n},{name}",
    "number and name": "vid_name,label,label_name\nclip{n},{label},{name}",
    "semicolons": '"Path";"Label"\n"clip{n}.mp4";"{name}"',
    "Excel": "sep=;\nPath;Label\nclip{n}.mp4;{name}",
    "tabs": "video\tlabel\nclip{n}.mp4\t{name}",
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("kind", TABLES)
def test_tables_with_a_header(tmp_path, kind, encoding):
    *header, row = TABLES[kind].split("\n")
    write(tmp_path / "annotations.csv", "\r\n".join([*header, lines(row)]), encoding)
    source = find_videos(flat(tmp_path))
    check(source)
    assert sorted(roles(source).values()) == ["test"] * 2 + ["train"] * 6
    assert source.missing == source.notes == ()


JSON = {
    "objects": [{"path": f"clip{n}.mp4", "label": CLASS[n % 2]} for n in range(8)],
    "Diving48": [{"vid_name": f"clip{n}", "label_name": CLASS[n % 2], "end_frame": 9} for n in range(8)],
    "by file": {f"clip{n}.mp4": CLASS[n % 2] for n in range(8)},
    "DFDC": {f"clip{n}.mp4": {"label": CLASS[n % 2], "split": "train"} for n in range(8)},
    "by id": {f"clip{n}": {"subset": "training", "label": CLASS[n % 2]} for n in range(8)},
}


@pytest.mark.parametrize("kind", JSON)
def test_json(tmp_path, kind):
    write(tmp_path / "labels.json", json.dumps(JSON[kind]))
    check(find_videos(flat(tmp_path)))


def test_json_lines_in_split_folders(tmp_path):
    """Hugging Face's VideoFolder with its table beside the files."""
    for split, numbers in (("train", range(6)), ("test", (6, 7))):
        touch(tmp_path, *[f"{split}/clip{n}.mp4" for n in numbers])
        rows = [json.dumps({"file_name": f"clip{n}.mp4", "label": n % 2}) + "\n" for n in numbers]
        write(tmp_path / split / "metadata.jsonl", "".join(rows))
    source = find_videos(tmp_path)
    assert (source.layout, source.class_names) == ("lists", ("0", "1"))
    assert roles(source) == {
        f"{'train' if n < 6 else 'test'}/clip{n}.mp4": "train" if n < 6 else "test" for n in range(8)
    }


def test_a_table_in_root_whose_paths_say_the_split(tmp_path):
    touch(tmp_path, *[f"{'train' if n < 6 else 'test'}/clip{n}.mp4" for n in range(8)])
    rows = [f"{'train' if n < 6 else 'test'}/clip{n}.mp4,{CLASS[n % 2]}\n" for n in range(8)]
    write(tmp_path / "metadata.csv", "file_name,label\n" + "".join(rows))
    source = find_videos(tmp_path)
    assert all(path.startswith(f"{role}/") for path, role in roles(source).items())


@pytest.mark.parametrize("words", [("train", "test"), ("training", "validation"), ("Train", "VAL")])
def test_a_column_for_the_split(tmp_path, words):
    rows = [f"clip{n}.mp4,{CLASS[n % 2]},{words[n > 5]}\n" for n in range(8)]
    write(tmp_path / "meta.csv", "video,label,split\n" + "".join(rows))
    source = find_videos(flat(tmp_path))
    check(source)
    assert not source.test_from.startswith("made")


def test_rows_without_a_split_among_others_are_unused_and_told(tmp_path):
    rows = [f"clip{n}.mp4,{CLASS[n % 2]},{'train' if n < 4 else 'test' if n < 6 else ''}\n" for n in range(8)]
    write(tmp_path / "meta.csv", "video,label,split\n" + "".join(rows))
    source = find_videos(flat(tmp_path))
    assert [path for path, role in roles(source).items() if role == "unused"] == [
        "videos/clip6.mp4",
        "videos/clip7.mp4",
    ]
    assert source.notes == ("2 rows of meta.csv say no split and are unused: clip6.mp4 is the first",)


def test_rows_without_a_label_are_told(tmp_path):
    rows = [f"clip{n}.mp4,{CLASS[n % 2] if n < 6 else ''}\n" for n in range(8)]
    write(tmp_path / "meta.csv", "video,label\n" + "".join(rows))
    source = find_videos(flat(tmp_path))
    assert source.notes == ("2 rows of meta.csv have no label and were passed over: clip6.mp4 is the first",)
    assert passed_over(source) == {"videos that no list names": 2}


def test_several_splits_by_the_numbers_of_lists(tmp_path):
    """mmaction2's ucf101_train_split_1_videos.txt, ..., with val for the test videos."""
    touch(tmp_path, *[f"videos/{c}/{n}.avi" for c in "ab" for n in range(4)])
    for split in (1, 2):
        for word, there in (("train", lambda n, s=split: n != s), ("val", lambda n, s=split: n == s)):
            rows = [f"{c}/{n}.avi {label}\n" for label, c in enumerate("ab") for n in range(4) if there(n)]
            write(tmp_path / f"ucf101_{word}_split_{split}_videos.txt", "".join(rows))
    source = find_videos(tmp_path)
    assert source.split_names == ("1", "2")
    expected = [("train", "train"), ("test", "train"), ("train", "test"), ("train", "train")]
    assert [video.roles for video in source.videos] == expected * 2


def test_labels_of_several_words_and_paths_with_spaces_and_commas(tmp_path):
    names = ["playing guitar", "run, fast"]
    touch(tmp_path / "words", *[f"v/my clip {n}.mp4" for n in range(8)])
    write(
        tmp_path / "words" / "train.txt",
        "".join(f"v/my clip {n}.mp4 {names[0] if n % 2 else 'run'}\n" for n in range(8)),
    )
    assert find_videos(tmp_path / "words").class_names == ("playing guitar", "run")
    touch(tmp_path / "commas", *[f"v/my, clip {n}.mp4" for n in range(8)])
    text = io.StringIO()
    csv.writer(text).writerows([f"v/my, clip {n}.mp4", names[n % 2]] for n in range(8))
    write(tmp_path / "commas" / "train.csv", text.getvalue())
    assert find_videos(tmp_path / "commas").class_names == ("playing guitar", "run, fast")


def test_moments_in_time(tmp_path):
    for word, numbers in (("training", range(6)), ("validation", (6, 7))):
        write(tmp_path / f"{word}Set.csv", lines("x/clip{n}.mp4,{name},3,0", numbers))
    check(find_videos(flat(tmp_path)))


def test_comments_empty_lines_and_a_header_without_columns(tmp_path):
    rows = lines("clip{n}.mp4 {label}\n")
    write(tmp_path / "train.txt", f"path label\n\n# mine\n{rows}")
    source = find_videos(flat(tmp_path))
    check(source, ("0", "1"))
    assert source.missing == ()


def test_names_in_another_coding(tmp_path):
    names = ["fällt", "läuft"]
    touch(tmp_path, *[unicodedata.normalize("NFD", f"videos/{names[n % 2]}{n}.mp4") for n in range(8)])
    text = "path,label\n" + "".join(f"videos/{names[n % 2]}{n}.mp4,{names[n % 2]}\n" for n in range(8))
    write(tmp_path / "train.csv", text, "latin-1")
    source = find_videos(tmp_path)
    assert (source.class_names, len(source.videos)) == (("fällt", "läuft"), 8)


def test_jester_with_lists_of_classes_and_of_unlabelled_videos(tmp_path):
    names = ["No gesture", "Swiping Left"]
    touch(tmp_path, *[f"20bn-jester-v1/{n}/{k}.jpg" for n in range(1, 11) for k in "12"])
    for word, numbers in (("train", range(1, 7)), ("validation", (7, 8))):
        write(tmp_path / f"jester-v1-{word}.csv", "".join(f"{n};{names[n % 2]}\n" for n in numbers))
    write(tmp_path / "jester-v1-test.csv", "9\n10\n")
    write(tmp_path / "jester-v1-labels.csv", "No gesture\nSwiping Left\n")
    source = find_videos(tmp_path)
    assert source.class_names == ("No gesture", "Swiping Left")
    assert {path for path, role in roles(source).items() if role == "test"} == {
        "20bn-jester-v1/7",
        "20bn-jester-v1/8",
    }
    assert passed_over(source) == {".csv files": 2, "videos that no list names": 2}


def wang(root, *tables):
    touch(root, *[f"jpegs_112/v_{CLASS[n % 2]}_g0{n}_c01/frame{k}.jpg" for n in range(8) for k in "12"])
    rows = [f"v_{CLASS[n % 2]}_g0{n}_c01,{CLASS[n % 2]},{'train' if n < 6 else 'test'}\n" for n in range(8)]
    for table in tables:
        write(root / table, "folder_name,label,split\n" + "".join(rows))
    return root


def test_the_data_of_wang_et_al(tmp_path):
    source = find_videos(wang(tmp_path, "ucf101_splits1.csv"))
    assert (source.layout, source.class_names, len(source.videos)) == ("lists", ("jump", "run"), 8)
    assert roles(source)["jpegs_112/v_jump_g06_c01"] == "test"
    assert roles(source)["jpegs_112/v_run_g01_c01"] == "train"


def test_two_lists_for_the_same_split_are_a_question(tmp_path):
    wang(tmp_path, "ucf101_splits1.csv", "ucf50_splits1.csv")
    refused(
        tmp_path,
        "ucf101_splits1.csv and ucf50_splits1.csv are both lists for the whole .* --only ucf101_splits1.csv",
    )
    source = find_videos(tmp_path, limits=Limits(only=("ucf50_splits1.csv",)))
    assert len(source.videos) == 8
    assert source.seen.lists == 1
    assert passed_over(source) == {"folders and files left out by --only": 1}


def test_videos_that_are_there_in_two_sizes_are_a_question(tmp_path):
    wang(tmp_path, "ucf101_splits1.csv")
    touch(tmp_path, *[f"jpegs_256/v_{CLASS[n % 2]}_g0{n}_c01/1.jpg" for n in range(8)])
    told = refused(tmp_path, "are in jpegs_112 and in jpegs_256; --only jpegs_112 takes one")
    assert "--layout" not in told
    assert len(find_videos(tmp_path, limits=Limits(only=("jpegs_256",))).videos) == 8


def test_something_something_of_wang_et_al(tmp_path):
    touch(tmp_path, *[f"{1000 + n}/{k}.jpg" for n in range(8) for k in "12"])
    for word, numbers in (("train", range(6)), ("val", (6, 7))):
        rows = [{"id": 1000 + n, "class": n % 2} for n in numbers]
        write(tmp_path / f"annot_{word}.json", json.dumps(rows))
    write(tmp_path / "class_list.json", json.dumps(CLASS))
    source = find_videos(tmp_path)
    assert classes(source) == {f"{1000 + n}": CLASS[n % 2] for n in range(8)}
    assert {path for path, role in roles(source).items() if role == "test"} == {"1006", "1007"}


def class_folders(root):
    return touch(root, *[f"{c}/v{n}.mp4" for c in "ab" for n in range(4)])


@pytest.mark.parametrize(
    "lists",
    [
        {"split.csv": "file,split\n{c}/v0.mp4,test\n{c}/v1.mp4,train\n{c}/v2.mp4,train\n{c}/v3.mp4,train\n"},
        {"train.txt": "{c}/v1.mp4\n{c}/v2.mp4\n{c}/v3.mp4\n", "test.txt": "{c}/v0.mp4\n"},
        {"trainlist.txt": "{c}/v1.mp4 1\n{c}/v2.mp4 1\n{c}/v3.mp4 1\n", "testlist.txt": "{c}/v0.mp4\n"},
    ],
)
def test_lists_that_say_splits_alone_go_with_class_folders(tmp_path, lists):
    for name, text in lists.items():
        header, body = text.split("\n", 1) if text.startswith("file") else ("", text)
        write(tmp_path / name, f"{header}\n" * bool(header) + body.format(c="a") + body.format(c="b"))
    source = find_videos(class_folders(tmp_path))
    assert source.layout == "lists"
    assert classes(source) == {f"{c}/v{n}.mp4": c for c in "ab" for n in range(4)}
    assert roles(source) == {f"{c}/v{n}.mp4": "train" if n else "test" for c in "ab" for n in range(4)}
    assert "classes are those of the folders, splits those of the lists" in source.notes


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("results.csv", "video,label,prediction\na/v0.mp4,a,b\nb/v0.mp4,b,b\n"),
        ("train.txt", "epoch 1 loss 0.5\nepoch 2 loss 0.4\n"),
        ("train.csv", "\0\1\2\n" * 50),
        ("train.csv", "path\rlabel\r" * 5),
        ("labels.json", "{not json"),
        ("train.json", "["),
        ("train.txt", "x" * 100_000),
        ("metadata.csv", "file_name,size\na/v0.mp4,4\n"),
        ("train.csv", "filename,duration\na/v0.mp4,3\n"),
    ],
)
def test_files_that_are_no_lists_do_not_decide(tmp_path, name, text):
    write(tmp_path / name, text)
    source = find_videos(class_folders(tmp_path))
    assert (source.layout, len(source.videos)) == ("folders", 8)
    assert passed_over(source) == {f".{name.partition('.')[2]} files": 1}


def test_split_folders_count_for_more_than_lists_without_more_to_say(tmp_path):
    touch(tmp_path, *[f"{split}/{c}/{n}.mp4" for split in ("train", "test") for c in "ab" for n in range(2)])
    write(tmp_path / "train.csv", "clip_name,clip_path,label\n0,/train/a/0.mp4,a\n")
    assert find_videos(tmp_path).layout == "split-folders"


CHARADES = "id,subject,scene,quality,script,objects,actions,length\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "Charades_v1_train.csv",
            CHARADES + 'clip0,HR43,Kitchen,6,"a, b",food;door,c092 11.9 21.2;c147 0 12,24\n',
        ),
        (
            "activity_net.json",
            '{"database": {"clip0": {"subset": "training", "annotations": [{"label": "x"}]}}}',
        ),
        ("WLASL.json", '[{"gloss": "book", "instances": [{"video_id": "clip0", "split": "train"}]}]'),
        ("_classes.csv", "filename, jump, run\nclip0.mp4, 1, 0\nclip1.mp4, 0, 1\n"),
        ("train.csv", "path,label\nelsewhere0.mp4,a\nelsewhere1.mp4,b\n"),
        ("train.txt", "clip0.mp4 0 0\nclip1.mp4 1 1\nclip2.mp4 0 1\n"),
    ],
)
def test_lists_that_are_not_understood_are_named(tmp_path, name, text):
    write(tmp_path / name, text)
    told = refused(flat(tmp_path), f"not understood as a list of them: {name}")
    assert "8 videos lie in videos (clip0.mp4): put each in a folder of its class" in told


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("video,label\nclip0.mp4,a\nclip1.mp4\n", "meta.csv line 3: 1 values instead of 2"),
        (
            "video,label,split\nclip0.mp4,a,train\nclip1.mp4,b,fold1\n",
            "meta.csv line 3: split is 'fold1', not one of",
        ),
        ("video,label\nclip0.mp4,a\n,b\n", "meta.csv line 3: no video"),
        ('video,label\nclip0.mp4,a\n"clip1.mp4,b\n', "meta.csv line 3: not valid CSV"),
        ("sep=,\nvideo,label\nclip0.mp4,a\nclip1.mp4\n", "meta.csv line 4: 1 values instead of 2"),
    ],
)
def test_a_damaged_table(tmp_path, text, message):
    write(tmp_path / "meta.csv", text)
    refused(flat(tmp_path), message)


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ([1], "its label is a list"),
        (1.5, "its label is no whole number"),
        ({"a": 1}, "an object"),
        (True, "true or false"),
    ],
)
def test_a_label_that_is_none(tmp_path, label, message):
    write(
        tmp_path / "train.json", json.dumps([{"id": "clip0", "label": 1.0}, {"id": "clip1", "label": label}])
    )
    refused(flat(tmp_path), f"train.json entry 1: .*{message}")


def test_a_video_with_two_classes_keeps_the_first(tmp_path):
    write(tmp_path / "meta.csv", "video,label\n" + lines("clip{n}.mp4,{name}") + "clip0.mp4,run\n")
    source = find_videos(flat(tmp_path))
    assert source.missing == (("clip0.mp4", "meta.csv has it a second time; it stays 'jump'"),)
    check(source)


def test_a_list_of_segments_is_refused(tmp_path):
    rows = "".join(f"clip{n}.mp4,{k},{k + 1},{CLASS[k % 2]}\n" for n in range(8) for k in range(3))
    write(tmp_path / "train.csv", f"video,start,end,label\n{rows}")
    refused(flat(tmp_path), r"give 8 of 8 videos several classes, such as clip0.mp4 \('jump', 'run'\)")


def test_a_forced_layout_is_mentioned(tmp_path):
    write(tmp_path / "metadata.csv", "file_name,label\na/v0.mp4,x\nb/v0.mp4,y\n")
    refused(
        class_folders(tmp_path), "a list forces layout lists; --layout folders reads 8 videos in 2 classes"
    )
    assert find_videos(tmp_path, "folders").class_names == ("a", "b")


def test_a_column_of_folds_is_not_read_in_silence(tmp_path):
    videos = [f"{number}.mp4" for number in range(8)]
    touch(tmp_path, *[f"videos/{name}" for name in videos])
    rows = [f"{name},{'ab'[number % 2]},{number % 4}" for number, name in enumerate(videos)]
    write(tmp_path / "list.csv", "\n".join(["path,label,fold", *rows]))
    (note,) = find_videos(tmp_path).notes
    assert note == "column 'fold' of list.csv says no training and test part, and is not read"


def test_several_splits_of_which_lists_say_no_parts_are_held_out_each(tmp_path):
    flat(tmp_path, count=8)
    for split, numbers in ((1, range(8)), (2, range(6))):
        text = "path,label\n" + lines("clip{n}.mp4,{name}", numbers)
        write(tmp_path / f"labels_split_{split}.csv", text)
    source = find_videos(tmp_path)
    assert source.split_names == ("1", "2")
    assert source.test_from == "made by holding out 20 % of each class by the hash of their names"
    for split, videos in ((0, 8), (1, 6)):
        found = list(roles(source, split).values())
        assert (found.count("test"), found.count("train"), found.count("unused")) == (
            2,
            videos - 2,
            8 - videos,
        )


@pytest.mark.parametrize("held", ["val", "test"])
def test_the_list_that_the_test_set_is_from_is_named(tmp_path, held):
    flat(tmp_path)
    write(tmp_path / "train_list.txt", lines("clip{n}.mp4 {label}", range(4)))
    write(tmp_path / f"{held}_list.txt", lines("clip{n}.mp4 {label}", range(4, 8)))
    assert find_videos(tmp_path).test_from == f"{held}_list.txt ({held})"

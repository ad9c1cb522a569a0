"""Everything that lies in a source is used, listed as unusable, or counted by kind."""

import shutil
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from miniatures import hmdb, kinetics, something, ucf
from sources import passed_over, touch, write

from vidcondense.base.errors import VidcondenseError
from vidcondense.data.limits import Limits
from vidcondense.data.sources import find_videos
from vidcondense.data.survey import PassedOver, Survey, unusable

HIDDEN = "hidden or system files and folders"
FOLDERS = ["a", "b", "c1", "train", "Test", "val", "jpegs_112", ".git", "@eaDir", "v1", "x.mp4"]
FILES = [
    "1.mp4",
    "2.AVI",
    "3.jpg",
    "4.png",
    "notes.txt",
    "x.rar",
    "noending",
    "._1.mp4",
    "Thumbs.db",
    "x.tar",
    "y.json",
]
paths = st.lists(
    st.tuples(st.lists(st.sampled_from(FOLDERS), max_size=4), st.sampled_from([*FILES, ""])),
    min_size=6,
    max_size=40,
)


def is_hidden(name):
    return name.startswith(".") or name.lower() in ("@eadir", "thumbs.db")


def kind_of(name):
    """What one file is, by other means than the code under test."""
    if name.lower().endswith((".mp4", ".avi")):
        return "video"
    return "picture" if name.lower().endswith((".jpg", ".png")) else "other"


def visible(root):
    """(files, folders, hidden ones) that a walk which enters nothing hidden meets."""
    files, folders, hidden = [], [], []
    left = [root]
    while left:
        for entry in left.pop().iterdir():
            if is_hidden(entry.name):
                hidden.append(entry)
            elif entry.is_dir():
                folders.append(entry)
                left.append(entry)
            else:
                files.append(entry)
    return files, folders, hidden


def check(root, source):
    """All that was seen is in exactly one of the places where it may be."""
    files, folders, hidden = visible(root)
    assert (source.seen.files, source.seen.folders) == (len(files), len(folders))
    counts = Counter(passed_over(source))
    assert counts.pop(HIDDEN, 0) == len(hidden)
    empty = sum(not any(folder.iterdir()) for folder in folders)
    assert counts.pop("empty folders", 0) == empty
    taken = {video.path for video in source.videos} | {path for path, _ in source.missing}
    # Pictures count as the folder that they make a video of, or else each for itself.
    beside = {file.parent for file in files if kind_of(file.name) == "video"}
    holding = {parent for folder in beside for parent in (folder, *folder.parents)}
    frames = {file.parent for file in files if kind_of(file.name) == "picture"} - holding
    while outer := {folder for folder in frames if any(folder in inner.parents for inner in frames)}:
        frames -= outer
    loose = sum(kind_of(file.name) == "picture" and file.parent not in frames for file in files)
    assert counts.pop("pictures outside folders of frames", 0) == loose
    videos = sum(kind_of(file.name) == "video" for file in files) + len(frames)
    others = sum(kind_of(file.name) == "other" for file in files)
    lists = source.seen.lists
    counts.pop("unusable files and folders left out by the choice of classes and videos", 0)
    used = sum((root / path).exists() and path in taken for path in taken)
    dirs = {path for path in taken if (root / path).is_dir() and (root / path) not in frames}
    assert videos + others == used - len(dirs) + lists + sum(counts.values())


@settings(max_examples=60, deadline=None)
@given(paths)
def test_what_was_seen_is_used_listed_or_counted(tree):
    root = Path(tempfile.mkdtemp())
    try:
        touch(root, *[f"{c}/{n}.mp4" for c in ("run", "walk") for n in range(3)])
        for folders, name in tree:
            folder = root.joinpath(*folders)
            if any(parent.is_file() for parent in (folder, *folder.parents)) or (folder / name).is_dir():
                continue
            folder.mkdir(parents=True, exist_ok=True)
            if name:
                (folder / name).touch()
        for layout in ("auto", "folders"):
            try:
                source = find_videos(root, layout, limits=Limits(present=True))
            except VidcondenseError:
                continue
            check(root, source)
    finally:
        shutil.rmtree(root)


@pytest.mark.parametrize("make", [ucf, hmdb, kinetics, something])
def test_sources_with_lists_are_counted_too(tmp_path, make):
    deep = "deep/" if make is hmdb else ""  # a folder of videos beside HMDB51's classes is one
    touch(
        make(tmp_path), f"stray/{deep}1.mp4", "stray/notes.md", ".DS_Store", "frames/1.jpg", "cover/x/y.rar"
    )
    source = find_videos(tmp_path)
    check(tmp_path, source)
    assert passed_over(source)[HIDDEN] == 1
    assert set(source.seen.unused) >= {"stray", "frames", "cover"}


def test_everything_at_the_top_that_is_not_used_is_named(tmp_path):
    touch(tmp_path, *[f"{c}/{n}.mp4" for c in "ab" for n in range(3)])
    touch(
        tmp_path,
        "stray.mp4",
        "notes.txt",
        "x.rar",
        "cover.jpg",
        "code/main.py",
        "more/a/1.mp4",
        ".git/config",
    )
    (tmp_path / "void").mkdir()
    seen = find_videos(tmp_path).seen
    told = " ".join(seen.describe())
    assert seen.unused == ("code", "more", "void")
    for name in ("stray.mp4", "notes.txt", "x.rar", "code/main.py", "more/a/1.mp4", ".git", "void"):
        assert name in told
    assert "pictures outside folders of frames: 1 (.)" in told


def test_what_only_leaves_out_is_named(tmp_path):
    touch(
        tmp_path,
        *[f"{s}/{c}/{n}.mp4" for s in ("train", "test", "extra") for c in "ab" for n in range(2)],
        "x.txt",
    )
    source = find_videos(tmp_path, limits=Limits(only=("train", "test")))
    assert source.layout == "split-folders"
    assert passed_over(source) == {"folders and files left out by --only": 1, ".txt files": 1}
    assert "extra" in source.seen.describe()[1]


def test_what_the_choice_of_classes_leaves_out_is_counted(tmp_path):
    touch(tmp_path, *[f"{c}/{n}.mp4" for c in "abc" for n in range(3)])
    (tmp_path / "c" / "gone.mp4").symlink_to("nowhere")
    source = find_videos(tmp_path, limits=Limits(class_names=("a", "b")))
    assert passed_over(source) == {
        "videos left out by the choice of classes and videos": 3,
        "unusable files and folders left out by the choice of classes and videos": 1,
    }


def test_lists_that_are_read_are_no_strangers(tmp_path):
    touch(tmp_path, *[f"videos/{n}.mp4" for n in range(8)])
    write(tmp_path / "train.txt", "".join(f"{n}.mp4 {n % 2}\n" for n in range(8)))
    write(tmp_path / "readme.txt", "hello")
    source = find_videos(tmp_path)
    assert source.seen.lists == 1
    assert passed_over(source) == {".txt files": 1}


def test_the_count_in_words():
    over = (PassedOver(".txt files", 1, ("a.txt",)), PassedOver("empty folders", 1200, ("x", "y", "z")))
    assert Survey(1, 2, 1, over).describe() == [
        "seen: 1 file in 2 folders, 1 list or archive read",
        "passed over: .txt files: 1 (a.txt); empty folders: 1,200 (x, y, z, ...)",
    ]
    assert Survey(2, 1).describe() == ["seen: 2 files in 1 folder"]
    unused = tuple(f"d{number}" for number in range(12))
    assert Survey(unused=unused).describe()[-1].endswith("d8, d9 and 2 more")


def test_unusable_files_in_words():
    assert unusable(()) == ""
    assert unusable([("a", "gone")]) == " without its 1 unusable file (the first is a: gone)"
    both = " without its 2 unusable files (the first is a: gone; so are the others)"
    assert unusable([("a", "gone"), ("b", "gone")]) == both
    assert "others" not in unusable([("a", "gone"), ("b", "damaged")])

"""The walk through a source: links, folders that nobody can look into, what systems leave."""

import os
import shutil
import subprocess
import sys
from collections import Counter

import pytest
from media import clip, write_dataset, write_pictures, write_video
from miniatures import shard
from sources import passed_over, refused, touch, write

from vidcondense.data.layouts.tree import look
from vidcondense.data.sources import find_videos


def test_links_that_lead_out_of_the_folder_are_not_followed(tmp_path):
    source, away = write_dataset(tmp_path / "source", per_class=3), tmp_path / "away"
    private = write_video(away / "private.mkv")
    (source / "class0" / "out.mkv").symlink_to(private)
    (source / "class0" / "in.mkv").symlink_to("v00.mkv")
    (source / "class0" / "up.mkv").symlink_to("../../away/private.mkv")
    (source / "class0" / "itself.mkv").symlink_to("itself.mkv")
    (source / "back").symlink_to(".")
    found = find_videos(source)
    assert "class0/in.mkv" in [video.path for video in found.videos]
    reason = "a link that leads out of the folder; --follow-links takes it"
    nowhere = ("class0/itself.mkv", "a link that leads nowhere")
    assert set(found.missing) == {("class0/out.mkv", reason), ("class0/up.mkv", reason), nowhere}
    followed = find_videos(source, follow_links=True)
    assert len(followed.videos) == len(found.videos) + 2
    assert followed.missing == (nowhere,)
    # The folder itself may be reached by a link; one of its classes may not.
    (tmp_path / "elsewhere").symlink_to(source)
    assert find_videos(tmp_path / "elsewhere").videos == found.videos
    (source / "class9").symlink_to(away)
    refused(source, r"first is .*: a link .*class 'class9' has no")


def test_pictures_that_are_links_out_of_the_folder(tmp_path):
    for name in ("a", "b"):
        for number in range(4):
            write_pictures(tmp_path / "source" / name / f"v{number}", clip(3))
    (tmp_path / "private.png").write_bytes(b"")
    (tmp_path / "source" / "a" / "v1" / "frame9.png").symlink_to(tmp_path / "private.png")
    found = find_videos(tmp_path / "source")
    assert [path for path, _ in found.missing] == ["a/v1"]


def test_lists_that_are_pipes_do_not_block(tmp_path):
    source = write_dataset(tmp_path / "source")
    os.mkfifo(source / "labels.csv")
    assert find_videos(source).layout == "folders"
    os.mkfifo(source / "class0_test_split1.txt")
    refused(source, r"class0_test_split1.txt: it is not a file")


def test_folders_that_lead_back_are_entered_once(tmp_path):
    write_video(tmp_path / "a" / "v.mkv")
    for number in range(30):
        (tmp_path / "a" / f"{number}").symlink_to("..")
    assert [video.path for video in look(tmp_path).all_videos()] == ["a/v.mkv"]


OUT = "a link that leads out of the folder; --follow-links takes it"


def test_lists_and_tar_files_that_are_links_out_of_the_folder_are_not_read(tmp_path):
    away, source = tmp_path / "away", tmp_path / "source"
    write(away / "train.txt", "secret line\nclip0.mp4 0\n")
    shard(away / "train.tar", *[(f"k{n}", "cls", "ab"[n % 2]) for n in range(4)])
    touch(source, *[f"videos/clip{n}.mp4" for n in range(4)])
    (source / "train.txt").symlink_to(away / "train.txt")
    told = refused(source, "train.txt is a link that leads out of the folder")
    assert "secret" not in told
    (source / "train.txt").unlink()
    (source / "shard.tar").symlink_to(away / "train.tar")
    refused(source, "shard.tar is a link that leads out of the folder")
    assert len(find_videos(source, "webdataset", follow_links=True).videos) == 4


def test_a_folder_of_frames_with_a_videos_ending_is_looked_into(tmp_path):
    source = touch(
        tmp_path / "source", *[f"{c}/v{n}.mp4/{k}.jpg" for c in "ab" for n in range(3) for k in "12"]
    )
    (tmp_path / "secret.jpg").touch()
    (source / "a" / "v1.mp4" / "3.jpg").symlink_to("../../../secret.jpg")
    found = find_videos(source)
    assert found.missing == (("a/v1.mp4", OUT),)
    assert len(found.videos) == 5


def test_links_to_nothing_are_told(tmp_path):
    touch(tmp_path, "a/1.mp4", "a/2.mp4", "b/1.mp4", "b/2.mp4")
    (tmp_path / "a" / "3.mp4").symlink_to("../.git/annex/objects/3.mp4")
    (tmp_path / "notes.txt").symlink_to("notes.txt")
    found = find_videos(tmp_path)
    assert found.missing == (("a/3.mp4", "a link that leads nowhere"),)
    assert passed_over(found) == {"a link that leads nowhere": 1}


def test_splits_made_of_links_to_one_folder(tmp_path):
    touch(tmp_path, *[f"all/{c}/{n}.mp4" for c in "ab" for n in range(3)])
    for split, numbers in (("train", "01"), ("test", "2")):
        for name in "ab":
            (tmp_path / split / name).mkdir(parents=True)
            for number in numbers:
                (tmp_path / split / name / f"{number}.mp4").symlink_to(f"../../all/{name}/{number}.mp4")
    found = find_videos(tmp_path)
    assert sorted(found.videos[index].path for index in range(3)) == [
        "test/a/2.mp4",
        "train/a/0.mp4",
        "train/a/1.mp4",
    ]
    assert passed_over(found) == {"videos in no class folder": 6}


def test_folders_full_of_links_to_each_other_end(tmp_path):
    """Without a bound 9 folders with links to all others make some 600,000, and 60 folders no end of them."""
    for one in range(9):
        touch(tmp_path, f"d{one}/v.mp4")
        for other in range(9):
            (tmp_path / f"d{one}" / f"l{other}").symlink_to(f"../d{other}")
    tree = look(tmp_path)
    entered = Counter(os.path.realpath(tmp_path / one.path) for one in tree.walk() if not one.trouble)
    assert max(entered.values()) == 33
    assert {video.path for video in tree.all_videos()} >= {f"d{one}/v.mp4" for one in range(9)}
    assert "links lead to it more than 32 times" in {reason for _, reason in find_videos(tmp_path).missing}


def test_what_systems_leave_is_passed_over_wherever_it_lies(tmp_path):
    touch(tmp_path, *[f"{split}/{c}/{n}.mp4" for split in ("train", "test") for c in "ab" for n in "12"])
    touch(tmp_path, "@eaDir/x.mp4", "__MACOSX/train/a/._1.mp4", "train/@eaDir/1.mp4", "train/a/._1.mp4")
    touch(tmp_path, "train/a/@eaDir/1.mp4/thumb.jpg", "Thumbs.db", "test/b/desktop.ini", "#recycle/a/9.mp4")
    found = find_videos(tmp_path)
    assert len(found.videos) == 8
    assert found.class_names == ("a", "b")
    assert passed_over(found) == {"hidden or system files and folders": 8}


SCRIPT = """
import sys
from vidcondense.base.errors import VidcondenseError
from vidcondense.data.messages import skipped
from vidcondense.data.sources import find_videos
try:
    found = find_videos(sys.argv[1])
    print("\\n".join([*skipped(found.missing), *found.seen.describe(), *found.notes]))
except VidcondenseError as error:
    print("refused:", error)
"""


def without_rights(root):
    """What is said of a source by someone who may not look into all of it."""
    if os.geteuid() == 0 and not shutil.which("setpriv"):
        pytest.skip("root may look anywhere, and there is no setpriv to take that from it")
    rights = "-dac_override,-dac_read_search"
    under = ("setpriv", "--bounding-set", rights) if os.geteuid() == 0 else ()
    done = subprocess.run(
        [*under, sys.executable, "-c", SCRIPT, root], capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.fixture
def closed():
    """Closes folders, and opens them again."""
    folders = []

    def close(folder):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0)
        folders.append(folder)

    yield close
    for folder in folders:
        folder.chmod(0o700)


def test_a_folder_that_nobody_can_look_into_does_not_decide_about_the_rest(tmp_path, closed):
    touch(tmp_path, *[f"{c}/{n}.mp4" for c in "ab" for n in range(4)])
    closed(tmp_path / "a" / "more")
    told = without_rights(tmp_path)
    assert "skipped 1 file" in told
    assert "a/more: permission denied" in told


def test_a_class_that_nobody_can_look_into_is_an_error(tmp_path, closed):
    touch(tmp_path, *[f"{c}/{n}.mp4" for c in "ab" for n in range(4)])
    closed(tmp_path / "c")
    assert "refused: " in (told := without_rights(tmp_path))
    assert "c: permission denied" in told
    assert "class 'c' has no training video" in told


def test_a_split_folder_that_nobody_can_look_into(tmp_path, closed):
    touch(tmp_path, *[f"{split}/{c}/{n}.mp4" for split in ("train", "val") for c in "ab" for n in range(2)])
    closed(tmp_path / "test")
    told = without_rights(tmp_path)
    assert "test cannot be used: permission denied" in told
    assert "without a usable test folder val is the test set" in told


def test_frames_beside_a_closed_folder_stay_frames(tmp_path, closed):
    touch(tmp_path, *[f"{c}/v{n}/{k}.jpg" for c in "ab" for n in range(3) for k in "12"])
    closed(tmp_path / "a" / "v9")
    told = without_rights(tmp_path)
    assert "a/v9: permission denied" in told
    assert "beside" not in told

import io
import tarfile

import numpy as np
import pytest
from media import clip, tree, write_tar, write_video

from vidcondense.data import tars
from vidcondense.data.decode import DecodeError, decode_frames
from vidcondense.data.probe import probe


def decode(path, size=32):
    return np.stack(list(decode_frames(path, size)))


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".webm"])
def test_members_decode_as_the_files_they_are(tmp_path, suffix):
    videos = [write_video(tmp_path / f"{seed}{suffix}", clip(5 + seed, seed)) for seed in range(3)]
    tar = write_tar(tmp_path / "x.tar", {f"./deep/{video.name}": video.read_bytes() for video in videos})
    for video in videos:
        inside = tar / "deep" / video.name
        assert np.array_equal(decode(inside), decode(video))
        assert probe(inside) == probe(video)


def test_a_slice_never_shows_its_neighbours(tmp_path):
    tar = write_tar(tmp_path / "x.tar", {"a": b"A" * 700, "b": b"0123456789", "c": b"C" * 700})
    member = tars.read_contents(tar).members["b"]
    with tars.open_member(tar, member) as file:
        assert file.read() == b"0123456789"
        assert file.seek(-4, io.SEEK_END) == 6
        assert file.read(100) == b"6789"
        assert file.read(1) == b""
        assert file.seek(2) == 2
        assert file.seek(3, io.SEEK_CUR) == file.tell() == 5
        assert file.read(2) == b"56"
        assert file.seek(50) >= 10
        assert file.read(5) == b""


def test_what_leads_out_of_the_tar_is_not_there(tmp_path):
    tar = write_tar(
        tmp_path / "x.tar", {"../out.mp4": b"x", "/abs.mp4": b"x", "a/../../up.mp4": b"x", "in.mp4": b"x"}
    )
    with tarfile.open(tar, "a") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE):
            info = tarfile.TarInfo(f"{kind!r}.mp4")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    before = tree(tmp_path)
    assert list(tars.read_contents(tar).members) == ["in.mp4"]
    with pytest.raises(DecodeError, match="no such file"):
        decode(tar / ".." / "out.mp4")
    assert tree(tmp_path) == before


def test_damage_is_told_and_what_comes_before_it_kept(tmp_path):
    members = {name: bytes([65 + number]) * 3000 for number, name in enumerate("abc")}
    tar = write_tar(tmp_path / "x.tar", members)
    assert tars.read_contents(tar).damage == ""
    whole = tar.read_bytes()
    starts = tars.read_contents(tar).members

    tar.write_bytes(whole[: starts["c"].offset + 1000])
    assert tars.read_contents(tar).damage.startswith("cut short")
    tar.write_bytes(whole[: starts["b"].offset - 512] + b"\xff" * 512 + whole[starts["b"].offset :])
    assert (list(tars.read_contents(tar).members), tars.read_contents(tar).damage) == (
        ["a"],
        "damaged after 1 readable members",
    )
    tar.write_bytes(whole[: starts["c"].offset + 3072])  # no end mark, but nothing is lost
    assert (len(tars.read_contents(tar).members), tars.read_contents(tar).damage) == (3, "")
    for other in (b"no tar" * 500, whole[:100]):
        tar.write_bytes(other)
        assert tars.read_contents(tar) == tars.Contents({}, "not a plain tar file")
    write_tar(tar, members, "w:gz")
    assert tars.read_contents(tar).damage == "not a plain tar file"


def test_a_member_cut_short_or_gone_or_empty(tmp_path):
    video = write_video(tmp_path / "v.avi", clip(40, 0, 120, 160)).read_bytes()
    tar = write_tar(tmp_path / "x.tar", {"v.avi": video, "zero.avi": b""})
    with pytest.raises(DecodeError, match="empty file"):
        decode(tar / "zero.avi")
    with pytest.raises(DecodeError, match="no such file"):
        decode(tar / "gone.avi")
    tar.write_bytes(tar.read_bytes()[: 512 + len(video) * 85 // 100])
    with pytest.raises(DecodeError, match=r"cut short|broken"):
        decode(tar / "v.avi")


def test_a_folder_called_tar_is_a_folder(tmp_path):
    video = write_video(tmp_path / "x.tar" / "v.mkv", clip(5))
    assert tars.split(video) is None
    assert len(decode(video)) == 5

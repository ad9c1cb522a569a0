import gzip
import io
import os
import tarfile
import wave
import zipfile

import numpy as np
import pytest
from media import write_tar, write_video
from PIL import Image

from vidcondense.data.contents import HEAD, what_it_is
from vidcondense.data.decode import DecodeError, decode_frames

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
HTML = "\n <!-- moved --><!DOCTYPE html>\n<html><body>403 Fébidden</body></html>".encode("latin-1")


def written(write):
    file = io.BytesIO()
    write(file)
    return file.getvalue()


def zipped(file):
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("v.mp4", "x")


def sound(file):
    with wave.open(file, "wb") as samples:
        samples.setnchannels(1), samples.setsampwidth(2), samples.setframerate(8000)
        samples.writeframes(b"\0" * 400)


def tarred(file):
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("v.mp4"))


TRUTHS = {
    "pointer": (LFS, "a Git LFS pointer to one: git lfs pull"),
    "page": (HTML, "an HTML page: the download failed"),
    "page in UTF-16": ("<html>a</html>".encode("utf-16"), "an HTML page: the download failed"),
    "error": (
        b"\xef\xbb\xbf<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>",
        "an XML text, perhaps an error of the download",
    ),
    "JSON": (b'{"message": "Not Found"}', "a JSON text, perhaps an error of the download"),
    "playlist": (b"#EXTM3U\n#EXTINF:1,\n", "a playlist"),
    "text": ("déjà vu\n".encode(), "a text"),
    "zeros": (bytes(100_000), "zero bytes, as a failed download or copy leaves them"),
    "ZIP": (written(zipped), "a ZIP archive: unpack it"),
    "gzip": (gzip.compress(b"x"), "a gzip archive: unpack it"),
    "RAR": (b"Rar!\x1a\x07\x01\x00" + bytes(50), "a RAR archive: unpack it"),
    "7z": (b"7z\xbc\xaf\x27\x1c\x00\x04" + bytes(50), "a 7z archive: unpack it"),
    "tar": (written(tarred), "a tar archive: unpack it"),
    "JPEG": (written(lambda file: Image.new("RGB", (64, 48)).save(file, "JPEG")), "a JPEG picture"),
    "PNG": (written(lambda file: Image.new("RGB", (64, 48)).save(file, "PNG")), "a PNG picture"),
    "WebP": (written(lambda file: Image.new("RGB", (64, 48)).save(file, "WEBP")), "a WebP picture"),
    "TIFF": (written(lambda file: Image.new("RGB", (64, 48)).save(file, "TIFF")), "a TIFF picture"),
    "WAV": (written(sound), "sound (WAV)"),
    "MP3": (b"ID3\x04\x00" + bytes(200), "sound (MP3)"),
    "array": (written(lambda file: np.save(file, np.zeros(9))), "a NumPy array"),
}


@pytest.mark.parametrize("kind", TRUTHS)
@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".webm", ".mpg"])
def test_what_is_no_video_is_named(tmp_path, kind, suffix):
    content, what = TRUTHS[kind]
    (tmp_path / f"v{suffix}").write_bytes(content)
    with pytest.raises(DecodeError) as error:
        list(decode_frames(tmp_path / f"v{suffix}", 32))
    assert str(error.value) == f"not a video but {what}"


def test_also_in_a_tar_file(tmp_path):
    write_tar(tmp_path / "x.tar", {"v.mp4": LFS})
    with pytest.raises(DecodeError, match="not a video but a Git LFS pointer"):
        list(decode_frames(tmp_path / "x.tar" / "v.mp4", 32))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".webm", ".gif", ".mov"])
def test_videos_are_nothing_of_these(tmp_path, suffix):
    assert what_it_is(write_video(tmp_path / f"v{suffix}").read_bytes()[:HEAD]) == ""


@pytest.mark.parametrize("seed", range(5))
def test_noise_is_not_known(seed):
    assert what_it_is(b"\x80" + np.random.default_rng(seed).bytes(HEAD)) == ""
    assert what_it_is(b"") == ""


def test_only_the_beginning_is_read(tmp_path):
    with (tmp_path / "v.mp4").open("wb") as file:
        file.write(b"a" * 100)
        os.truncate(file.fileno(), 1 << 40)
    with pytest.raises(DecodeError, match="not a video"):
        list(decode_frames(tmp_path / "v.mp4", 32))


def test_letters_that_go_on_for_ever_take_no_time():
    for text in (b"<!--" * 1000, b"<" * HEAD, b"<html" * 800):
        assert what_it_is(text).startswith("an ")

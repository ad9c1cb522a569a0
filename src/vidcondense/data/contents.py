"""What a file is in truth that was taken for a video or a picture, by its first bytes."""

import re


class DecodeError(Exception):
    """Why a file gives no usable video, as a short phrase for the list of skipped files."""


HEAD = 4096
"""Bytes that are enough to tell."""

# The bytes that a file begins with, as a pattern, and what it is; the first that fits counts.
# fmt: off
KINDS = tuple((re.compile(pattern, re.DOTALL | re.IGNORECASE), what) for pattern, what in (
    (rb"version https://git-lfs", "a Git LFS pointer to one: git lfs pull"),
    (rb"\0+\Z", "zero bytes, as a failed download or copy leaves them"),
    (rb"PK(\x03\x04|\x05\x06)", "a ZIP archive: unpack it"),
    (rb"\x1f\x8b", "a gzip archive: unpack it"),
    (rb"BZh[1-9]1AY&SY", "a bzip2 archive: unpack it"),
    (rb"\xfd7zXZ\0", "an xz archive: unpack it"),
    (rb"\x28\xb5\x2f\xfd", "a Zstandard archive: unpack it"),
    (rb"Rar!\x1a\x07", "a RAR archive: unpack it"),
    (rb"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it"),
    (rb".{257}ustar", "a tar archive: unpack it"),
    (rb"\xff\xd8\xff", "a JPEG picture"),
    (rb"\x89PNG\r\n(?!.*acTL)", "a PNG picture"),
    (rb"RIFF.{4}WEBP", "a WebP picture"),
    (rb".{4}ftyp(heic|heix|hevc|mif1|msf1)", "a HEIF picture"),
    (rb".{4}ftyp(avif|avis)", "an AVIF picture"),
    (rb"BM.{4}\0{4}", "a BMP picture"),
    (rb"II\*\0|MM\0\*", "a TIFF picture"),
    (rb"RIFF.{4}WAVE", "sound (WAV)"),
    (rb"ID3|\xff[\xe2\xe3\xf2\xf3\xfa\xfb]", "sound (MP3)"),
    (rb"\xff[\xf0\xf1\xf8\xf9]|.{4}ftypM4A", "sound (AAC)"),
    (rb"fLaC", "sound (FLAC)"),
    (rb"FORM.{4}AIF", "sound (AIFF)"),
    (rb"%PDF-", "a PDF document"),
    (rb"\x93NUMPY", "a NumPy array"),
    (rb"\x89HDF\r\n", "an HDF5 file"),
    (rb"\x7fELF|MZ.{58}", "a program"),
))
TEXTS = tuple((re.compile(pattern, re.DOTALL | re.IGNORECASE), what) for pattern, what in (
    (r"(?=<).*?<(!doctype html|html[\s>])", "an HTML page: the download failed"),
    (r"<", "an XML text, perhaps an error of the download"),
    (r"[{[]", "a JSON text, perhaps an error of the download"),
    (r"#EXTM3U", "a playlist"),
    (r"ffconcat version", "a script for FFmpeg"),
    (r".", "a text"),
))
# fmt: on


def what_it_is(head: bytes) -> str:
    """What a file is, with an article and the mend if there is one; "" for what is not known here.

    Args:
        head: the first `HEAD` bytes, or all if there are fewer.
    """
    for pattern, what in KINDS:
        if pattern.match(head):
            return what
    text = _text(head)
    return next((what for pattern, what in TEXTS if pattern.match(text)), "")


def _text(head: bytes) -> str:
    """The first bytes as a text, which may have letters of another coding, or "" if they are none."""
    text = head.decode("utf-16" if head.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8", "replace")
    strange = re.search(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]", text) or text.count("\ufffd") * 10 > len(text)
    return "" if strange else text.lstrip("\ufeff \t\r\n")

"""What names mean, for every layout: words for splits, what systems leave behind, which names are equal."""

import codecs
import re
from contextlib import suppress

from vidcondense.base import names
from vidcondense.data.layouts.listing import TEST, TRAIN, VAL

_SPLITS = {
    TRAIN: ("train", "training", "trainval"),
    VAL: ("val", "valid", "validate", "validation", "dev", "eval", "evaluation"),
    TEST: ("test", "testing"),
}
# Written in one word with a split's: trainset, testvideos.
_NOUNS = ("", "set", "data", "dir", "clips", "frames", "images", "split", "video", "videos", "list")
ROLE_OF_WORD = {word + noun: role for role, words in _SPLITS.items() for word in words for noun in _NOUNS}

# Folders and files that no person put there, in small letters. Names that begin with a dot are hidden anyway.
# fmt: off
SYSTEM_NAMES = frozenset([
    "@eadir", "#recycle", "@recycle", "@recently-snapshot", "#snapshot", "__macosx", "lost+found",
    "$recycle.bin", "system volume information", "recycler", "thumbs.db", "ehthumbs.db", "desktop.ini",
    "icon\r", "network trash folder", "temporary items", "thevolumesettingsfolder", "found.000", "@tmp",
    "@snapshots", "#archivesync", "aquota.user", "aquota.group", "__pycache__", "@sharebin", "@appdata",
    "@recently-deleted", "~snapshot", "recycled", "ehthumbs_vista.db", "found.001", "#syncfolder",
])
# fmt: on

# Folders that say how their videos are kept, not what these show.
# fmt: off
_KEEPING = frozenset([
    "clips", "flow", "frame", "frames", "images", "img", "imgs", "jpeg", "jpegs", "jpg", "optical", "png",
    "pngs", "raw", "rawframes", "rgb", "tvl", "video", "videos", "vids", "avi", "avis", "fold", "split",
    "part", "batch", "chunk", "shard", "backup", "processed", "resized", "extracted",
])
_AXES = frozenset(["x", "y", "u", "v"])
# fmt: on


def words_in(name: str) -> list[str]:
    """The words of a name in small letters: "videosTrain_256" gives videos, train."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]


def role_of(name: str) -> str:
    """The role that a file's or folder's name says, "" if it says none, or two."""
    roles = {ROLE_OF_WORD[word] for word in words_in(name) if word in ROLE_OF_WORD}
    return roles.pop() if len(roles) == 1 else ""


def is_litter(name: str) -> bool:
    """Whether a file or folder is hidden, or one that a system left behind."""
    return name.startswith(".") or name.lower() in SYSTEM_NAMES


def says_how_kept(name: str) -> bool:
    """Whether a folder's name says how its videos are kept (jpegs_112, flow_x, part1), not what they show."""
    words = {*words_in(name)}
    return bool(words & _KEEPING) and words <= _KEEPING | _AXES


def composed(name: str) -> str:
    """A name as text in Unicode's composed form.

    Bytes that are no UTF-8, as old archives have them, are read as Latin-1.
    """
    if name.isascii():
        return name
    with suppress(UnicodeEncodeError):
        name = text(name.encode("utf-8", "surrogateescape"))
    return names.composed(name)


def text(data: bytes) -> str:
    """Bytes as text: UTF-16 or UTF-8 with a mark in front, UTF-8, or else Latin-1."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def same(name: str) -> str:
    """A key that is equal for names that differ in capitals or in Unicode form alone."""
    return names.folded(composed(name))


def alike(name: str) -> str:
    """A key that is equal for names that differ in capitals, spaces and punctuation alone."""
    return re.sub(r"[\W_]+", "", same(name)) or same(name)

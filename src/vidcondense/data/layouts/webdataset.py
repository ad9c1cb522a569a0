"""WebDataset shards: plain tar files in which <key>.mp4 (.avi, .webm, ...) lies beside its label.

The label is <key>.cls (a number or a name), <key>.json (its "label", "class", "class_name" or "cls") or
<key>.txt (a name), the first of these that is there. A key is a member's name up to the first dot after its
last slash. Numbers get zeros in front where all labels are numbers, so that they sort as numbers.

A shard's split is what its folder or its name says (train, val, test), as for split folders; if no shard
says one, a test set is held out by the hash of each video's path. Shards lie in root or a folder directly
below it. Labels are read as text; nothing is unpickled, and nothing extracted.
"""

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.typed import parse
from vidcondense.data.layouts.folders import classes_in
from vidcondense.data.layouts.labels import padded, text_of_label
from vidcondense.data.layouts.listing import HIDDEN, TEST, VAL, Found, Listing, Missing, with_test
from vidcondense.data.layouts.tree import Folder
from vidcondense.data.layouts.words import is_litter, role_of
from vidcondense.data.pictures import VIDEO_SUFFIXES
from vidcondense.data.tars import Contents, Member, open_member, read_contents

LABEL_ENDINGS = ("cls", "json", "txt")
LABEL_FIELDS = ("label", "class", "class_name", "cls")
LONGEST_FILE, LONGEST_NAME = 1 << 20, 200
COMPRESSED = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")


@dataclass(frozen=True)
class _Video:
    path: str
    role: str
    label: str


def matches(source: Folder) -> bool:
    """There is a tar file in root or directly below it, and no class folders beside it; one is a sample."""
    return len(classes_in(source)) < 2 and any(_is_plain(name) for _, name in _shards(source))


def find(source: Folder, test_fraction: float) -> Listing:
    """List the videos in every shard.

    Raises:
        VidcondenseError: some shards say which split they belong to and others do not.
    """
    shards = _shards(source)
    videos: list[_Video] = []
    missing: list[Missing] = []
    hidden: list[tuple[str, str]] = []
    spoken: dict[bool, Path] = {}
    for folder, name in shards:
        role = role_of(name) or role_of(folder.name if folder.path else "")
        found = list(_read_shard(folder.disk / name, folder.inside(name), role))
        videos += [item for item in found if isinstance(item, _Video)]
        missing += [item for item in found if isinstance(item, Missing)]
        hidden += [item for item in found if isinstance(item, tuple)]
        if any(isinstance(item, _Video) for item in found):
            spoken.setdefault(bool(role), folder.disk / name)
    if len(spoken) == 2:
        raise VidcondenseError(
            f"{spoken[False]} does not say whether it is train, val or test, as {spoken[True].name} does; "
            "put the word in its name or its folder's"
        )
    names = padded([video.label for video in videos])
    labelled = [Found(one.path, name, (one.role,)) for one, name in zip(videos, names, strict=True)]
    lists = tuple(folder.inside(name) for folder, name in shards)
    listing = Listing(("1",), labelled, tuple(missing), lists=lists, passed_over=tuple(hidden))
    return with_test(listing, test_fraction, {role: f"the shards called {role}" for role in (TEST, VAL)})


def _shards(source: Folder) -> list[tuple[Folder, str]]:
    return [
        (folder, name)
        for folder in (source, *source.folders)
        for name in folder.others
        if _is_plain(name) or name.lower().endswith(COMPRESSED)
    ]


def _is_plain(name: str) -> bool:
    return name.lower().endswith(".tar")


def _read_shard(shard: Path, path: str, role: str) -> Iterator[_Video | Missing | tuple[str, str]]:
    """The videos of one shard with their labels, what is wrong with it, and (kind, path) of hidden videos."""
    if not _is_plain(shard.name):
        yield Missing(path, "", "compressed shard: videos in it cannot be sought; unpack it to a plain .tar")
        return
    contents = read_contents(shard)
    if contents.damage:
        yield Missing(path, "", contents.damage)
    for name in contents.members:
        if PurePosixPath(name).suffix.lower() not in VIDEO_SUFFIXES:
            continue
        if any(is_litter(part) for part in name.split("/")):
            yield HIDDEN, f"{path}/{name}"
        else:
            try:
                yield _Video(f"{path}/{name}", role, _label(shard, contents, name))
            except ValueError as error:
                yield Missing(f"{path}/{name}", "", str(error))


def _label(shard: Path, contents: Contents, name: str) -> str:
    """The label beside a video; a ValueError says why there is none."""
    folder, slash, file = name.rpartition("/")
    key = folder + slash + file.partition(".")[0]
    for ending in LABEL_ENDINGS:
        member = contents.members.get(f"{key}.{ending}")
        if member:
            label = _read_label(shard, member, ending)
            if not 0 < len(label) <= LONGEST_NAME or not label.isprintable():
                raise ValueError(f"{key}.{ending} holds no class: {label[:40]!r}")
            return label
    raise ValueError(
        f"no label beside it ({', '.join(f'{PurePosixPath(key).name}.{e}' for e in LABEL_ENDINGS)})"
    )


def _read_label(shard: Path, member: Member, ending: str) -> str:
    try:
        with open_member(shard, member) as file:
            text = file.read(LONGEST_FILE).decode("utf-8", "replace").strip()
    except tarfile.TarError as error:
        raise ValueError(
            f"its .{ending} cannot be read: {shard.name} has become damaged or shorter"
        ) from error
    if ending != "json":
        return text
    try:
        fields = parse(text)
    except ValueError as error:
        raise ValueError(f"its .json is not valid JSON ({error})") from error
    values = [fields.get(field) for field in LABEL_FIELDS] if isinstance(fields, dict) else []
    label = next((value for value in values if value is not None), None)
    if label is None:
        raise ValueError(f"its .json has no {', '.join(LABEL_FIELDS)}")
    return text_of_label(label)

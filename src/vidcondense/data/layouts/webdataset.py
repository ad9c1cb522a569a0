"""WebDataset shards: plain tar files in which <key>.mp4 (.avi, .webm, ...) lies beside its label.

The label is <key>.cls (a number or a name), <key>.json (its "label", "class", "class_name" or "cls") or
<key>.txt (a name), the first of these that is there. A key is a member's name up to the first dot after its
last slash. Numbers get zeros in front where all labels are numbers, so that they sort as numbers.

A shard's split is what its folder or its name says (train, val, test), as for split folders; if no shard
says one, a test set is held out by the hash of each video's path. Shards lie in root or a folder directly
below it. Labels are read as text; nothing is unpickled, and nothing extracted.
"""

import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.typed import parse
from vidcondense.data.layouts.listing import (
    TEST,
    TRAIN,
    VAL,
    Found,
    Listing,
    Missing,
    class_folders,
    folders_in,
    hold_out,
    relative,
)
from vidcondense.data.pictures import VIDEO_SUFFIXES
from vidcondense.data.tars import Contents, Member, open_member, read_contents

# fmt: off
ROLE_WORDS = {
    "train": TRAIN, "training": TRAIN, "val": VAL, "valid": VAL, "validation": VAL,
    "test": TEST, "testing": TEST,
}
# fmt: on
LABEL_ENDINGS = ("cls", "json", "txt")
LABEL_FIELDS = ("label", "class", "class_name", "cls")
LONGEST_FILE, LONGEST_NAME = 1 << 20, 200
COMPRESSED = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")


@dataclass(frozen=True)
class _Video:
    path: str
    role: str
    label: str


def matches(root: Path) -> bool:
    """There is a tar file in root or directly below it, and no class folders beside it."""
    return next(class_folders(root), None) is None and any(shard.suffix == ".tar" for shard in _shards(root))


def find(root: Path, test_fraction: float) -> Listing:
    """List the videos in every shard.

    Raises:
        VidcondenseError: some shards say which split they belong to and others do not.
    """
    shards = list(_shards(root))
    roles = {shard: _role(relative(shard, root)) for shard in shards}
    if "" in roles.values() and any(roles.values()):
        silent = next(shard for shard in shards if not roles[shard])
        spoken = next(shard for shard in shards if roles[shard])
        raise VidcondenseError(
            f"{silent} does not say whether it is train, val or test, as {spoken.name} does; "
            "put the word in its name or its folder's"
        )
    videos: list[_Video] = []
    missing: list[Missing] = []
    for shard in shards:
        for item in _read_shard(shard, relative(shard, root), roles[shard]):
            (videos if isinstance(item, _Video) else missing).append(item)  # type: ignore[arg-type]
    return Listing(("1",), _with_roles(_pad_numbers(videos), test_fraction), tuple(missing))


def _shards(root: Path) -> Iterator[Path]:
    for folder in (root, *folders_in(root)):
        for entry in sorted(folder.glob("*.t*")):
            plain = entry.suffix == ".tar" or entry.name.endswith(COMPRESSED)
            if plain and not entry.name.startswith(".") and entry.is_file():
                yield entry


def _role(path: str) -> str:
    """The first word of a path that names a split, the folder's before the file's; "" if there is none."""
    return next((ROLE_WORDS[word] for word in re.findall("[a-z]+", path.lower()) if word in ROLE_WORDS), "")


def _read_shard(shard: Path, path: str, role: str) -> Iterator[_Video | Missing]:
    """The videos of one shard with their labels, and what is wrong with it."""
    if shard.suffix != ".tar":
        yield Missing(path, "", "compressed shard: videos in it cannot be sought; unpack it to a plain .tar")
        return
    contents = read_contents(shard)
    if contents.damage:
        yield Missing(path, "", contents.damage)
    for name in contents.members:
        if PurePosixPath(name).suffix.lower() in VIDEO_SUFFIXES:
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
    label = next((value for value in values if isinstance(value, str | int)), None)
    if label is None or isinstance(label, bool):
        raise ValueError(f"its .json has no {', '.join(LABEL_FIELDS)}")
    return str(label).strip()


def _pad_numbers(videos: list[_Video]) -> list[_Video]:
    """Labels 0, 1, ..., 10 as 00, 01, ..., 10; names stay as they are."""
    if not all(video.label.isdecimal() for video in videos):
        return videos
    digits = max((len(str(int(video.label))) for video in videos), default=0)
    return [replace(video, label=str(int(video.label)).zfill(digits)) for video in videos]


def _with_roles(videos: list[_Video], test_fraction: float) -> list[Found]:
    present = {video.role for video in videos}
    if present <= {TRAIN} or present <= {""}:
        by_class: dict[str, list[str]] = {}
        for video in videos:
            by_class.setdefault(video.label, []).append(video.path)
        held: dict[str, str] = {}
        for paths in by_class.values():
            held |= hold_out(paths, test_fraction)
        return [Found(video.path, video.label, (held[video.path],)) for video in videos]
    if TEST not in present:
        videos = [replace(video, role=TEST if video.role == VAL else video.role) for video in videos]
    return [Found(video.path, video.label, (video.role,)) for video in videos]

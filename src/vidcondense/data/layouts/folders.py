"""Class folders of videos, directly in root or in its folders for train, val and test, by whatever word.

Split folders may also lie in class folders.

There is one split "1". It is as the split folders say; without a usable test folder the val folder is the
test set (as for Kinetics and Something-Something, whose test labels are not public). With a train folder
alone, or without split folders, test videos are held out by the hash of their path.
"""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass, replace

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.units import plural
from vidcondense.data.layouts.listing import TEST, TRAIN, VAL, Found, Listing, Missing, with_test
from vidcondense.data.layouts.tree import Folder, Video
from vidcondense.data.layouts.words import composed, role_of, same, says_how_kept
from vidcondense.data.pictures import VIDEO_SUFFIXES

# fmt: off
_NOTES = frozenset([
    ".bib", ".csv", ".dat", ".db", ".doc", ".docx", ".gz", ".h5", ".html", ".ini", ".ipynb", ".json",
    ".jsonl", ".log", ".lst", ".m", ".mat", ".md", ".mp3", ".npy", ".npz", ".pdf", ".pkl", ".py", ".rst",
    ".rtf", ".sh", ".sql", ".srt", ".tar", ".toml", ".tsv", ".txt", ".vtt", ".wav", ".xls", ".xlsx", ".xml",
    ".yaml", ".yml", ".zip",
    "authors", "changelog", "checksums", "copying", "done", "license", "licence", "makefile", "md5sums",
    "notice", "readme", "sha1sums", "sha256sums", "_success", "thumbs.db", "desktop.ini",
])
# fmt: on
"""Endings, or whole names, of files that are notes on videos; a folder of nothing else is no lost class."""


@dataclass(frozen=True)
class Class:
    """The videos of one class folder, and what is lost of it."""

    name: str
    videos: list[Video]
    missing: tuple[Missing, ...] = ()
    extra: tuple[tuple[str, str], ...] = ()


def classes_in(parent: Folder) -> list[Class]:
    """The class folders of a folder: those with videos directly in them, and their like.

    Videos further down are of the class too. A folder whose videos all lie further down is a class beside
    others that are, unless its folders are called as classes or splits are: then it is a set of its own.
    Where all videos lie further down, folders are classes if those in them are groups by number (UCF11's
    biking/v_biking_01/*).
    """
    folders = [one for one in parent.folders if not one.is_frames]
    direct = [one for one in folders if one.has_videos]
    known = {same(one.name) for one in direct}
    deep = [one for one in folders if one.holds_videos and not one.has_videos and not _is_set(one, known)]
    if not direct and not _hold_groups(deep):
        return []
    with_files = sum(any(inner.files for inner in one.walk()) for one in direct)
    found = [_class(one, files_first=2 * with_files > len(direct)) for one in direct + deep]
    lost = [
        Class(one.name, [], (Missing(one.path, one.name, why),)) for one in folders if (why := _lost(one))
    ]
    return [*found, *lost]


def _is_set(folder: Folder, known: set[str]) -> bool:
    return any(same(inner.name) in known or role_of(inner.name) for inner in folder.folders)


def _hold_groups(folders: list[Folder]) -> bool:
    """Whether folders are classes by having numbers in the names of their folders, and none in their own."""
    groups = [inner for one in folders for inner in one.folders if inner.holds_videos]
    return (
        len(folders) > 1
        and not any(_is_numbered(one.name) or role_of(one.name) for one in folders)
        and all(_is_numbered(one.name) and not is_kept_in_ways(one) for one in groups)
    )


def _is_numbered(name: str) -> bool:
    return name[-1:].isdigit()


def is_kept_in_ways(folder: Folder) -> bool:
    """Whether a folder is one video, kept in several ways: its frames in img, its flow in flow_x."""
    names = [one.name for one in folder.folders if one.is_frames]
    return len(names) > 1 and all(map(says_how_kept, names))


def _class(folder: Folder, *, files_first: bool) -> Class:
    """A class with its videos. Where it has files and folders of frames, one of both is not meant.

    Pictures beside video files are thumbnails, or the files' own frames; a file or two beside many folders of
    frames is a sample. What the class has more of counts, unless files do in most classes (`files_first`).
    """
    videos = folder.all_videos()
    frames = [video for video in videos if video.is_frames]
    files = [video for inner in folder.walk() for video in inner.files]
    if not (files and frames):
        return Class(folder.name, videos)
    if files_first or len(files) >= len(frames):
        kind, extra = "folders of pictures beside video files", frames
    else:
        kind, extra = "video files beside folders of frames", files
    gone = {video.path for video in extra}
    kept = [video for video in videos if video.path not in gone]
    return Class(folder.name, kept, (), tuple((kind, path) for path in gone))


def _lost(folder: Folder) -> str:
    """Why a folder beside class folders lost all that it has, "" if it has no videos to lose."""
    if folder.holds_videos:
        return ""
    if trouble := next((inner.trouble for inner in folder.walk() if inner.trouble), ""):
        return trouble
    names = [name for one in folder.walk() for name in (*one.others, *one.litter)]
    plain = [name for name in names if "." not in name]
    all_plain = len(plain) == len(names) > 1  # videos whose endings are lost
    strange = [name for name in names if _is_strange(name) or (all_plain and name.lower() not in _NOTES)]
    if not strange:
        return ""
    return f"no video among its {plural(len(names), 'file')}, such as {strange[0]}"


def _is_strange(name: str) -> bool:
    if name.startswith("."):
        return _is_video(name)
    return "." in name and _ending(name) not in _NOTES and name.lower() not in _NOTES


def _ending(name: str) -> str:
    return f".{name.rpartition('.')[2].lower()}"


def _is_video(name: str) -> bool:
    return _ending(name) in VIDEO_SUFFIXES


def matches(source: Folder) -> bool:
    """Any folder can be read this way; it is the last that is tried."""
    return True


def find(source: Folder, test_fraction: float) -> Listing:
    """List the videos of every class folder."""
    return with_test(_listing([("", classes_in(source))]), test_fraction, {})


def matches_splits(source: Folder) -> bool:
    """There are folders for splits with class folders in them, or the other way round."""
    usable = {part.role for part in _parts(source)}
    # A class may be called train: among other classes a split folder does not come alone.
    others = [one for one in source.folders if one.has_videos and not role_of(one.name)]
    return len(usable) > 1 or (bool(usable & {TRAIN, TEST}) and len(others) < 2)


@dataclass(frozen=True)
class Part:
    """The classes of one split folder, or of the split folders of one role in class folders."""

    role: str
    name: str
    classes: list[Class]


def _parts(source: Folder) -> list[Part]:
    """The usable split folders, train first."""
    straight = [Part(role, one.name, classes_in(one)) for role, one in _split_folders(source)]
    return [part for part in straight if part.classes] or _inner_parts(source)


def _inner_parts(source: Folder) -> list[Part]:
    """The split folders in class folders, <class>/{train,test}/*, if most classes have them."""
    classes = [one for one in source.folders if not (role_of(one.name) or says_how_kept(one.name))]
    split = [(role, one, inner) for one in classes for role, inner in _split_folders(one) if inner.has_videos]
    names = {one.name for _, one, _ in split}
    plain = [one for one in classes if one.has_videos and one.name not in names]
    if len(names) < max(2, len(plain)):
        return []
    parts: dict[tuple[str, str], list[Class]] = {}
    for role, one, inner in split:
        found = _class(inner, files_first=True)
        parts.setdefault((role, inner.name), []).append(replace(found, name=one.name))
    reason = f"no {split[0][2].name} folder in it, as other classes have"
    lost = [Class(one.name, [], (Missing(one.path, one.name, reason),)) for one in plain]
    found_parts = [Part(role, f"<class>/{name}", found) for (role, name), found in parts.items()]
    return [*found_parts, Part(found_parts[0].role, found_parts[0].name, lost)]


def find_splits(source: Folder, test_fraction: float) -> Listing:
    """List the videos of every split folder and class folder.

    Raises:
        VidcondenseError: no training folder; two folders for one split that hold videos of the same names; or
            a folder with the same classes whose name says no split, where a split lacks its folder.
    """
    parts = _parts(source)
    roles = {part.role for part in parts}
    if TRAIN not in roles:
        found = ", ".join(folder.name for _, folder in _split_folders(source)) or "none"
        raise VidcondenseError(
            f"{source.disk} has no folder train with class folders in it; split folders: {found}"
            f"{_namesake(source, parts, 'train')}"
        )
    if roles == {TRAIN} and (other := _namesake(source, parts, "val or test")):
        raise VidcondenseError(f"{source.disk} has no folder val or test with class folders in it{other}")
    _refuse_twins(source, parts)
    listing = _listing([(part.role, part.classes) for part in parts])
    listing = replace(listing, notes=(*listing.notes, *_unused(source, parts)))
    names = {role: dict.fromkeys(part.name for part in parts if part.role == role) for role in (TEST, VAL)}
    origins = {role: f"folder {' and '.join(folders)}" for role, folders in names.items()}
    return with_test(listing, test_fraction, origins)


def _unused(source: Folder, parts: list[Part]) -> list[str]:
    """Notes on split folders that cannot be used."""
    used, roles = {part.name for part in parts}, {part.role for part in parts}
    notes = [_unusable(folder) for _, folder in _split_folders(source) if folder.name not in used]
    if TEST not in roles and notes:
        instead = "val is the test set" if VAL in roles else "a test set is held out from train"
        notes.append(f"without a usable test folder {instead}")
    return notes


def _namesake(source: Folder, parts: list[Part], wanted: str) -> str:
    """What to say of a folder that has a part's classes, and a name that says no split; "" if none has."""
    names = {same(one.name) for part in parts for one in part.classes}
    for one in source.folders:
        classes = [] if role_of(one.name) or one.is_frames else classes_in(one)
        if len(names & {same(inner.name) for inner in classes}) > 1:
            return (
                f", but {one.name} has the same classes: call it {wanted}, or leave it out with "
                f"{_only(part.name for part in parts)}"
            )
    return ""


def _only(names: Iterable[str]) -> str:
    return " ".join(f"--only {shlex.quote(name)}" for name in dict.fromkeys(names))


def matches_frames(source: Folder) -> bool:
    """As `folders` or `split-folders`, and all videos are folders of frames."""
    splits = [one for part in _parts(source) for one in part.classes] if matches_splits(source) else []
    videos = [video for one in splits or classes_in(source) for video in one.videos]
    return any(video.is_frames for video in videos) and all(
        video.is_frames or video.trouble for video in videos
    )


def find_frames(source: Folder, test_fraction: float) -> Listing:
    """List the videos as `find_splits` or `find` does."""
    return (find_splits if matches_splits(source) else find)(source, test_fraction)


def _split_folders(source: Folder) -> list[tuple[str, Folder]]:
    """(role, folder) of each folder directly in the source whose name says a split, train first."""
    found = [(role_of(one.name), one) for one in source.folders]
    return [(role, one) for wanted in (TRAIN, VAL, TEST) for role, one in found if role == wanted]


def _unusable(folder: Folder) -> str:
    """Why a split folder cannot be used, as a sentence."""
    if folder.trouble:
        return f"{folder.name} cannot be used: {folder.trouble}"
    if folder.has_videos:
        videos = plural(len(folder.videos), "video lies", "videos lie")
        return f"{folder.name} is unlabelled: its {videos} in no class folders"
    return f"{folder.name} holds no class folders with videos"


def _refuse_twins(source: Folder, parts: list[Part]) -> None:
    """Two folders for one split are halves of it, or two versions; the latter have the same names."""
    first: dict[tuple[str, str, str], str] = {}
    for part in parts:
        for name, video in ((same(one.name), video) for one in part.classes for video in one.videos):
            other = first.setdefault((part.role, name, same(video.stem)), part.name)
            if other != part.name:
                of_each_role: dict[str, str] = {}
                for one in parts:
                    of_each_role.setdefault(one.role, one.name)
                raise VidcondenseError(
                    f"{source.disk}: {other} and {part.name} say the same split and hold videos of the same "
                    f"names; name the folders to use, such as {_only(of_each_role.values())}"
                )


def refuse_structure(source: Folder) -> None:
    """Refuse to take for classes what is none, unless a person asks for it by naming the layout.

    Raises:
        VidcondenseError: all class folders are called by splits (train, test: their videos are unlabelled),
            or by how videos are kept (jpegs_112, jpegs_256: one dataset, twice); all videos are called by how
            they are kept (img, flow_x); or one class is called by a split, and holds classes.
    """
    is_split = matches_splits(source)
    found = [one for part in _parts(source) for one in part.classes] if is_split else classes_in(source)
    classes = [one for one in found if one.videos]
    names = list(dict.fromkeys(one.name for one in classes))
    mend = "put videos in folders of their classes, or list them in a metadata.csv (file_name,label)"
    if len(names) > 1 and all(map(says_how_kept, names)):
        raise VidcondenseError(
            f"{source.disk}: {names[0]} and {names[1]} say how videos are kept, not what they show; {mend}; "
            "--layout folders takes these for classes"
        )
    if names and all(
        video.is_frames and says_how_kept(video.name) for one in classes for video in one.videos
    ):
        raise VidcondenseError(
            f"{source.disk}: {classes[0].videos[0].path} says how a video is kept, not which it is; a "
            "video is a folder of its frames: <class>/<video>/0001.jpg"
        )
    if not is_split:
        _refuse_split_classes(source, names, mend)


def _refuse_split_classes(source: Folder, names: list[str], mend: str) -> None:
    if names and all(map(role_of, names)):
        flat = [one.name for one in source.folders if role_of(one.name) and one.has_videos]
        raise VidcondenseError(
            f"{source.disk}: the videos in {' and '.join(flat[:2])} lie in no class folders; {mend}; "
            "--layout folders takes these for classes"
        )
    for role, folder in _split_folders(source):
        if folder.name in names and len(classes_in(folder)) > 1:
            others = ", ".join(name for name in names if not role_of(name))
            raise VidcondenseError(
                f"{source.disk}: {folder.name} has folders of videos, as a split folder does, and lies "
                f"beside {others}; --layout split-folders takes it for {role}, --layout folders for a class"
            )


def _listing(parts: list[tuple[str, list[Class]]]) -> Listing:
    """The videos of classes by role. Names that differ in their Unicode form alone are one class."""
    found: list[Found] = []
    missing: list[Missing] = []
    extra: list[tuple[str, str]] = []
    spellings: dict[str, set[str]] = {}
    for role, classes in parts:
        for one in classes:
            name = composed(one.name)
            spellings.setdefault(name, set()).add(one.name)
            # What cannot be used is not held out for testing either.
            found += [Found(video.path, name, (role,)) for video in one.videos if not video.trouble]
            missing += [Missing(video.path, name, video.trouble) for video in one.videos if video.trouble]
            missing += [replace(gone, class_name=name) for gone in one.missing]
            extra += one.extra
    notes = tuple(
        f"folders '{name}' are written in {len(forms)} Unicode forms (NFC, NFD) and taken as one class"
        for name, forms in spellings.items()
        if len(forms) > 1
    )
    return Listing(("1",), found, tuple(missing), notes=notes, passed_over=tuple(extra))

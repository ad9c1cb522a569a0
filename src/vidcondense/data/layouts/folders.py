"""Class folders of videos, directly in root or in its folders for train, val and test, by whatever word.

There is one split "1". It is as the split folders say; without a usable test folder the val folder is the
test set (as for Kinetics and Something-Something, whose test labels are not public). With a train folder
alone, or without split folders, test videos are held out by the hash of their path.
"""

from dataclasses import dataclass, replace

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.units import plural
from vidcondense.data.layouts.listing import TEST, TRAIN, VAL, Found, Listing, Missing, with_roles
from vidcondense.data.layouts.tree import Folder, Video
from vidcondense.data.layouts.words import composed, role_of, same, says_how_kept
from vidcondense.data.pictures import VIDEO_SUFFIXES

# fmt: off
_NOTES = frozenset([
    ".bib", ".csv", ".dat", ".db", ".doc", ".docx", ".gz", ".h5", ".html", ".ini", ".ipynb", ".json",
    ".jsonl",
    ".log", ".lst", ".m", ".mat", ".md", ".mp3", ".npy", ".npz", ".pdf", ".pkl", ".py", ".rst", ".rtf", ".sh",
    ".sql", ".srt", ".tar", ".toml", ".tsv", ".txt", ".vtt", ".wav", ".xls", ".xlsx", ".xml", ".yaml", ".yml",
    ".zip",
])
# fmt: on
"""Endings of files that lie beside videos as notes on them; a folder of nothing else is no lost class."""


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
    """
    folders = [one for one in parent.folders if not one.is_frames]
    direct = [one for one in folders if one.videos]
    if not direct:
        return []
    known = {same(one.name) for one in direct}
    deep = [one for one in folders if one.holds_videos and not one.videos and not _is_set(one, known)]
    lost = [
        Class(one.name, [], (Missing(one.path, one.name, why),)) for one in folders if (why := _lost(one))
    ]
    return [*(_class(one) for one in direct + deep), *lost]


def _is_set(folder: Folder, known: set[str]) -> bool:
    return any(same(inner.name) in known or role_of(inner.name) for inner in folder.folders)


def _class(folder: Folder) -> Class:
    videos = folder.all_videos()
    files = [video for video in videos if not video.is_frames]
    # Pictures beside video files are thumbnails, or the files' own frames.
    extra = [("folders of pictures beside video files", one.path) for one in videos if one.is_frames]
    return Class(folder.name, files or videos, (), tuple(extra) if files else ())


def _lost(folder: Folder) -> str:
    """Why a folder beside class folders lost all that it has, "" if it has no videos to lose."""
    if folder.trouble:
        return folder.trouble
    if folder.holds_videos:
        return ""
    names = [name for one in folder.walk() for name in (*one.others, *one.litter)]
    strange = [name for name in names if _ending(name) not in _NOTES and (name[0] != "." or _is_video(name))]
    strange = [name for name in strange if "." in name[1:]]
    if not strange:
        return ""
    return f"no video among its {plural(len(names), 'file')}, such as {strange[0]}"


def _ending(name: str) -> str:
    return f".{name.rpartition('.')[2].lower()}"


def _is_video(name: str) -> bool:
    return _ending(name) in VIDEO_SUFFIXES


def matches(source: Folder) -> bool:
    """Any folder can be read this way; it is the last that is tried."""
    return True


def find(source: Folder, test_fraction: float) -> Listing:
    """List the videos of every class folder."""
    return _listing([("", classes_in(source))], test_fraction)


def matches_splits(source: Folder) -> bool:
    """There are folders for splits with class folders in them."""
    usable = {role for role, folder in _split_folders(source) if classes_in(folder)}
    if not usable & {TRAIN, TEST}:
        return False
    # A class may be called train: among other classes a split folder does not come alone.
    others = any(one.videos for one in source.folders if not role_of(one.name) and not one.is_frames)
    return len(usable) > 1 or not others


def find_splits(source: Folder, test_fraction: float) -> Listing:
    """List the videos of every split folder and class folder.

    Raises:
        VidcondenseError: two folders for one split that hold videos of the same names.
    """
    by_role: dict[str, list[Class]] = {}
    notes: list[str] = []
    for role, folder in _split_folders(source):
        classes = classes_in(folder)
        if role in by_role and classes:
            _refuse_twins(source, by_role[role], classes, folder)
        if classes:
            by_role.setdefault(role, []).extend(classes)
        else:
            notes.append(_unusable(folder))
    if TRAIN not in by_role:
        found = ", ".join(folder.name for _, folder in _split_folders(source)) or "none"
        raise VidcondenseError(
            f"{source.disk} has no folder train with class folders in it; split folders: {found}"
        )
    if TEST not in by_role and notes:
        instead = "val is the test set" if VAL in by_role else "a test set is held out from train"
        notes.append(f"without a usable test folder {instead}")
    listing = _listing(list(by_role.items()), test_fraction)
    tests = [
        folder.name for role, folder in _split_folders(source) if role == (TEST if TEST in by_role else VAL)
    ]
    test_from = listing.test_from if listing.is_made else f"folder {' and '.join(tests)}"
    return replace(listing, test_from=test_from, notes=(*listing.notes, *notes))


def matches_frames(source: Folder) -> bool:
    """As `folders` or `split-folders`, and all videos are folders of frames."""
    parents = [folder for _, folder in _split_folders(source)] if matches_splits(source) else [source]
    videos = [video for parent in parents for one in classes_in(parent) for video in one.videos]
    return bool(videos) and all(video.is_frames for video in videos)


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
    if folder.videos:
        return (
            f"{folder.name} is unlabelled: its {plural(len(folder.videos), 'video')} lie in no class folders"
        )
    return f"{folder.name} holds no class folders with videos"


def _refuse_twins(source: Folder, before: list[Class], classes: list[Class], folder: Folder) -> None:
    """Two folders for one split are halves of it, or two versions; the latter have the same names."""
    names = {(same(one.name), same(video.stem)) for one in before for video in one.videos}
    if any((same(one.name), same(video.stem)) in names for one in classes for video in one.videos):
        first = before[0].videos[0].path.partition("/")[0]
        raise VidcondenseError(
            f"{source.disk}: {first} and {folder.name} say the same split and hold videos of the same names; "
            f"name the folders to use, such as --only {first}"
        )


def refuse_structure(source: Folder) -> None:
    """Refuse to take for classes what is none, unless a person asks for it by naming the layout.

    Raises:
        VidcondenseError: all class folders are called by splits (train, test: their videos are unlabelled),
            or by how videos are kept (jpegs_112, jpegs_256: one dataset, twice).
    """
    names = [one.name for one in classes_in(source) if one.videos]
    mend = "put videos in folders of their classes, or list them in a metadata.csv (file_name,label)"
    if names and all(map(role_of, names)):
        raise VidcondenseError(
            f"{source.disk}: the videos in {' and '.join(names[:2])} lie in no class folders; {mend}; "
            "--layout folders takes these for classes"
        )
    if len(names) > 1 and all(map(says_how_kept, names)):
        raise VidcondenseError(
            f"{source.disk}: {names[0]} and {names[1]} say how videos are kept, not what they show; {mend}; "
            "--layout folders takes these for classes"
        )


def _listing(parts: list[tuple[str, list[Class]]], test_fraction: float) -> Listing:
    """The videos of classes by role. Names that differ in their Unicode form alone are one class."""
    found: list[Found] = []
    missing: list[Missing] = []
    extra: list[tuple[str, str]] = []
    spellings: dict[str, set[str]] = {}
    for role, classes in parts:
        for one in classes:
            name = composed(one.name)
            spellings.setdefault(name, set()).add(one.name)
            found += [Found(video.path, name, (role,)) for video in one.videos]
            missing += [replace(gone, class_name=name) for gone in one.missing]
            extra += one.extra
    notes = tuple(
        f"folders '{name}' are written in {len(forms)} Unicode forms (NFC, NFD) and taken as one class"
        for name, forms in spellings.items()
        if len(forms) > 1
    )
    rest = {"missing": tuple(missing), "passed_over": tuple(extra), "notes": notes}
    return with_roles(found, test_fraction, "the folders", **rest)

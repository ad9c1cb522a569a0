"""When a source cannot be read as asked: what lies there, and the call that works, if one does."""

from pathlib import PurePosixPath

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.units import plural
from vidcondense.data.layouts import LAYOUTS
from vidcondense.data.layouts.annotations import files_in
from vidcondense.data.layouts.folders import classes_in, is_kept_in_ways, refuse_structure
from vidcondense.data.layouts.listing import TEST, TRAIN, Listing
from vidcondense.data.layouts.tables import ENDINGS
from vidcondense.data.layouts.tree import Folder
from vidcondense.data.layouts.words import role_of, says_how_kept

FOLDERS = ("folders", "split-folders", "frame-folders")
"""The layouts that go by folders alone."""
TRIED = 20
"""How many folders are tried in place of the source."""
DOWN = 3
"""How far down these are looked for."""


def layout_of(source: Folder) -> str:
    """The first layout that a source has, by looking."""
    return next(name for name, candidate in LAYOUTS.items() if candidate.matches(source))


def hint(source: Folder, tried: str, test_fraction: float) -> str:
    """What to say beside the error that layout `tried` gave, "" if there is nothing to say."""
    for name, layout in LAYOUTS.items():
        if name != tried and layout.matches(source) and (found := _usable(source, name, test_fraction)):
            what = "a tar file" if tried == "webdataset" else "a list"
            because = f"{what} forces layout {tried}; " if tried not in FOLDERS else ""
            return f"{because}--layout {name} reads {found}"
    if tried not in ("folders", "frame-folders"):
        return ""
    return _other_folders(source, test_fraction) or _unlabelled(source)


def _other_folders(source: Folder, test_fraction: float) -> str:
    """Folders inside a source that could be read in its place."""
    inside: list[tuple[Folder, str]] = []
    for folder in _below(source):
        if not any(f"{folder.path}/".startswith(f"{one.path}/") for one, _ in inside):
            inner = folder.as_source()
            found = _usable(inner, layout_of(inner), test_fraction)
            inside += [(folder, found)] if found else []
    if not inside:
        return ""
    folder, found = inside[0]
    others = f", or {', '.join(str(one.disk) for one, _ in inside[1:3])}" if inside[1:] else ""
    names = [{one.name for one in classes_in(folder)} for folder, _ in inside]
    is_one = len(names) > 1 and names[0] & names[1] and not all(says_how_kept(one.name) for one, _ in inside)
    splits = "; if they are parts of one dataset, name them train and test" if is_one else ""
    return f"did you mean {folder.disk}{others}? It has {found}{splits}"


def _usable(source: Folder, name: str, test_fraction: float) -> str:
    """What a layout would find, in words, "" if that cannot be used."""
    try:
        if name in FOLDERS:
            refuse_structure(source)
        listing = LAYOUTS[name].find(source, test_fraction)
    except VidcondenseError:
        return ""
    classes = {video.class_name for video in listing.videos} | {video.class_name for video in listing.missing}
    if len(classes - {""}) < 2 or not _is_whole(listing, classes - {""}):
        return ""
    return f"{plural(len(listing.videos), 'video')} in {len(classes - {''})} classes"


def _is_whole(listing: Listing, classes: set[str]) -> bool:
    return all(
        {video.class_name for video in listing.videos if video.roles[split] == role} >= classes
        for split in range(len(listing.split_names))
        for role in (TRAIN, TEST)
    )


def _below(source: Folder) -> list[Folder]:
    folders = [
        one for one in source.walk(DOWN) if one is not source and one.holds_videos and not one.is_frames
    ]
    return [one for one in folders if not role_of(one.name)][:TRIED]


def _unlabelled(source: Folder) -> str:
    """What to do with videos that lie together in one folder."""
    folders = [one for one in source.walk() if one.files and one is not source]
    if len(classes_in(source)) > 1 or source.files or not folders:
        return ""
    first = folders[0]
    return (
        f"{plural(len(first.files), 'video lies', 'videos lie')} in {first.path} ({first.files[0].name}): "
        f"{_mend(source)}"
    )


def what_lies_there(source: Folder) -> str:
    """What a source without classes holds instead, "" if nothing."""
    if source.files:
        videos = plural(len(source.files), "video lies", "videos lie")
        return f"{videos} directly in {source.disk}: {_mend(source)}"
    if barred := _barred(source):
        return barred
    kept = next((one for one in source.walk() if is_kept_in_ways(one)), None)
    if kept is not None:
        ways = " and ".join(one.name for one in kept.folders if one.is_frames)
        return f"{kept.path} has {ways}; a video is a folder of its frames: <class>/<video>/0001.jpg"
    frames = [one.name for one in source.folders if one.is_frames]
    if len(frames) > 1:
        return (
            f"{frames[0]} and {plural(len(frames) - 1, 'other folder')} hold pictures directly; a video is a "
            "folder of its frames: <class>/<video>/0001.jpg"
        )
    files = [name for folder in source.walk(2) for name in (*folder.others, *folder.litter)]
    endings = {PurePosixPath(name).suffix.lower() for name in files if not name.startswith(".")}
    seen = [f"{ending} files" for ending in sorted(endings - {""})[:5]]
    seen += ["pictures"] if frames or any(folder.pictures for folder in source.walk(2)) else []
    seen += ["hidden files"] if any(folder.litter for folder in source.walk(2)) else []
    return f"it has {', '.join(seen)}" if seen else ""


def _mend(source: Folder) -> str:
    """What to do with unlabelled videos, and which files may be meant as lists of them."""
    names = [folder.inside(name) for folder, name in files_in(source, ENDINGS)]
    names = [name for name in names if "readme" not in name.lower()]
    lists = f"; not understood as a list of them: {', '.join(names[:3])}" if names else ""
    barred = f"; {_barred(source)}" if _barred(source) else ""
    return (
        f"put each in a folder of its class, or list them in a metadata.csv (file_name,label){lists}{barred}"
    )


def _barred(source: Folder) -> str:
    return next(
        (f"{folder.inside(name)} is {why}" for folder in source.walk(2) for name, why in folder.barred), ""
    )

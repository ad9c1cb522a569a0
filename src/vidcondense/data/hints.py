"""When a source cannot be read as asked: what lies there, and the call that works, if one does."""

from pathlib import PurePosixPath

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.units import plural
from vidcondense.data.layouts import LAYOUTS
from vidcondense.data.layouts.listing import TEST, TRAIN, Listing
from vidcondense.data.layouts.tree import Folder
from vidcondense.data.layouts.words import role_of

TRIED = 20
"""How many folders are tried in place of the source."""


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
    inside = [
        (folder, found) for folder in _below(source) if (found := _usable_inside(folder, test_fraction))
    ]
    if inside:
        folder, found = inside[0]
        others = f", or {', '.join(str(one.disk) for one, _ in inside[1:3])}" if inside[1:] else ""
        return f"did you mean {folder.disk}{others}? It has {found}"
    return ""


FOLDERS = ("folders", "split-folders", "frame-folders")


def _usable(source: Folder, name: str, test_fraction: float) -> str:
    """What a layout would find, in words, "" if that cannot be used."""
    try:
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
    folders = [one for one in source.folders if not one.is_frames and not role_of(one.name)]
    deeper = [inner for one in folders for inner in one.folders if not inner.is_frames]
    return [one for one in (*folders, *deeper) if one.holds_videos or one.others][:TRIED]


def _usable_inside(folder: Folder, test_fraction: float) -> str:
    inner = folder.as_source()
    return _usable(inner, layout_of(inner), test_fraction)


def what_lies_there(source: Folder) -> str:
    """What a source without videos in their places holds instead, "" if nothing."""
    flat = [video for video in source.videos if not video.is_frames]
    if flat:
        count = "1 video lies" if len(flat) == 1 else f"{len(flat):,} videos lie"
        return (
            f"{count} directly in {source.disk}: put each in a folder of its class, or list them in a "
            "metadata.csv with the columns file_name,label"
        )
    frames = [one.name for one in source.folders if one.is_frames]
    if len(frames) > 1:
        return (
            f"{frames[0]} and {plural(len(frames) - 1, 'other folder')} hold pictures directly; a video is a "
            "folder of its frames: <class>/<video>/0001.jpg"
        )
    endings = {
        PurePosixPath(name).suffix.lower()
        for folder in source.walk(2)
        for name in folder.others
        if "." in name
    }
    seen = [f"{ending} files" for ending in sorted(endings - {""})[:5]]
    seen += ["pictures"] if frames or any(folder.pictures for folder in source.walk(2)) else []
    return f"it has {', '.join(seen)}" if seen else ""

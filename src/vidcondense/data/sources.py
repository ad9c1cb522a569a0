"""Labelled videos in a folder: which files, which classes, which splits. Nothing is decoded here."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vidcondense.base.errors import VidcondenseError
from vidcondense.data.layouts import LAYOUTS
from vidcondense.data.layouts.listing import TEST, TRAIN, Listing, without_outsiders
from vidcondense.data.limits import NO_LIMITS, Limits, chosen_classes, chosen_roles
from vidcondense.data.pictures import VIDEO_SUFFIXES


@dataclass(frozen=True)
class SourceVideo:
    """One video.

    Attributes:
        path: relative to the source's root, with forward slashes: a file, a folder of pictures, or a path
            that leads through a tar file.
        label: index into the source's class names.
        roles: "train", "val", "test" or "unused" for each of the source's splits.
    """

    path: str
    label: int
    roles: tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """A labelled video dataset as it lies on disk.

    Attributes:
        root: the folder.
        layout: the layout it was read as, a key of `LAYOUTS`.
        class_names: sorted; a label is an index into it.
        split_names: the ways the dataset is split into training and test videos.
        videos: sorted by class, then path.
        missing: (path, reason) of videos that the dataset's lists name but that are not there.
        limits: what it was limited to.
    """

    root: Path
    layout: str
    class_names: tuple[str, ...]
    split_names: tuple[str, ...]
    videos: tuple[SourceVideo, ...]
    missing: tuple[tuple[str, str], ...] = ()
    limits: Limits = NO_LIMITS


def find_videos(
    root: Path,
    layout: str = "auto",
    test_fraction: float = 0.2,
    limits: Limits = NO_LIMITS,
    follow_links: bool = False,
) -> Source:
    """List the labelled videos of a folder.

    Args:
        root: the dataset's folder.
        layout: a key of `LAYOUTS`, or "auto" to find out by looking.
        test_fraction: share of each class held out for testing where the layout has no split, in (0, 1).
        limits: which classes, and how many videos of each.
        follow_links: take videos also where a link leads out of the folder; else they are missing.

    Raises:
        VidcondenseError: no such folder, unknown layout, no videos, fewer than two classes, a split in which
            some class has no training or no test video, or limits that name no class.
    """
    root = Path(root)
    if not root.is_dir():
        raise VidcondenseError(f"no folder at {root}" + (": that is a file" if root.exists() else ""))
    if not 0 < test_fraction < 1:
        raise VidcondenseError(f"test_fraction must lie between 0 and 1, not {test_fraction}")
    name = _layout_name(root, layout)
    try:
        listing = LAYOUTS[name].find(root, test_fraction)
        if not follow_links:
            listing = without_outsiders(listing, root)
    except OSError as error:
        raise VidcondenseError(f"cannot list {root}: {error.strerror or error}") from error
    if not listing.videos:
        raise VidcondenseError(_no_videos(root, name, listing))
    source = _source(root, name, listing, limits)
    where = str(root)
    if source.missing:
        (path, reason), count = source.missing[0], len(source.missing)
        where += f" without its {count} unusable files (the first is {path}: {reason})"
    check_classes(source.class_names, source.split_names, source.videos, where)
    return source


def check_classes(
    class_names: Sequence[str], split_names: Sequence[str], videos: Sequence[SourceVideo], where: str
) -> None:
    """Refuse what cannot be used: under two classes, or a split in which one has no training or test video.

    Raises:
        VidcondenseError: naming the class, the split and the mend.
    """
    if len(class_names) < 2:
        raise VidcondenseError(f"{where} has only the class '{class_names[0]}'; at least two are needed")
    for index, split in enumerate(split_names):
        for role, word in ((TRAIN, "training"), (TEST, "test")):
            present = {video.label for video in videos if video.roles[index] == role}
            absent = [name for label, name in enumerate(class_names) if label not in present]
            if absent:
                more = f" (nor have {len(absent) - 1} others)" if len(absent) > 1 else ""
                raise VidcondenseError(
                    f"{where}: class '{absent[0]}' has no {word} video in split '{split}'{more}; "
                    "add some, take the class out, or choose classes with --class"
                )


def _layout_name(root: Path, layout: str) -> str:
    if layout == "auto":
        return next(name for name, candidate in LAYOUTS.items() if candidate.matches(root))
    if layout not in LAYOUTS:
        near = difflib.get_close_matches(layout, LAYOUTS, n=1, cutoff=0.4)
        hint = f"did you mean '{near[0]}'? " if near else ""
        raise VidcondenseError(f"unknown layout '{layout}': {hint}Known: auto, {', '.join(LAYOUTS)}")
    return layout


def _source(root: Path, name: str, listing: Listing, limits: Limits) -> Source:
    """Number the classes, also those that have only missing videos, and choose what the limits ask for."""
    found = {video.class_name for video in listing.videos} | {video.class_name for video in listing.missing}
    class_names = chosen_classes(sorted(found - {""}), limits)
    labels = {class_name: label for label, class_name in enumerate(class_names)}
    roles = chosen_roles([video for video in listing.videos if video.class_name in labels], limits)
    videos = [
        SourceVideo(video.path, labels[video.class_name], roles[video.path])
        for video in listing.videos
        if video.path in roles
    ]
    videos.sort(key=lambda video: (video.label, video.path))
    missing = [(video.path, video.reason) for video in listing.missing if video.class_name in {*labels, ""}]
    return Source(root, name, class_names, listing.split_names, tuple(videos), tuple(missing), limits)


def _no_videos(root: Path, layout: str, listing: Listing) -> str:
    others = {path.suffix.lower() for path in root.glob("*/*") if path.is_file()} - VIDEO_SUFFIXES - {""}
    seen = f"; it has files ending in {', '.join(sorted(others)[:5])}" if others else ""
    if listing.missing:
        first, more = listing.missing[0], len(listing.missing) - 1
        seen = f"; {first.path}: {first.reason}" + (f" (and {more} more)" if more else "")
    return (
        f"no videos in {root}: looked for {LAYOUTS[layout].expected}, files like .mp4, .avi, .mkv, .webm, "
        f".mov, .gif{seen}"
    )

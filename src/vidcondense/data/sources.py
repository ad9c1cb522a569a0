"""Labelled videos in a folder: which files, which classes, which splits. Nothing is decoded here."""

import difflib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.units import plural
from vidcondense.data import hints
from vidcondense.data.layouts import LAYOUTS
from vidcondense.data.layouts.folders import refuse_structure
from vidcondense.data.layouts.listing import TEST, TRAIN, Found, Listing, leaks, without_troubled
from vidcondense.data.layouts.tree import Folder, look
from vidcondense.data.layouts.words import alike, composed
from vidcondense.data.limits import NO_LIMITS, Limits, chosen_classes, chosen_roles
from vidcondense.data.survey import NOTHING_SEEN, Survey, survey, unusable


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
        missing: (path, reason) of videos that cannot be used, or that a list names and that are not there.
        limits: what it was limited to.
        test_from: where the test videos come from.
        notes: what else a person should know, a sentence each.
        seen: a count of all that lies there.
    """

    root: Path
    layout: str
    class_names: tuple[str, ...]
    split_names: tuple[str, ...]
    videos: tuple[SourceVideo, ...]
    missing: tuple[tuple[str, str], ...] = ()
    limits: Limits = NO_LIMITS
    test_from: str = ""
    notes: tuple[str, ...] = ()
    seen: Survey = NOTHING_SEEN


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
        limits: which folders, lists and classes, and how many videos of each class.
        follow_links: take videos also where a link leads out of the folder; else they are missing.

    Raises:
        VidcondenseError: no such folder, unknown layout, no videos, fewer than two classes, a split in which
            some class has no training or no test video, or limits that name no class. It says what lies
            there, and the call that works, if one does.
    """
    root = Path(root)
    if not root.is_dir():
        raise VidcondenseError(f"no folder at {root}" + (": that is a file" if root.exists() else ""))
    if not 0 < test_fraction < 1:
        raise VidcondenseError(f"test_fraction must lie between 0 and 1, not {test_fraction}")
    if layout not in ("auto", *LAYOUTS):
        near = difflib.get_close_matches(layout, LAYOUTS, n=1, cutoff=0.4)
        hint = f"did you mean '{near[0]}'? " if near else ""
        raise VidcondenseError(f"unknown layout '{layout}': {hint}Known: auto, {', '.join(LAYOUTS)}")
    whole = look(root, follow_links=follow_links)
    tree = whole.only(limits.only) if limits.only else whole
    name = layout if layout != "auto" else hints.layout_of(tree)
    with _hinted(tree, name, test_fraction):
        if layout == "auto" and name in hints.FOLDERS:
            refuse_structure(tree)
        listing = _listing(tree, name, test_fraction)
    source = _chosen(root, name, listing, limits)
    with _hinted(tree, name, test_fraction) if not limits.to_dict() else nullcontext():
        where = f"{root}{unusable(source.missing)}"
        check_classes(source.class_names, source.split_names, source.videos, where)
    listed = [*(video.path for video in source.videos), *(path for path, _ in source.missing)]
    return replace(source, seen=survey(whole, tree, listing, listed))


@contextmanager
def _hinted(tree: Folder, layout: str, test_fraction: float) -> Iterator[None]:
    """Errors within say what call works, if one does."""
    try:
        yield
    except VidcondenseError as error:
        hint = hints.hint(tree, layout, test_fraction)
        raise VidcondenseError(f"{error}; {hint}" if hint else str(error)) from error


def check_classes(
    class_names: Sequence[str], split_names: Sequence[str], videos: Sequence[SourceVideo], where: str
) -> None:
    """Refuse what cannot be used: under two classes, or a split in which one has no training or test video.

    Raises:
        VidcondenseError: naming the class, the split and the mend.
    """
    if len(class_names) < 2:
        only = (
            f"only the class '{class_names[0]}'" if class_names else "no class with training and test videos"
        )
        raise VidcondenseError(f"{where} has {only}; at least two are needed")
    for index, split in enumerate(split_names):
        for role, word in ((TRAIN, "training"), (TEST, "test")):
            present = {video.label for video in videos if video.roles[index] == role}
            absent = [name for label, name in enumerate(class_names) if label not in present]
            if absent:
                more = f" (nor have {len(absent) - 1} others)" if len(absent) > 1 else ""
                near = [one for one in class_names if one != absent[0] and alike(one) == alike(absent[0])]
                twin = f"; did you mean one class with '{near[0]}'? Rename one of the two" if near else ""
                raise VidcondenseError(
                    f"{where}: class '{absent[0]}' has no {word} video in split '{split}'{more}{twin}; "
                    "add some, take the class out, choose others with --class, or leave it out with --present"
                )


def _listing(tree: Folder, name: str, test_fraction: float) -> Listing:
    """What a layout finds, without what cannot be used."""
    troubles = {video.path: video.trouble for video in tree.all_videos() if video.trouble}
    listing = _composed(without_troubled(LAYOUTS[name].find(tree, test_fraction), troubles))
    if not listing.videos:
        raise VidcondenseError(_no_videos(tree, name, listing))
    return listing


def _chosen(root: Path, name: str, listing: Listing, limits: Limits) -> Source:
    """Number the classes, also those that have only missing videos, and choose what the limits ask for."""
    found = {video.class_name for video in listing.videos} | {video.class_name for video in listing.missing}
    class_names = chosen_classes(sorted(found - {""}), limits)
    notes = list(listing.notes)
    if limits.present:
        class_names, note = _present(class_names, listing)
        notes += [note] if note else []
    labels = {class_name: label for label, class_name in enumerate(class_names)}
    chosen = [video for video in listing.videos if video.class_name in labels]
    roles = chosen_roles(chosen, limits)
    videos = [
        SourceVideo(video.path, labels[video.class_name], roles[video.path])
        for video in chosen
        if video.path in roles
    ]
    videos.sort(key=lambda video: (video.label, video.path))
    missing = [(video.path, video.reason) for video in listing.missing if video.class_name in {*labels, ""}]
    notes += _leaks(chosen, listing)
    split_names, test_from = listing.split_names, listing.test_from
    every, gone = tuple(videos), tuple(missing)
    return Source(root, name, class_names, split_names, every, gone, limits, test_from, tuple(notes))


def _composed(listing: Listing) -> Listing:
    """A listing whose classes are in Unicode's composed form, with a note on names that are nearly equal."""
    videos = [replace(video, class_name=composed(video.class_name)) for video in listing.videos]
    missing = tuple(replace(gone, class_name=composed(gone.class_name)) for gone in listing.missing)
    first: dict[str, str] = {}
    notes = [
        f"warning: classes '{other}' and '{name}' differ in capitals, spaces or punctuation alone"
        for name in sorted({video.class_name for video in videos})
        if (other := first.setdefault(alike(name), name)) != name
    ]
    return replace(listing, videos=videos, missing=missing, notes=(*listing.notes, *notes))


def _present(class_names: tuple[str, ...], listing: Listing) -> tuple[tuple[str, ...], str]:
    """The classes that have training and test videos in every split, and a note on the others."""
    sides = {
        (video.class_name, split, role) for video in listing.videos for split, role in enumerate(video.roles)
    }
    splits = range(len(listing.split_names))
    there = tuple(
        name
        for name in class_names
        if all((name, split, role) in sides for split in splits for role in (TRAIN, TEST))
    )
    gone = [name for name in class_names if name not in there]
    lack = f"{len(gone)} of {len(class_names)} classes lack training or test videos and are left out"
    return there, f"{lack}: {', '.join(gone)}" if gone else ""


def _leaks(videos: Sequence[Found], listing: Listing) -> list[str]:
    """Notes on related clips that a split puts on both sides."""
    notes = []
    for split, name in enumerate(listing.split_names):
        if not listing.is_made and (groups := leaks(videos, split)):
            several = plural(len(groups), "group of related clips", "groups of related clips")
            notes.append(
                f"warning: {several} with training and test videos in split '{name}' ({', '.join(groups[:3])}"
                f"{', ...' if len(groups) > 3 else ''}): accuracy is then higher than on new videos"
            )
    return notes


def _no_videos(tree: Folder, layout: str, listing: Listing) -> str:
    there = hints.what_lies_there(tree)
    seen = f"; {there}" if there else ""
    if listing.missing:
        first, more = listing.missing[0], len(listing.missing) - 1
        seen = f"; {first.path}: {first.reason}" + (f" (and {more} more)" if more else "")
    return (
        f"no videos in {tree.disk}: looked for {LAYOUTS[layout].expected}, files like .mp4, .avi, .mkv, "
        f".webm, .mov, .gif{seen}"
    )

"""What every layout finds: a plain list of videos, each with its class and its role in each split."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from vidcondense.data.layouts.groups import group_of

TRAIN, VAL, TEST, UNUSED = "train", "val", "test", "unused"
ROLES = (TRAIN, VAL, TEST, UNUSED)

HIDDEN = "hidden or system files and folders"
"""A kind of what is passed over."""


@dataclass(frozen=True)
class Found:
    """One video of a listing: its path relative to the root, its class and its role in each split."""

    path: str
    class_name: str
    roles: tuple[str, ...]


@dataclass(frozen=True)
class Missing:
    """A video that cannot be used, although a list names it or it lies there; the class is "" if unknown."""

    path: str
    class_name: str
    reason: str


@dataclass(frozen=True)
class Listing:
    """What a layout finds.

    Attributes:
        split_names: the ways in which the videos are split.
        videos: in any order.
        missing: those that cannot be used, in any order.
        test_from: where the test set comes from, for a person: "the folder test".
        is_made: the test set was held out by us, and is not the dataset's own.
        notes: what else a person should know, a sentence each.
        lists: paths, relative to the root, of the lists that were read.
        passed_over: videos that are none of the above for a reason of the layout: (kind, path).
    """

    split_names: tuple[str, ...]
    videos: list[Found]
    missing: tuple[Missing, ...] = ()
    test_from: str = ""
    is_made: bool = False
    notes: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    passed_over: tuple[tuple[str, str], ...] = ()


def with_test(listing: Listing, test_fraction: float, origins: Mapping[str, str]) -> Listing:
    """A listing with test videos in every split, whose roles may be "" where nothing says one.

    Without test videos those for validation are the test set, as for Kinetics and Something-Something, whose
    test labels are not public; with neither a test set is held out.

    Args:
        listing: what was found.
        test_fraction: the share to hold out where it must be.
        origins: for "test" and "val", what says that a video has this role, such as "folder valid".
    """
    made = f"made by holding out {100 * test_fraction:.3g} % of each class by the hash of their names"
    columns: list[list[str]] = []
    told: dict[str, None] = {}
    for column in range(len(listing.split_names)):
        roles = [video.roles[column] for video in listing.videos]
        if TEST in roles:
            told[origins[TEST]] = None
        elif VAL in roles:
            told[origins[VAL]] = None
            roles = [TEST if role == VAL else role for role in roles]
        else:
            told[made] = None
            roles = _held_out(listing.videos, roles, test_fraction)
        columns.append(roles)
    videos = [
        replace(video, roles=roles)
        for video, roles in zip(listing.videos, zip(*columns, strict=True), strict=True)
    ]
    return replace(listing, videos=videos, test_from="; ".join(told), is_made=made in told)


def _held_out(videos: Sequence[Found], roles: Sequence[str], test_fraction: float) -> list[str]:
    """The roles of a split in which a share of each class is for testing."""
    by_class: dict[str, list[str]] = {}
    for video, role in zip(videos, roles, strict=True):
        if role != UNUSED:
            by_class.setdefault(video.class_name, []).append(video.path)
    held: dict[str, str] = {}
    for paths in by_class.values():
        held |= hold_out(paths, test_fraction)
    return [held.get(video.path, UNUSED) for video in videos]


def hold_out(paths: list[str], test_fraction: float) -> dict[str, str]:
    """Choose test videos of one class by the hash of their path, or of their group (`group_of`), as a whole.

    A file keeps its place in the ranking when others come or go, so that few change sides. At least one video
    is for training and one for testing when there are two; a class that is a single group is split by video.

    Args:
        paths: paths of one class relative to the root.
        test_fraction: the share to hold out, in 0..1.

    Returns:
        the role of each path, "train" or "test".
    """
    groups: dict[str, list[str]] = {}
    for path in paths:
        groups.setdefault(group_of(path) or path, []).append(path)
    if len(groups) == 1:
        groups = {path: [path] for path in paths}
    wanted = max(1, min(len(paths) - 1, round(len(paths) * test_fraction))) if len(paths) > 1 else 0
    roles = dict.fromkeys(paths, TRAIN)
    held, left = 0, len(groups)
    for _, members in sorted(groups.items(), key=lambda group: _rank(group[0])):
        left -= 1
        nearer = abs(held + len(members) - wanted) <= abs(held - wanted)
        if held < wanted and left and (nearer or not held):
            roles |= dict.fromkeys(members, TEST)
            held += len(members)
    return roles


def _rank(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


def without_troubled(listing: Listing, troubles: dict[str, str]) -> Listing:
    """A listing without the videos that cannot be used; these are missing.

    What a stranger packed into a folder must not bring other files of this machine into a store.
    """
    gone = sorted((video for video in listing.videos if video.path in troubles), key=lambda video: video.path)
    missing = tuple(Missing(video.path, video.class_name, troubles[video.path]) for video in gone)
    videos = [video for video in listing.videos if video.path not in troubles]
    return replace(listing, videos=videos, missing=(*listing.missing, *missing))


def leaks(videos: Iterable[Found], split: int) -> list[str]:
    """Groups of related clips with members on both sides of a split, by number.

    A class that is a single group tells nothing: its videos are called alike (run_clip_1, run_clip_2).
    """
    sides: dict[str, set[str]] = {}
    groups: dict[str, set[str]] = {}
    for video in videos:
        group = group_of(video.path)
        groups.setdefault(video.class_name, set()).add(group or video.path)
        if group and video.roles[split] in (TRAIN, TEST):
            sides.setdefault(group, set()).add(video.roles[split])
    alike = {group for of_class in groups.values() if len(of_class) == 1 for group in of_class}
    return sorted(group for group, roles in sides.items() if len(roles) == 2 and group not in alike)

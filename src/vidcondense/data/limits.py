"""Taking a part of a dataset: some of its classes, some of the videos of each."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta
from tyro.conf import UseAppendAction, arg

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.names import nearest
from vidcondense.base.options import ALL, N
from vidcondense.base.settings import Settings

if TYPE_CHECKING:
    from vidcondense.data.layouts.listing import Found

# The layouts are imported when a choice is made: help does not wait for them.


@dataclass(frozen=True, kw_only=True)
class Limits(Settings):
    """What to take of a dataset; by default all.

    Attributes:
        classes: Take the first N classes only, in alphabetical order.
        class_names: Take this class only; give it once per class.
        videos_per_class: Take at most N training, N validation and N test videos of each class and split.
        seed: Seed of the choice of videos; a larger --videos-per-class with the same seed keeps the videos of
            a smaller one.
        present: Leave out, and list, the classes that lack training or test videos, as when a dataset is only
            partly downloaded.
        only: Look only at this folder or list directly in SOURCE, where there are several; once per name.
    """

    classes: Annotated[Annotated[int, Meta(ge=2)] | None, ALL] = None
    class_names: Annotated[
        UseAppendAction[tuple[str, ...]],
        arg(name="class", metavar="NAME", help_behavior_hint="(default: all)"),
    ] = ()
    videos_per_class: Annotated[Annotated[int, Meta(ge=1)] | None, ALL] = None
    seed: Annotated[int, N] = 0
    present: bool = False
    only: Annotated[
        UseAppendAction[tuple[str, ...]],
        arg(metavar="NAME", help_behavior_hint="(default: all)"),
    ] = ()

    def check(self) -> None:
        self.refuse(
            self.classes is not None and bool(self.class_names),
            "choose classes by number (classes) or by name (class), not both",
        )

    def to_dict(self) -> dict[str, int | list[str]]:
        """What is limited, for the store's index; {} if nothing is."""
        limited: dict[str, int | list[str]] = {}
        if self.classes is not None:
            limited["classes"] = self.classes
        if self.class_names:
            limited["class_names"] = sorted(set(self.class_names))
        if self.videos_per_class is not None:
            limited |= {"videos_per_class": self.videos_per_class, "seed": self.seed}
        if self.present:
            limited["present"] = True
        if self.only:
            limited["only"] = sorted(set(self.only))
        return limited


NO_LIMITS = Limits()


def chosen_classes(class_names: Sequence[str], limits: Limits) -> tuple[str, ...]:
    """The classes to take of all `class_names`, sorted as they are.

    Raises:
        VidcondenseError: there are fewer, or none of a wanted name.
    """
    from vidcondense.data.layouts.words import composed

    if limits.classes is not None and limits.classes > len(class_names):
        raise VidcondenseError(f"there are {len(class_names)} classes, not {limits.classes}")
    wanted = [composed(name) for name in limits.class_names]
    for name in wanted:
        if name not in class_names:
            near = nearest(name, class_names)
            raise VidcondenseError(f"there is no class '{name}'; did you mean '{near}'?")
    if wanted:
        return tuple(name for name in class_names if name in wanted)
    return tuple(class_names[: limits.classes])


def chosen_roles(videos: Sequence["Found"], limits: Limits) -> dict[str, tuple[str, ...]]:
    """The roles of the videos to take, by path: in a split where one is not chosen its role is "unused".

    Videos are ranked by the hash of seed and path: the choice does not depend on their order, and is much
    the same when some come or go. Those chosen in no split are left out.
    """
    from vidcondense.data.layouts.listing import UNUSED

    whole = {video.path: video.roles for video in videos}
    if limits.videos_per_class is None:
        return whole
    taken: dict[tuple[str, int, str], int] = {}
    chosen: dict[str, list[str]] = {}
    for video in sorted(videos, key=lambda video: _rank(video.path, limits.seed)):
        roles = []
        for split, role in enumerate(video.roles):
            group = (video.class_name, split, role)
            taken[group] = taken.get(group, 0) + 1
            roles.append(role if taken[group] <= limits.videos_per_class else UNUSED)
        chosen[video.path] = roles
    return {path: tuple(roles) for path, roles in chosen.items() if set(roles) != {UNUSED}}


def _rank(path: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}:{path}".encode("utf-8", "surrogateescape")).digest()

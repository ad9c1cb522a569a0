"""One walk through a source folder, by one set of rules: what is a video, a folder, a picture, or none.

Layouts ask this tree and never the disk, so that they cannot disagree on hidden files, links and frames; and
whatever they do not use can be counted.
"""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from vidcondense.base.errors import VidcondenseError
from vidcondense.data.layouts.words import is_litter
from vidcondense.data.pictures import PICTURE_SUFFIXES, VIDEO_SUFFIXES, frames_among, stem_of

DEEPEST = 8
# Folders of links to each other would else make millions of folders.
MOST_ENTERED = 32
"""How often a folder is entered through links."""

NO_DIGITS = str.maketrans("", "", "0123456789")
OUTSIDE = "a link that leads out of the folder; --follow-links takes it"
NOWHERE = "a link that leads nowhere"


@dataclass(frozen=True)
class Video:
    """What may be a video: a file with a video's ending, or a folder of its frames.

    Attributes:
        path: relative to the source, with forward slashes.
        is_frames: it is a folder of pictures.
        trouble: why it cannot be used, "" if nothing is known against it.
    """

    path: str
    is_frames: bool = False
    trouble: str = ""

    @property
    def name(self) -> str:
        """Its own name, with its ending."""
        return self.path.rpartition("/")[2]

    @property
    def stem(self) -> str:
        """Its name without a video's ending."""
        return stem_of(self.name)


@dataclass
class Folder:
    """A folder of the source and what lies directly in it; names are sorted.

    Attributes:
        disk: where it is.
        path: relative to the source; "" for the source itself.
        folders: what is neither hidden nor a system's.
        files: videos that are files.
        pictures: how many pictures.
        flow: how many of these are optical flow beside the frames of a video.
        others: names of all other files.
        barred: other files that nobody reads, as links out of the source: (name, reason).
        litter: names that are hidden or a system's, and links that lead back.
        trouble: why nothing of it was looked at, or why its pictures cannot be used; "" for neither.
    """

    disk: Path
    path: str = ""
    folders: list["Folder"] = field(default_factory=list)
    files: list[Video] = field(default_factory=list)
    pictures: int = 0
    flow: int = 0
    others: list[str] = field(default_factory=list)
    barred: list[tuple[str, str]] = field(default_factory=list)
    litter: list[str] = field(default_factory=list)
    trouble: str = ""

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.path.rpartition("/")[2] or self.disk.name

    def inside(self, name: str) -> str:
        """The path, relative to the source, of what is called `name` here."""
        return f"{self.path}/{name}" if self.path else name

    @cached_property
    def is_frames(self) -> bool:
        """It is one video: it holds pictures, and no videos here or further down."""
        return self.pictures > 0 and not self.files and not any(one.holds_videos for one in self.folders)

    @cached_property
    def holds_videos(self) -> bool:
        """There are videos here or further down, or this is one."""
        return bool(self.files or self.pictures) or any(one.holds_videos for one in self.folders)

    @property
    def may_be_video(self) -> bool:
        """It is one, or nobody can look into it."""
        return self.is_frames or bool(self.trouble and not self.pictures)

    @property
    def has_videos(self) -> bool:
        """There are videos directly here."""
        return bool(self.files) or any(one.is_frames for one in self.folders)

    @cached_property
    def videos(self) -> list[Video]:
        """The videos directly here by name: files, folders of frames, folders that nobody can look into."""
        folders = [Video(one.path, one.is_frames, one.trouble) for one in self.folders if one.may_be_video]
        return sorted([*self.files, *folders], key=lambda video: video.name)

    def walk(self, deepest: int = DEEPEST) -> Iterator["Folder"]:
        """This folder and those below it that are no videos, the less deep first."""
        level = [self]
        for _ in range(deepest + 1):
            yield from level
            level = [inner for folder in level for inner in folder.folders if not inner.is_frames]

    def all_videos(self) -> list[Video]:
        """The videos here and further down."""
        return [video for folder in self.walk() for video in folder.videos]

    def child(self, name: str) -> "Folder | None":
        """The folder of this name directly here."""
        return next((folder for folder in self.folders if folder.name == name), None)

    def only(self, names: tuple[str, ...]) -> "Folder":
        """The folder with these of its own folders, or files, alone; a kind that is not named stays whole.

        Raises:
            VidcondenseError: there is nothing of such a name.
        """
        here = {one.name for one in self.folders}, {*self.others, *(video.name for video in self.files)}
        for name in names:
            if name not in here[0] | here[1]:
                known = ", ".join(sorted(here[0] | here[1])[:8]) or "nothing"
                raise VidcondenseError(
                    f"{self.disk} has no '{name}' directly in it to look at; it has {known}"
                )
        chosen = [here[0].intersection(names) or here[0], here[1].intersection(names) or here[1]]
        return replace(
            self,
            folders=[one for one in self.folders if one.name in chosen[0]],
            files=[one for one in self.files if one.name in chosen[1]],
            others=[one for one in self.others if one in chosen[1]],
        )

    def as_source(self) -> "Folder":
        """The same folder as if it were the source."""
        below = f"{self.path}/"

        def moved(folder: "Folder") -> "Folder":
            files = [replace(video, path=video.path.removeprefix(below)) for video in folder.files]
            folders = [moved(one) for one in folder.folders]
            path = "" if folder is self else folder.path.removeprefix(below)
            return replace(folder, path=path, folders=folders, files=files)

        return moved(self)


def look(root: Path, *, follow_links: bool = False) -> Folder:
    """Walk through a source folder.

    Args:
        root: the folder; it may be reached by a link.
        follow_links: look also where a link leads out of it.

    Raises:
        VidcondenseError: the folder itself cannot be listed. One further down is counted, with the reason.
    """
    real = os.path.realpath(root)
    source = _Walk(real, follow_links).enter(Folder(root), (real,), linked=False)
    if source.trouble:
        raise VidcondenseError(f"cannot list {root}: {source.trouble}")
    return source


class _Walk:
    def __init__(self, real: str, follow_links: bool) -> None:
        self._real, self._follow = real, follow_links
        self._entered: Counter[str] = Counter()

    def enter(self, folder: Folder, above: tuple[str, ...], *, linked: bool) -> Folder:
        """Fill a folder; `above` are the true paths of those that lead to it and its own."""
        pictures = []
        try:
            with os.scandir(folder.disk) as entries:
                for entry in sorted(entries, key=lambda entry: entry.name):
                    if is_litter(entry.name):
                        folder.litter.append(entry.name)
                    elif _is_folder(entry):
                        self._add_folder(folder, entry, above, linked)
                    elif self._add_file(folder, entry):
                        pictures.append(entry.name)
        except OSError as error:
            folder.trouble = (error.strerror or str(error)).lower()
        folder.pictures = len(pictures)
        if len({name.translate(NO_DIGITS) for name in pictures}) > 1:
            folder.flow = len(pictures) - len(frames_among(pictures))
        return folder

    def _add_folder(
        self, folder: Folder, entry: os.DirEntry[str], above: tuple[str, ...], linked: bool
    ) -> None:
        inner = Folder(folder.disk / entry.name, folder.inside(entry.name))
        is_link = entry.is_symlink()
        linked = linked or is_link
        real = os.path.realpath(entry.path) if is_link else os.path.join(above[-1], entry.name)  # noqa: PTH118
        if real in above:
            folder.litter.append(entry.name)
            return
        folder.folders.append(inner)
        self._entered[real] += linked
        if is_link and not self._holds(real):
            inner.trouble = OUTSIDE
        elif linked and self._entered[real] > MOST_ENTERED:
            inner.trouble = f"links lead to it more than {MOST_ENTERED} times"
        elif inner.path.count("/") >= DEEPEST:
            inner.trouble = f"more than {DEEPEST} folders down"
        else:
            self.enter(inner, (*above, real), linked=linked)

    def _add_file(self, folder: Folder, entry: os.DirEntry[str]) -> bool:
        """Add a file that is no picture; for a picture say so."""
        ending = os.path.splitext(entry.name)[1].lower()  # noqa: PTH122 - a Path per picture costs minutes
        trouble = self._trouble(entry.path) if entry.is_symlink() else ""
        if ending in VIDEO_SUFFIXES:
            folder.files.append(Video(folder.inside(entry.name), False, trouble))
        elif ending in PICTURE_SUFFIXES:
            folder.trouble = folder.trouble or trouble
            return True
        elif trouble:
            folder.barred.append((entry.name, trouble))
        else:
            folder.others.append(entry.name)
        return False

    def _trouble(self, link: str) -> str:
        if not self._holds(os.path.realpath(link)):
            return OUTSIDE
        return "" if os.path.exists(link) else NOWHERE  # noqa: PTH110

    def _holds(self, real: str) -> bool:
        below = os.path.join(self._real, "")  # noqa: PTH118
        return self._follow or real == self._real or real.startswith(below)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False

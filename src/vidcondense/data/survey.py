"""A count of everything in a source: what was seen, what was used, and what was passed over, by kind."""

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass

from vidcondense.base.units import plural
from vidcondense.data.layouts.listing import HIDDEN, Found, Listing, Missing
from vidcondense.data.layouts.tree import Folder, Video

EXAMPLES, NAMED = 3, 10


@dataclass(frozen=True)
class PassedOver:
    """Files and folders of one kind that are not in the store."""

    kind: str
    count: int
    examples: tuple[str, ...]

    def __str__(self) -> str:
        more = ", ..." if self.count > len(self.examples) else ""
        return f"{self.kind}: {self.count:,} ({', '.join(self.examples)}{more})"


@dataclass(frozen=True)
class Survey:
    """What lies in a source.

    Attributes:
        files: how many files were seen, pictures included.
        folders: how many folders.
        lists: how many lists, or tar files, were read.
        passed_over: what is neither used nor listed as unusable, by kind.
        unused: folders directly in the source of which nothing is used or listed.
    """

    files: int = 0
    folders: int = 0
    lists: int = 0
    passed_over: tuple[PassedOver, ...] = ()
    unused: tuple[str, ...] = ()

    def describe(self) -> list[str]:
        """The count in one line to three."""
        lists = f", {plural(self.lists, 'list or archive', 'lists or archives')} read" if self.lists else ""
        lines = [f"seen: {plural(self.files, 'file')} in {plural(self.folders, 'folder')}{lists}"]
        if self.passed_over:
            lines.append(f"passed over: {'; '.join(map(str, self.passed_over))}")
        if self.unused:
            more = f" and {len(self.unused) - NAMED:,} more" if len(self.unused) > NAMED else ""
            lines.append(f"nothing used in: {', '.join(self.unused[:NAMED])}{more}")
        return lines


NOTHING_SEEN = Survey()


def survey(whole: Folder, looked_at: Folder, listing: Listing, chosen: Iterable[str]) -> Survey:
    """Count a source.

    Args:
        whole: the source.
        looked_at: the same without what the person told us to leave out.
        listing: what a layout found.
        chosen: paths of the videos that were taken from it, or that are listed as unusable.
    """
    counts = _Counts()
    known = {*_paths(listing.videos), *_paths(listing.missing)} | {path for _, path in listing.passed_over}
    for path in _left_out(whole, looked_at):
        counts.add("folders and files left out by --only", path)
    for folder in _every(looked_at):
        _add_folder(counts, folder, known, frozenset(listing.lists))
    for kind, path in listing.passed_over:
        counts.add(kind, path)
    taken = set(chosen)
    for kind, items in (("videos", listing.videos), ("unusable files and folders", listing.missing)):
        for path in _paths(items):
            if path not in taken:
                counts.add(f"{kind} left out by the choice of classes and videos", path)
    every = list(_every(whole))
    files = sum(
        len(folder.files) + folder.pictures + len(folder.others) + len(folder.barred) for folder in every
    )
    used = {path.partition("/")[0] for path in (*known, *listing.lists)}
    unused = tuple(one.name for one in whole.folders if one.name not in used)
    return Survey(files, len(every) - 1, len(listing.lists), counts.passed_over(), unused)


def _paths(items: Iterable[Folder | Video | Found | Missing]) -> list[str]:
    return [item.path for item in items]


def _left_out(whole: Folder, looked_at: Folder) -> list[str]:
    paths = [
        {*_paths(source.folders), *_paths(source.files), *source.others} for source in (whole, looked_at)
    ]
    return sorted(paths[0] - paths[1])


def _add_folder(counts: "_Counts", folder: Folder, known: Container[str], lists: frozenset[str]) -> None:
    """Count what lies directly in a folder, and the folder itself where it holds nothing to count."""
    stray = "videos that no list names" if lists else "videos in no class folder"
    for name in folder.litter:
        counts.add(HIDDEN, folder.inside(name))
    for name in folder.others:
        if folder.inside(name) not in lists:
            counts.add(_kind(name), folder.inside(name))
    for name, reason in folder.barred:
        counts.add(reason, folder.inside(name))
    for video in folder.files:
        if video.path not in known:
            counts.add(video.trouble or stray, video.path)
    if folder.is_frames and folder.flow:
        counts.add("pictures of optical flow beside frames", folder.path or ".", folder.flow)
    if folder.path in known:
        return
    if folder.is_frames:
        counts.add(folder.trouble or stray, folder.path or ".")
    elif folder.trouble and not folder.pictures:
        counts.add(f"folders not looked into: {folder.trouble}", folder.path)
    elif folder.pictures:
        counts.add("pictures outside folders of frames", folder.path or ".", folder.pictures)
    elif not (folder.files or folder.folders or folder.others or folder.barred or folder.litter):
        counts.add("empty folders", folder.path or ".")


def unusable(missing: Sequence[tuple[str, str]]) -> str:
    """(path, reason) of files that cannot be used, in a few words for the end of a sentence."""
    if not missing:
        return ""
    (path, reason), count = missing[0], len(missing)
    others = "; so are the others" if len({why for _, why in missing}) == 1 < count else ""
    return f" without its {plural(count, 'unusable file')} (the first is {path}: {reason}{others})"


class _Counts:
    def __init__(self) -> None:
        self._kinds: dict[str, tuple[int, list[str]]] = {}

    def add(self, kind: str, path: str, number: int = 1) -> None:
        count, examples = self._kinds.get(kind, (0, []))
        if len(examples) < EXAMPLES:
            examples.append(path)
        self._kinds[kind] = count + number, examples

    def passed_over(self) -> tuple[PassedOver, ...]:
        return tuple(PassedOver(kind, count, tuple(paths)) for kind, (count, paths) in self._kinds.items())


def _every(folder: Folder) -> Iterator[Folder]:
    yield folder
    for inner in folder.folders:
        yield from _every(inner)


def _kind(name: str) -> str:
    ending = name.rpartition(".")[2].lower() if "." in name[1:] else ""
    return f".{ending} files" if ending else "files without an ending"

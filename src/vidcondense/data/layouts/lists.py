"""Videos anywhere, and lists that say the class of each: Hugging Face's VideoFolder, lists of common tools.

A list is a table (CSV, TSV, JSON Lines or a JSON list of objects) with a column for the file and one for the
label, such as VideoFolder's metadata.csv (file_name,label) or the CSV of Wang et al. (folder_name,label,
split); or plain lines "<path> <label>", "<path> <frames> <label>", "<path>,<label>", "<id>;<label>", as
mmaction2, TSN, SlowFast, Jester and Something-Something V1 have them. The split is in the table, or in the
list's name or folder. Labels that are numbers get their names from a list of classes, where there is one.
"""

from collections.abc import Sequence
from dataclasses import replace

from vidcondense.base.errors import VidcondenseError
from vidcondense.data.layouts.annotations import Row, Videos, list_rows
from vidcondense.data.layouts.folders import classes_in, matches_splits
from vidcondense.data.layouts.labels import named
from vidcondense.data.layouts.listing import TEST, VAL, Listing, with_roles
from vidcondense.data.layouts.tables import Entry, Table, tables_in
from vidcondense.data.layouts.tree import Folder


def matches(source: Folder) -> bool:
    """There are lists that name videos of the source, and folders do not say as much as they do."""
    tables = _usable(source)
    if any(table.is_metadata for table in tables):
        return True
    if not tables or matches_splits(source):
        return False
    return any(_has_roles(table) for table in tables) or len(classes_in(source)) < 2


def find(source: Folder, test_fraction: float) -> Listing:
    """List the videos that the lists name; without a split a share is held out for testing.

    Raises:
        VidcondenseError: no such list, two for the same split, or a line or a label that cannot be read.
    """
    videos = Videos(source)
    tables = _usable(source, videos)
    if not tables:
        raise VidcondenseError(
            f"{source.disk} has no list that names its videos (metadata.csv with file_name,label; "
            "train.txt with '<path> <label>') in it or below it"
        )
    if any(_has_roles(table) for table in tables):
        tables = [table for table in tables if _has_roles(table)]
    _refuse_rivals(source, tables)
    entries = [(table, entry) for table in tables for entry in table.read(videos)]
    unlabelled = [(table, entry) for table, entry in entries if not entry.label]
    labelled = [(table, entry) for table, entry in entries if entry.label]
    names, notes, used = named(source, [entry.label for _, entry in labelled])
    rows = [
        Row(
            entry.path,
            name,
            entry.role or table.role,
            table.name,
            table.split,
            folder=table.folder.path,
        )
        for (table, entry), name in zip(labelled, names, strict=True)
    ]
    paths = [table.folder.inside(table.name) for table in tables]
    listing = list_rows(source, rows, [*paths, *used], videos=videos)
    listing = replace(listing, notes=(*listing.notes, *notes, *_unlabelled(unlabelled)))
    return _with_test(listing, test_fraction, ", ".join(paths[:3]))


def _usable(source: Folder, videos: Videos | None = None) -> list[Table]:
    """The lists that name at least one video that is there."""
    tables = tables_in(source)
    if not tables:
        return []
    videos = videos or Videos(source)
    return [table for table in tables if table.names_any(videos)]


def _has_roles(table: Table) -> bool:
    return bool(table.role) or table.has_split


def _refuse_rivals(source: Folder, tables: Sequence[Table]) -> None:
    """Two lists for one split and one role are two datasets, or two versions of one."""
    first: dict[tuple[str, str], Table] = {}
    for table in tables:
        other = first.setdefault((table.split, table.role), table)
        if other is not table:
            one, two = (each.folder.inside(each.name) for each in (other, table))
            raise VidcondenseError(
                f"{source.disk}: {one} and {two} are both lists for {table.role or 'the whole'} of split "
                f"'{table.split}'; --only {one} takes one"
            )


def _unlabelled(entries: list[tuple[Table, Entry]]) -> tuple[str, ...]:
    if not entries:
        return ()
    table, entry = entries[0]
    return (
        f"{len(entries)} rows of {table.name} have no label and were passed over: {entry.path} is the first",
    )


def _with_test(listing: Listing, test_fraction: float, where: str) -> Listing:
    if len(listing.split_names) < 2:
        split = with_roles(listing.videos, test_fraction, where)
        return replace(
            listing,
            split_names=split.split_names,
            videos=split.videos,
            test_from=split.test_from,
            is_made=split.is_made,
        )
    tested = [
        any(video.roles[column] == TEST for video in listing.videos)
        for column in range(len(listing.split_names))
    ]
    videos = [
        replace(
            video,
            roles=tuple(
                TEST if role == VAL and not has_test else role
                for role, has_test in zip(video.roles, tested, strict=True)
            ),
        )
        for video in listing.videos
    ]
    return replace(listing, videos=videos, test_from=where)

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
from vidcondense.data.layouts.listing import TEST, UNUSED, VAL, Listing, with_test
from vidcondense.data.layouts.tables import Entry, Table, tables_in
from vidcondense.data.layouts.tree import Folder
from vidcondense.data.layouts.words import role_of


def matches(source: Folder) -> bool:
    """There are lists that name videos of the source, and folders do not say as much as they do."""
    tables = tables_in(source)
    if not tables:
        return False
    videos = Videos(source)
    tables = [table for table in tables if table.names_any(videos)]
    if any(table.is_metadata for table in tables):
        return True
    if not tables or matches_splits(source):
        return False
    labelled = [table for table in tables if table.has_labels(videos)]
    if len(classes_in(source)) < 2:
        return bool(labelled)
    roles = {table.role for table in tables}
    return any(map(_has_roles, labelled)) or any(table.has_split for table in tables) or len(roles - {""}) > 1


def find(source: Folder, test_fraction: float) -> Listing:
    """List the videos that the lists name; without a split a share is held out for testing.

    Raises:
        VidcondenseError: no such list, two for the same split, or a line or a label that cannot be read.
    """
    videos = Videos(source)
    tables = [table for table in tables_in(source) if table.names_any(videos)]
    if not tables:
        raise VidcondenseError(
            f"{source.disk} has no list that names its videos (metadata.csv with file_name,label; "
            "train.txt with '<path> <label>') in it or below it"
        )
    if any(_has_roles(table) for table in tables):
        tables = [table for table in tables if _has_roles(table)]
    _refuse_rivals(source, tables)
    paths = [table.folder.inside(table.name) for table in tables]
    entries = [(table, entry) for table in tables for entry in table.read(videos)]
    entries, notes = _with_folders(source, videos, tables, entries)
    labelled = [(table, entry) for table, entry in entries if entry.label]
    names, more, used = named(source, [entry.label for _, entry in labelled], paths)
    rows = [
        Row(entry.path, name, entry.role or table.role, table.name, table.split, folder=table.folder.path)
        for (table, entry), name in zip(labelled, names, strict=True)
    ]
    rows, missing_roles = _with_all_roles(videos, rows)
    listing = list_rows(source, rows, [*paths, *used], videos=videos)
    folds = [
        f"column '{table.fold_column}' of {table.name} says no training and test part, and is not read"
        for table in tables
        if table.fold_column and not _has_roles(table)
    ]
    listing = replace(listing, notes=(*listing.notes, *more, *notes, *missing_roles, *folds))
    return with_test(listing, test_fraction, _origins(rows))


def _with_folders(
    source: Folder, videos: Videos, tables: Sequence[Table], entries: list[tuple[Table, Entry]]
) -> tuple[list[tuple[Table, Entry]], tuple[str, ...]]:
    """The entries, with class folders for labels where some list says splits alone; and a note."""
    class_of = {video.path: one.name for one in classes_in(source) for video in one.videos}
    if len(set(class_of.values())) < 2 or all(table.has_labels(videos) for table in tables):
        return entries, _unlabelled([(table, entry) for table, entry in entries if not entry.label])
    by_folder = []
    for table, entry in entries:
        row = Row(entry.path, "", entry.role or table.role, table.name, folder=table.folder.path)
        found = videos.find(row)
        label = class_of.get(found[0].path, "") if found else (entry.path.split("/")[-2:-1] or [""])[0]
        by_folder.append((table, replace(entry, label=label)))
    unlabelled = [(table, entry) for table, entry in by_folder if not entry.label]
    return by_folder, (
        "classes are those of the folders, splits those of the lists",
        *_unlabelled(unlabelled),
    )


def _with_all_roles(videos: Videos, rows: list[Row]) -> tuple[list[Row], tuple[str, ...]]:
    """The rows with the role that their videos' folders say where nothing else does, and a note."""
    silent = [row for row in rows if not row.role]
    if not silent:
        return rows, ()
    if len(silent) < len(rows):
        first = silent[0]
        note = f"{len(silent)} rows of {first.source} say no split and are unused: {first.path} is the first"
        return [replace(row, role=row.role or UNUSED) for row in rows], (note,)
    by_folder = [replace(row, role=_role_of_folder(videos, row)) for row in rows]
    return (by_folder, ()) if all(row.role for row in by_folder) else (rows, ())


def _role_of_folder(videos: Videos, row: Row) -> str:
    found = videos.find(row)
    path = found[0].path if found else row.path
    return next(filter(None, map(role_of, reversed(path.split("/")[:-1]))), "")


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


def _origins(rows: Sequence[Row]) -> dict[str, str]:
    """The lists that say "test", and "val", of a row."""
    lists = {
        role: dict.fromkeys(f"{row.folder}/{row.source}".lstrip("/") for row in rows if row.role == role)
        for role in (TEST, VAL)
    }
    return {role: f"{', '.join([*names][:3])} ({role})" for role, names in lists.items()}

"""The command `merge`: condensed files made of others."""

import filecmp
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

from tyro.conf import UseAppendAction, arg

from vidcondense.base import files
from vidcondense.base.errors import VidcondenseError, printable
from vidcondense.base.names import alike, listed, without
from vidcondense.base.repeats import say_next
from vidcondense.base.units import plural
from vidcondense.cli.arguments import Sets, condensed_file

if TYPE_CHECKING:
    from vidcondense.condensed import CondensedVideos

# Commands import what they need when they run: help and errors appear without waiting for PyTorch.


def merge(
    sets: Sets = (),
    *,
    out: Annotated[Path, arg(metavar="FILE")],
    class_names: Annotated[
        UseAppendAction[tuple[str, ...]],
        arg(name="class", metavar="NAME", help_behavior_hint="(default: all)"),
    ] = (),
    classes_of: Annotated[Path | None, arg(metavar="STORE", help_behavior_hint="")] = None,
    force: bool = False,
) -> None:
    """Make one condensed file of several, or of some classes of one, or with its classes in another order.

    Args:
        sets: Condensed files or run folders, of the same frames, size and representation.
        out: File for the result.
        class_names: Take this class; give it once per class, in the order of their labels.
        classes_of: Take the classes of this store, in its order and spelling.
        force: Replace FILE if it is a condensed file.
    """
    from vidcondense.condensed import CondensedVideos
    from vidcondense.condensed import merge as merged

    if not sets or (len(sets) == 1 and not class_names and classes_of is None):
        raise VidcondenseError("merge needs two condensed files or more, or --class or --classes-of with one")
    if class_names and classes_of is not None:
        raise VidcondenseError("--class and --classes-of both choose classes; give one of them")
    from vidcondense.condensed.header import begins

    files.refuse_other(out, begins, "a condensed file")
    loaded = [CondensedVideos.load(condensed_file(path)) for path in sets]
    notes: list[str] = []
    if classes_of is not None:
        loaded, class_names = _spelled(loaded, classes_of, notes)
    made = merged(loaded, class_names or None, called=[str(path) for path in sets])
    if out.is_file() and not force:
        if not _is_in(out, made):
            raise VidcondenseError(f"{out} holds another set; replace it with --force, or name another --out")
        print(printable(f"{out} is there already, made of the same sets: nothing to do"))
        say_next("show", out)
        return
    files.make_folder(out.parent)
    size = made.save(out)
    content = f"{plural(made.videos, 'video')} of {plural(len(made.class_names), 'class', 'classes')}"
    print(printable(f"{out}: {content}, {made.holds}, {size:,} bytes"))
    for note in (*notes, *_notes(loaded, made)):
        print(printable(note))
    say_next(*(("evaluate", out, classes_of) if classes_of else ("show", out)))


def _is_in(path: Path, made: "CondensedVideos") -> bool:
    """Whether a file holds this set, byte for byte."""
    with TemporaryDirectory() as folder:
        made.save(Path(folder) / "made")
        return filecmp.cmp(path, Path(folder) / "made", shallow=False)


def _spelled(
    sets: list["CondensedVideos"], store: Path, notes: list[str]
) -> tuple[list["CondensedVideos"], tuple[str, ...]]:
    """Sets whose classes are spelled as in a store, and its classes; `notes` says which are renamed."""
    from vidcondense.data.index import read_index

    names = read_index(store).class_names
    spellings = [alike(one.class_names, names) for one in sets]
    renamed = [one.renamed(new) if new else one for one, new in zip(sets, spellings, strict=True)]
    if old := [name for spelling in spellings for name in spelling]:
        notes.append(f"spelled as in {store}: {listed(list(dict.fromkeys(old)))}")
    if absent := without(names, {name for one in renamed for name in one.class_names}):
        raise VidcondenseError(
            f"{store} has classes that {'the set has' if len(sets) == 1 else 'the sets have'} not: "
            f"{listed(absent)}; merge a set that has them too, or prepare a store without them (--class)"
        )
    return renamed, names


def _notes(sets: Sequence["CondensedVideos"], made: "CondensedVideos") -> list[str]:
    """What of the sets is not as it was in the one made of them."""
    notes = []
    union = dict.fromkeys(name for one in sets for name in one.class_names)
    if out := without(list(union), set(made.class_names)):
        notes.append(f"left out: {plural(len(out), 'class', 'classes')}, {listed(out)}")
    rates = dict.fromkeys("none" if one.learning_rate is None else f"{one.learning_rate:.4g}" for one in sets)
    if len(rates) > 1:
        notes.append(f"learned step sizes differ ({', '.join(rates)}): none is kept")
    if len({one.storage for one in sets}) > 1:
        notes.append(f"frames are stored as {made.storage}, the widest of the sets")
    return notes

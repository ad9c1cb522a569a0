"""Which trackers a user has chosen, by name."""

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec

from vidcondense.base import members
from vidcondense.base.errors import VidcondenseError
from vidcondense.tracking.base import Track, Tracker

KNOWN = ("tensorboard", "trackio", "wandb")
"""A module beside this one for each, with a class `Shown`."""


def chosen(track: Track) -> tuple[Tracker, ...]:
    """The trackers that names stand for; nothing of theirs is loaded yet but a file of the user's.

    Args:
        track: "tensorboard", "trackio", "wandb", FILE.py:CLASS or a `Tracker`; or several.

    Raises:
        VidcondenseError: no such tracker, its library is not installed, or a name is given twice.
    """
    return tuple(_tracker(one) if isinstance(one, str) else one for one in several(track))


def several(track: Track) -> tuple[str | Tracker, ...]:
    """The same as a tuple, in which nothing is loaded yet.

    Raises:
        VidcondenseError: something else than names and trackers, or a name is given twice.
    """
    found = tuple(track) if isinstance(track, Sequence) and not isinstance(track, str) else (track,)
    for one in found:
        if not isinstance(one, str | Tracker):
            raise VidcondenseError(
                f"--track takes names and objects of a class derived from Tracker, not {one!r}"
            )
        if isinstance(one, str) and found.count(one) > 1:
            raise VidcondenseError(f"--track {one} is given twice")
    return found


def _tracker(name: str) -> Tracker:
    if members.is_extension(name):
        return members.load_class(name, Tracker)()
    if name not in KNOWN:
        raise VidcondenseError(f"--track must be one of {', '.join(KNOWN)} or FILE.py:CLASS, not {name!r}")
    kind: type[Tracker] = import_module(f"vidcondense.tracking.{name}").Shown
    if find_spec(kind.needs) is None:
        raise VidcondenseError(
            f"--track {name} needs the library {kind.needs}: pip install 'vidcondense[{kind.needs}]'"
        )
    return kind()

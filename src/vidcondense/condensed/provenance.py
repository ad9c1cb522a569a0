"""How a condensed set came about, also one that was cut from another, or merged from several."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.typed import Count, typed
from vidcondense.base.versions import versions

if TYPE_CHECKING:
    from vidcondense.condensed.base import CondensedVideos


class _Origin(TypedDict):
    class_names: list[str]
    videos: Count
    provenance: dict[str, Any]


SELECTED, MERGED = "selected_from", "merged_from"
"""The field of a set that holds some classes of one other, and of one that was merged: a list."""


def derived(sets: Sequence["CondensedVideos"]) -> dict[str, Any]:
    """The provenance of a set that is made of the videos of others.

    It names the sets that were condensed, also where these were cut or merged before: however often that
    happens, it does not nest.
    """
    found = [origin for one in sets for origin in origins(one.provenance) or [_origin(one)]]
    return {**({SELECTED: found[0]} if len(found) == 1 else {MERGED: found}), "versions": versions()}


def _origin(condensed: "CondensedVideos") -> dict[str, Any]:
    rate = condensed.learning_rate
    return {
        "class_names": list(condensed.class_names),
        "videos": condensed.videos,
        **({} if rate is None else {"learning_rate": rate}),
        "provenance": dict(condensed.provenance),
    }


def origins(provenance: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The sets that a cut or merged one is made of: `class_names`, `videos` and `provenance` of each.

    Empty for a set that was condensed, and where a file says something else.
    """
    found = provenance.get(MERGED, [provenance[SELECTED]] if SELECTED in provenance else [])
    try:
        return [{**one, **typed(one, _Origin)} for one in typed(found, list[dict[str, Any]])]
    except VidcondenseError:
        return []


def condensings(provenance: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The provenance of each condensing that a set came from: one, or as many as were merged."""
    return [origin["provenance"] for origin in origins(provenance)] or [provenance]


def recipes(provenance: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The recipe of each condensing; empty where it is not recorded, its `name` alone where only that is."""
    found = [one.get("recipe") for one in condensings(provenance)]
    return [one if isinstance(one, Mapping) else {"name": one} if one else {} for one in found]


def seeds(provenance: Mapping[str, Any]) -> list[Any]:
    """The seed of each condensing that records one."""
    pairs = zip(recipes(provenance), condensings(provenance), strict=True)
    return [recipe.get("seed", one.get("seed")) for recipe, one in pairs]


def shared_recipe(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """That on which the recipes of all condensings agree; `name` names every one."""
    found = recipes(provenance)
    shared = {
        key: value for key, value in found[0].items() if all(other.get(key) == value for other in found)
    }
    names = distinct(one.get("name") for one in found)
    return shared | ({"name": " + ".join(names)} if names else {})


def split(provenance: Mapping[str, Any]) -> str:
    """The split of a store that a set was condensed from, "1" where none is recorded.

    Raises:
        VidcondenseError: it was merged from sets of several splits.
    """
    sources = [one.get("source") for one in condensings(provenance)]
    found = distinct(source.get("split") for source in sources if isinstance(source, dict))
    if len(found) > 1:
        raise VidcondenseError(
            f"the set was merged from sets of the splits {', '.join(found)}, and training videos of one may "
            "be test videos of another; name the split to test on with --split"
        )
    return found[0] if found else "1"


def distinct(values: Iterable[Any]) -> list[str]:
    """Values as texts, each once, in order; None is left out."""
    return list(dict.fromkeys(str(value) for value in values if value is not None))

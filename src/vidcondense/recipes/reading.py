"""Recipes from plain values: no key may stand there that the chosen kinds do not read."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.settings import Settings, convert, hints
from vidcondense.base.tables import flat, nested
from vidcondense.evaluation.teachers import TeacherSettings
from vidcondense.experts.settings import ExpertSettings
from vidcondense.recipes.recipe import FAMILIES, TABLES, USUAL, Recipe
from vidcondense.synthetic import SyntheticSettings

BESIDE: Mapping[str, type[Settings]] = {"experts": ExpertSettings, "teachers": TeacherSettings}
"""Tables of every recipe that name no member of a family."""
MOVED = {
    "static_iterations": "synthetic.static_iterations",
    "optimiser.static_learning_rate": "synthetic.static_learning_rate",
    "optimiser.hallucinator_learning_rate": "synthetic.hallucinator_learning_rate",
    "optimiser.step_size_learning_rate": "objective.step_size_learning_rate",
    "optimiser.targets_learning_rate": "objective.targets_learning_rate",
}
"""Keys that lay elsewhere in runs of format 1, and where they are now."""


def from_dict(values: Mapping[str, Any]) -> Recipe:
    """A recipe from nested plain values.

    Raises:
        VidcondenseError: a value of the wrong type or range, or a key that the chosen kinds do not read: the
            message names the kind that it belongs to, and the nearest key that is read.
    """
    recipe = _build(values)
    for key in flat(values):
        reason = recipe.unread(key)
        if reason:
            raise VidcondenseError(f"recipe key {key!r} would be read by nothing: {reason}; leave it out")
    return recipe


def from_earlier(values: Mapping[str, Any]) -> Recipe:
    """A recipe from run.json of format 1, which held the keys of all kinds, whatever was chosen.

    Raises:
        VidcondenseError: a value of the wrong type or range.
    """
    known = {MOVED.get(key, key): value for key, value in flat(values).items()}
    options = {key: known.pop(key) for key in list(known) if key.partition(".")[0] == "options"}
    kinds = _kinds(nested(known))
    for key, value in options.items():  # of members from files, whose settings have them now
        name = key.partition(".")[2]
        known |= {f"{table}.{name}": value for table, kind in kinds.items() if name in hints(kind)}
    return _build(readable(nested(known)))


def readable(values: Mapping[str, Any]) -> dict[str, Any]:
    """The nested values without keys of tables that the chosen kinds do not read.

    Raises:
        VidcondenseError: a value of the wrong type or range.
    """
    known = {f"{table}.{name}" for table, kind in _kinds(values).items() for name in hints(kind)}
    known |= {key for key in flat(values) if "." not in key}
    kept = {key: value for key, value in flat(values).items() if key in known}
    recipe = _build(nested(kept))
    return nested({key: value for key, value in kept.items() if not recipe.unread(key)})


def keys() -> list[str]:
    """Every dotted key that a recipe of some kinds reads."""
    names = {f"{table}.{name}": None for table, kind in BESIDE.items() for name in hints(kind)}
    for table, family in FAMILIES.items():
        for kind in family.members():
            names |= {f"{table}.{name}": None for name in hints(family.settings(kind))}
    return [name for name in hints(Recipe) if name not in TABLES] + list(names)


def nearest(key: str, known: Sequence[str]) -> str:
    """The end of a message about an unknown key: the key that is meant most likely, or all of them."""
    last = {one.rpartition(".")[2]: one for one in known}
    name = key.rpartition(".")[2]
    close = [last[match] for match in difflib.get_close_matches(key, last, n=1)]  # its table left out
    close = close or difflib.get_close_matches(key, known, n=1, cutoff=0.4)
    close = close or [last[match] for match in difflib.get_close_matches(name, last, n=1, cutoff=0.4)]
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(known)}"


def _build(values: Mapping[str, Any]) -> Recipe:
    """A recipe whose keys its kinds have; some may still be read by nothing."""
    if not isinstance(values, Mapping):
        raise VidcondenseError(f"a recipe is a table of settings, not {values!r}")
    for table in TABLES:
        if not isinstance(values.get(table, {}), Mapping):
            raise VidcondenseError(f"recipe key {table!r} is a table of settings, not {values[table]!r}")
    kinds = _kinds(values)
    known = [name for name in hints(Recipe) if name not in TABLES]
    known += [f"{table}.{name}" for table, kind in kinds.items() for name in hints(kind)]
    given = {key: value for key, value in flat(values).items() if key not in TABLES}  # empty ones
    for key in given:
        if key not in known and key != "coreset.kind":
            raise VidcondenseError(_unknown(key, kinds, known))
    own = {key: value for key, value in given.items() if "." not in key}
    parts: dict[str, Any] = {
        table: kind(**{name: given[f"{table}.{name}"] for name in hints(kind) if f"{table}.{name}" in given})
        for table, kind in kinds.items()
    }
    return Recipe(**own, **parts)


def _kinds(values: Mapping[str, Any]) -> dict[str, type[Settings]]:
    """The settings of every part that a recipe has, by the name of its table."""
    kinds: dict[str, type[Settings]] = {**BESIDE}
    for table, family in FAMILIES.items():
        given = values.get(table, {}).get("kind")
        if given is not None:
            kind = convert(given, str, f"{table}.kind")
        elif table == "insertion":
            kind = _usual_insertion(kinds["synthetic"], values)
        else:
            kind = USUAL.get(table, "none")
        if (table, kind) != ("coreset", "none"):
            kinds[table] = family.settings(kind)
    return kinds


def _usual_insertion(synthetic: type[Settings], values: Mapping[str, Any]) -> str:
    """The kind of insertion of a recipe that names none: that of PRISM where frames can be inserted."""
    known = {key: value for key, value in values.get("synthetic", {}).items() if key in hints(synthetic)}
    settings = synthetic(**known)
    assert isinstance(settings, SyntheticSettings)
    refused = "coreset" in values or settings.refuses_insertion()
    return "none" if refused else "gradient"


def _unknown(key: str, kinds: Mapping[str, type[Settings]], known: Sequence[str]) -> str:
    """What to say of a key that no chosen kind has."""
    table, _, name = key.partition(".")
    if key in MOVED:
        return f"recipe key {key!r} is called {MOVED[key]!r} now"
    family = FAMILIES.get(table)
    owners = [
        kind
        for kind in (family.members() if family else ())
        if family and name in hints(family.settings(kind))
    ]
    if not owners:
        return f"unknown recipe key {key!r}{nearest(key, known)}"
    chosen = getattr(kinds.get(table), "kind", "none")
    beside = [one for one in known if one.startswith(f"{table}.")]
    return (
        f"recipe key {key!r} belongs to {table}.kind = {' or '.join(map(repr, owners))}, and with {chosen!r} "
        f"nothing would read it{nearest(key, beside or known)}"
    )

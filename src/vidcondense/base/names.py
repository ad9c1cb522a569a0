"""Names of classes side by side: which differ, and which are alike but for case or Unicode form."""

import difflib
import unicodedata
from collections.abc import Collection, Mapping, Sequence, Set

from vidcondense.base.units import plural

MOST_NAMED = 3
"""Names that a message lists; it counts the others."""


def folded(name: str) -> str:
    """What names have in common that differ in case or Unicode form (NFC, NFD) alone."""
    return composed(composed(name).casefold())


def composed(name: str) -> str:
    """A name in Unicode's composed form (NFC): macOS writes é as two characters, others as one."""
    return unicodedata.normalize("NFC", name)


def nearest(name: str, names: Collection[str]) -> str:
    """The one of `names`, of which there is one at least, that was most likely meant."""
    alike = [other for other in names if folded(other) == folded(name)]
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
    return (alike or close or list(names))[0]


def three_nearest(name: str, names: Collection[str]) -> str:
    """The three of `names` that are most like what was given, as a question."""
    found = difflib.get_close_matches(name, names, n=3, cutoff=0) or list(names)[:3]
    quoted = [repr(one) for one in found]
    return (
        f"did you mean {', '.join(quoted[:-1])} or {quoted[-1]}?"
        if quoted[1:]
        else f"did you mean {quoted[0]}?"
    )


def alike(ours: Collection[str], theirs: Collection[str]) -> dict[str, str]:
    """Names of `ours` that one of `theirs` differs from in case or Unicode form alone, and that one.

    Names on both sides are left out, and so are those with several to choose from.
    """
    found: dict[str, str] = {}
    groups = _by_folded(theirs)
    for key, mine in _by_folded(ours).items():
        others = groups.get(key, [])
        if len(mine) == len(others) == 1 and mine != others:
            found[mine[0]] = others[0]
    return found


def how_alike(pairs: Mapping[str, str]) -> str:
    """In what the names of such pairs differ, in words, the first of each kind."""
    forms = {one: other for one, other in pairs.items() if composed(one) == composed(other)}
    cases = {one: other for one, other in pairs.items() if one not in forms}
    # Names in two forms look the same.
    parts = [
        f"{_first([f'{show(one)} and {show(other)}' for one, other in some.items()])} differ in {what} alone"
        for some, what, show in ((cases, "case", repr), (forms, "Unicode form", ascii))
        if some
    ]
    return "; ".join(parts)


def listed(names: Sequence[str]) -> str:
    """The first names, quoted, and how many more there are."""
    return _first([repr(name) for name in names])


def _first(words: Sequence[str]) -> str:
    more = len(words) - MOST_NAMED
    return ", ".join(words[:MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def difference(ours: Sequence[str], theirs: Sequence[str], us: str, them: str) -> str:
    """How two lists of classes differ, in words; empty where they do not.

    Args:
        ours: names of classes, no two the same, and
        theirs: those they are compared with.
        us: what has the first ones, such as "the condensed set", and
        them: what has the others.
    """
    if list(ours) == list(theirs):
        return ""
    if sorted(ours) == sorted(theirs):
        place = next(index for index, name in enumerate(ours) if name != theirs[index])
        return (
            f"{us} and {them} have the same {plural(len(ours), 'class', 'classes')} in another order: class "
            f"{place} is {ours[place]!r} in {us}, {theirs[place]!r} in {them}"
        )
    pairs = alike(ours, theirs)
    extra, lacking = without(ours, {*theirs, *pairs}), without(theirs, {*ours, *pairs.values()})
    parts = [f"only {who} has {listed(names)}" for who, names in ((us, extra), (them, lacking)) if names]
    parts += [how_alike(pairs)] if pairs else []
    return f"the classes of {us} ({len(ours):,}) and {them} ({len(theirs):,}) differ: {'; '.join(parts)}"


def without(names: Sequence[str], others: Set[str]) -> list[str]:
    """Those of `names` that are not among `others`, in their order."""
    return [name for name in names if name not in others]


def _by_folded(names: Collection[str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(folded(name), []).append(name)
    return groups

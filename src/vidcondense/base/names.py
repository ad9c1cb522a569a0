"""Names of classes side by side: which differ, and which are alike but for case or Unicode form."""

import difflib
import unicodedata
from collections.abc import Collection, Sequence, Set

from vidcondense.base.units import plural

MOST_NAMED = 3
"""Names that a message lists; it counts the others."""


def folded(name: str) -> str:
    """What names have in common that differ in case or Unicode form (NFC, NFD) alone."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def nearest(name: str, names: Collection[str]) -> str:
    """The one of `names`, of which there is one at least, that was most likely meant."""
    alike = [other for other in names if folded(other) == folded(name)]
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
    return (alike or close or list(names))[0]


def alike(ours: Collection[str], theirs: Collection[str]) -> dict[str, str]:
    """Names of `ours` that one of `theirs` differs from in case or Unicode form alone, and that one.

    Names on both sides are left out, and so are those with several to choose from.
    """
    found: dict[str, str] = {}
    for key, mine in _by_folded(ours).items():
        others = _by_folded(theirs).get(key, [])
        if len(mine) == len(others) == 1 and mine != others:
            found[mine[0]] = others[0]
    return found


def how_alike(pair: tuple[str, str]) -> str:
    """In what two such names differ, in words."""
    if len({unicodedata.normalize("NFC", name) for name in pair}) == 1:
        return f"differ in Unicode form alone: {pair[0]!a} and {pair[1]!a}"  # they look the same
    return f"differ in case alone: {pair[0]!r} and {pair[1]!r}"


def listed(names: Sequence[str]) -> str:
    """The first names, quoted, and how many more there are."""
    more = len(names) - MOST_NAMED
    return ", ".join(map(repr, names[:MOST_NAMED])) + (f" and {more:,} more" if more > 0 else "")


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
    parts = [f"only in {where}: {listed(names)}" for where, names in ((us, extra), (them, lacking)) if names]
    shown = list(pairs.items())[:MOST_NAMED]
    more = f" (and {len(pairs) - MOST_NAMED:,} more such pairs)" if len(pairs) > MOST_NAMED else ""
    parts += ["; ".join(map(how_alike, shown)) + more] if pairs else []
    return f"the classes of {us} ({len(ours):,}) and {them} ({len(theirs):,}) differ; " + "; ".join(parts)


def without(names: Sequence[str], others: Set[str]) -> list[str]:
    """Those of `names` that are not among `others`, in their order."""
    return [name for name in names if name not in others]


def _by_folded(names: Collection[str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(folded(name), []).append(name)
    return groups

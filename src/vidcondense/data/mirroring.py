"""Whether a mirrored clip still shows its class: not where the name of a class tells a direction."""

import re
from collections.abc import Sequence
from typing import Literal

Mirror = Literal["auto", "yes", "no"]
"""Whether clips may be mirrored: as the names of the classes say, always, or never."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_DIRECTIONS = {
    *("left", "right", "leftward", "leftwards", "rightward", "rightwards"),
    *("clockwise", "counterclockwise", "anticlockwise", "cw", "ccw"),
}


def directed(class_names: Sequence[str]) -> list[str]:
    """The classes whose name tells a direction that mirroring turns: "TurnLeft", "counter-clockwise"."""
    return [name for name in class_names if _DIRECTIONS & {word.lower() for word in _WORD.findall(name)}]


def keeps_class(mirror: Mirror, class_names: Sequence[str]) -> bool:
    """Whether mirroring a clip of these classes keeps its class.

    Args:
        mirror: what `prepare` was told.
        class_names: as the store has them.
    """
    return mirror == "yes" or (mirror == "auto" and not directed(class_names))

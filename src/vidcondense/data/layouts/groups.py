"""Related clips by their names: cut from one film, or of one person in one place.

A network that was trained on one of them knows the other, so that a made split keeps them together, and
related clips on both sides of a given split are warned of.
"""

import re

from vidcondense.data.pictures import stem_of

_NAMES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?P<group>v_.+_g?\d+)_c?\d+",  # UCF101, UCF50, UCF11: groups of one place and person
        r"(?P<group>[\w-]{11})_\d+(\.\d+)?(_\d+(\.\d+)?)?",  # Kinetics, Diving48: one film on YouTube
        r"S\d+C\d+(?P<group>P\d+)R\d+A\d+.*",  # NTU RGB+D: one person
        r"(?P<group>.+)_[a-z_]+_[a-z]_[a-z]{2}_np\d_[a-z]{2}_[a-z]{3}_\d+",  # HMDB51: parts of one film
        r"(?P<group>(person|subject|actor)[ _-]?\d+)\b.*",  # KTH and others: one person
        r"(?P<group>(person|subject|actor)[ _-]?\d+)_.*",
        r"(?P<group>.*[^\W_].*?)[ _.-]*(clip|part|segment|seg|scene|chunk|shot)[ _.-]*\d+",
    )
)


def group_of(path: str) -> str | None:
    """What clips of one source have in common, by their names; None where a name does not tell.

    Args:
        path: of a video, relative to the source.
    """
    stem = stem_of(path)
    for pattern in _NAMES:
        if match := pattern.fullmatch(stem):
            return match["group"].lower()
    return None

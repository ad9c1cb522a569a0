"""The JSON header of a condensed file (docs/format.md); nothing here imports PyTorch."""

from collections.abc import Mapping
from typing import Any, Literal, NotRequired, TypedDict

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.typed import Whole, typed
from vidcondense.base.versions import refuse_newer

Storage = Literal["float32", "float16", "uint8", "av1"]
"""How a file holds frames."""

RESULT = "condensed.safetensors"
"""What the result of a run is called in its folder."""
BEST, QUALITY, WORST = 1.0, 40.0, 70.0
"""Of coded video: most bytes, what is taken where nothing else is said, and fewest bytes."""
QUALITY_STEP = 0.25
TILES = 16
"""Videos side by side in a stream at most."""
SCALE, OFFSET = "_scale", "_offset"
"""What is added to a tensor's name for those that levels uint8 need."""
LENGTHS, FRAMES, RANGES, VIDEOS, PLACES, STEP = (
    "_lengths",
    "_frames",
    "_ranges",
    "_videos",
    "_places",
    "_step",
)
NUMBERS = "numbers"
"""The tensor beside coded video that has all others of whole numbers, packed."""
CODED = (LENGTHS, VIDEOS, RANGES, FRAMES, PLACES)
"""For those that streams need; small frames need FRAMES and STEP."""
FORMAT_VERSION = 4
VERSIONS: Mapping[str, int] = {"float32": 1, "float16": 2, "uint8": 2, "av1": 4}
"""By storage, so that older versions of this program read what they can."""
ADDED_VERSION = 3
"""At least, where there are soft labels, or frames that are shown larger than they are stored."""
PLAIN_VERSION = 1


class _Version(TypedDict):
    format_version: Whole


class Header(TypedDict):
    """The JSON header, without what each kind of content adds."""

    class_names: tuple[str, ...]
    frames: Whole
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    provenance: dict[str, Any]
    representation: NotRequired[str]
    learning_rate: NotRequired[float]
    shown: NotRequired[tuple[Whole, Whole]]
    storage: NotRequired[Storage]
    quality: NotRequired[float]
    shapes: NotRequired[dict[str, tuple[Whole, ...]]]


def begins(data: bytes) -> bool:
    """Whether a file that begins with these bytes is a condensed set."""
    return data[8:].startswith(b'{"__metadata__":{"vidcondense":')


def check_version(header: Mapping[str, Any]) -> None:
    """Refuse a file of another format."""
    version = typed(header, _Version)["format_version"]
    provenance = header.get("provenance")
    versions = provenance.get("versions") if isinstance(provenance, dict) else None
    refuse_newer("it", version, FORMAT_VERSION, versions)
    if version < PLAIN_VERSION:
        raise VidcondenseError(f"there is no format version {version}")

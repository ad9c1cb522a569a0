"""Which files are videos and pictures by their ending, and the pictures of a folder in order of time."""

import os
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

# Files worth opening, by their ending; any other file is taken for a note, not for a video.
# fmt: off
VIDEO_SUFFIXES = frozenset([
    ".3g2", ".3gp", ".amv", ".apng", ".asf", ".avi", ".divx", ".dv", ".f4v", ".flv", ".gif", ".h264",
    ".h265", ".hevc", ".ivf", ".m1v", ".m2ts", ".m2v", ".m4v", ".mjpeg", ".mjpg", ".mkv", ".mov", ".mp4",
    ".mpe", ".mpeg", ".mpg", ".mts", ".mxf", ".nut", ".ogm", ".ogv", ".qt", ".rm", ".rmvb", ".ts", ".vob",
    ".webm", ".wmv", ".y4m",
])
# fmt: on

PICTURE_SUFFIXES = frozenset([".jpg", ".jpeg", ".png"])

COUNTER = "[0-9]+"
SECONDS = r"(?<!\d)(?<!\d\.)[0-9]+\.[0-9]+(?!\.?\d)"

# Words of names that say optical flow; tvl is tvl1 without its number.
FLOW = re.compile(r"(opt|optical|[xyiuv])?flow[xyiuv]?|tvl")
PARTNERS = {"x": "y", "y": "x", "u": "v", "v": "u"}


def stem_of(path: str) -> str:
    """A file's or folder's name without a video's ending; any other ending belongs to the name."""
    name = path.rstrip("/").rpartition("/")[2]
    stem, dot, ending = name.rpartition(".")
    return stem if stem and f"{dot}{ending}".lower() in VIDEO_SUFFIXES else name


def pictures_in(folder: Path) -> list[Path]:
    """The pictures directly in a folder, hidden ones and folders left out, in natural order.

    Numbers in names are compared as numbers: frame9 comes before frame10, with or without zeros in front, and
    0.5 before 0.75 where these are seconds. The order in which the file system lists them never matters.
    Pictures of optical flow beside the frames of one video are left out.
    """
    names = [picture.name for picture in _pictures(folder)]
    return [folder / name for name in frames_among(names)]


def frames_among(names: Sequence[str]) -> list[str]:
    """The names of pictures that are a video's frames, in order; those of its optical flow are left out."""
    number = _number(names)
    kinds: dict[str, list[str]] = {}
    for name in names:
        kinds.setdefault(_shape(name, number), []).append(name)
    plain = [pictures for shape, pictures in kinds.items() if not _says_flow(shape, kinds)]
    frames = plain[0] if len(plain) == 1 else names
    return sorted(frames, key=lambda name: natural_key(name, number))


def holds_pictures(folder: Path) -> bool:
    """Whether at least one picture lies directly in a folder."""
    return next(_pictures(folder), None) is not None


def natural_key(name: str, number: str = COUNTER) -> tuple[list[tuple[str, int, str]], str]:
    """A sort key that compares the numbers in a name as numbers, and equal ones by the whole name.

    Args:
        name: a file's name.
        number: a pattern for what is a number in it, with or without decimals.
    """
    parts = re.split(f"({number})", name.lower())
    numbers = [digits.partition(".") for digits in parts[1::2]]
    values = [*((int(whole), decimals) for whole, _, decimals in numbers), (-1, "")]
    return [(text, *value) for text, value in zip(parts[::2], values, strict=True)], name


def unlike_names(pictures: list[Path]) -> tuple[str, str] | None:
    """Two names that differ in more than numbers (img_1.jpg, dark_1.jpg): these have no order in time."""
    names = [picture.name for picture in pictures]
    number = _number(names)
    shapes = {_shape(name, number): name for name in reversed(names)}
    if len(shapes) < 2:
        return None
    first, second, *_ = sorted(shapes.values())
    return first, second


def _pictures(folder: Path) -> Iterator[Path]:
    """In any order. Pipes and links to nowhere are among them, so that these are listed as broken."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if Path(entry.name).suffix.lower() in PICTURE_SUFFIXES and entry.name[0] != ".":
                with suppress(OSError):  # a link to itself
                    if entry.is_dir():
                        continue
                yield folder / entry.name


def _says_flow(shape: str, shapes: Collection[str]) -> bool:
    """Whether a name is one of optical flow: by a word, or by an x (u) where another has a y (v)."""
    words = re.split("([a-z]+)", shape)
    return any(
        FLOW.fullmatch(word)
        or (word in PARTNERS and "".join([*words[:place], PARTNERS[word], *words[place + 1 :]]) in shapes)
        for place, word in enumerate(words)
    )


def _shape(name: str, number: str) -> str:
    """A name without its numbers."""
    return re.sub(number, "#", name.lower())


def _number(names: Sequence[str]) -> str:
    """What is a number in these names: seconds with decimals (0.5, 0.75, 1), or counters (clip1.9, clip1.10).

    They are seconds where one place has decimals of several widths, none of the longer ones ending in 0.
    """
    places = [re.findall(SECONDS, name) for name in names]
    decimals = ["".join(place).partition(".")[2] for place in places]
    shortest = min(map(len, decimals), default=0)
    longer = [digits for digits in decimals if len(digits) > shortest]
    seconds = all(len(place) < 2 for place in places) and longer and not any(d.endswith("0") for d in longer)
    return f"{SECONDS}|{COUNTER}" if seconds else COUNTER

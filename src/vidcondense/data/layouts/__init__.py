"""The folder layouts that videos come in; a new one is a file here and a row in the table."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vidcondense.data.layouts import folders, hmdb51, split_folders
from vidcondense.data.layouts.listing import Listing


@dataclass(frozen=True)
class Layout:
    """`matches` looks at a root folder and says whether it has this layout; `find` lists its videos."""

    matches: Callable[[Path], bool]
    find: Callable[[Path, float], Listing]


# In the order in which they are tried: the most particular first.
LAYOUTS = {
    "hmdb51": Layout(hmdb51.matches, hmdb51.find),
    "split-folders": Layout(split_folders.matches, split_folders.find),
    "folders": Layout(folders.matches, folders.find),
}

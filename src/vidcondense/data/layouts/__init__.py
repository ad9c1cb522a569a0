"""The folder layouts that videos come in; a new one is a file here and a row in the table."""

from collections.abc import Callable
from dataclasses import dataclass

from vidcondense.data.layouts import (
    folders,
    hmdb51,
    kinetics400,
    lists,
    miniucf,
    something_something_v2,
    ucf101,
    webdataset,
)
from vidcondense.data.layouts.listing import Listing
from vidcondense.data.layouts.tree import Folder


@dataclass(frozen=True)
class Layout:
    """How one kind of dataset lies on disk.

    Attributes:
        matches: looks at a source and says whether it has this layout.
        find: lists its videos, given the share to hold out for testing where the layout has no test videos.
        expected: what it looks for, for a folder in which it finds nothing.
        published: frames, stride and size of the papers' experiments on this dataset, if there are any.
    """

    matches: Callable[[Folder], bool]
    find: Callable[[Folder, float], Listing]
    expected: str
    published: tuple[int, int, int] | None = None


def by_name_only(source: Folder) -> bool:
    """For layouts that are never found by looking, since the folder is that of another."""
    return False


# PRISM and DFS, after Wang et al. (2024). With so wide a stride 8 frames span any video (data/sampling.py).
SIXTEEN_FRAMES = (16, 4, 112)
SPANNING = (8, 1000, 64)

CLIPS = "<youtube_id>_<start>_<end>.mp4 or folders of frames of that name"

# In the order in which they are tried: the most particular first.
LAYOUTS = {
    "ucf101": Layout(ucf101.matches, ucf101.find, "UCF-101/<class>/* or <class>/*", SIXTEEN_FRAMES),
    "miniucf": Layout(by_name_only, miniucf.find, "UCF-101/<class>/* or <class>/*", SIXTEEN_FRAMES),
    "hmdb51": Layout(hmdb51.matches, hmdb51.find, "videos/<class>/* or <class>/*", SIXTEEN_FRAMES),
    "hmdb51-vdsd": Layout(by_name_only, hmdb51.find_vdsd, "videos/<class>/* or <class>/*", SIXTEEN_FRAMES),
    "kinetics400": Layout(kinetics400.matches, kinetics400.find, CLIPS, SPANNING),
    "something-something-v2": Layout(
        something_something_v2.matches,
        something_something_v2.find,
        "<id>.webm or folders of frames of that name",
        SPANNING,
    ),
    "lists": Layout(
        lists.matches, lists.find, "metadata.csv (file_name,label), or train.txt ('<path> <label>')"
    ),
    "frame-folders": Layout(folders.matches_frames, folders.find_frames, "<class>/<video>/*.jpg or *.png"),
    "split-folders": Layout(folders.matches_splits, folders.find_splits, "{train,val,test}/<class>/*"),
    "webdataset": Layout(webdataset.matches, webdataset.find, "<key>.mp4 in *.tar or */*.tar"),
    "folders": Layout(folders.matches, folders.find, "<class>/*"),
}

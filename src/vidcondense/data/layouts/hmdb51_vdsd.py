"""HMDB51 with the official splits and beside each the split of the published code of Wang et al. (2024).

Split "1-vdsd" has the test videos of split "1", and all others for training: also those that the official
list leaves unused. Never found by looking, since the folder is that of HMDB51.
"""

from dataclasses import replace
from pathlib import Path

from vidcondense.data.layouts import hmdb51
from vidcondense.data.layouts.listing import TRAIN, UNUSED, Listing


def matches(root: Path) -> bool:
    """Only by name."""
    return False


def find(root: Path, test_fraction: float) -> Listing:
    """List HMDB51 with twice as many splits."""
    official = hmdb51.find(root, test_fraction)
    videos = [
        replace(video, roles=video.roles + tuple(TRAIN if role == UNUSED else role for role in video.roles))
        for video in official.videos
    ]
    names = official.split_names + tuple(f"{split}-vdsd" for split in official.split_names)
    return Listing(names, videos, official.missing)

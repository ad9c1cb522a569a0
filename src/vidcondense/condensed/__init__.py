"""Condensed sets: the artifact of this package, one kind of content per file, and their file format."""

from vidcondense.condensed.base import CondensedVideos, to_pixels
from vidcondense.condensed.key_frames import KeyFrameVideos
from vidcondense.condensed.merging import merge
from vidcondense.condensed.static_dynamic import StaticDynamicVideos

__all__ = ["CondensedVideos", "KeyFrameVideos", "StaticDynamicVideos", "merge", "to_pixels"]

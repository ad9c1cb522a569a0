"""Representations: what is learned and stored. One per file."""

from vidcondense.base.members import Family
from vidcondense.synthetic.base import Stage, Synthetic, SyntheticSettings
from vidcondense.synthetic.displaced import Displaced
from vidcondense.synthetic.every_frame import EveryFrame
from vidcondense.synthetic.key_frames import KeyFrames
from vidcondense.synthetic.start import Start
from vidcondense.synthetic.static_dynamic import StaticDynamic
from vidcondense.synthetic.stored_frames import StoredFrames

__all__ = [
    "REPRESENTATIONS",
    "Displaced",
    "EveryFrame",
    "KeyFrames",
    "Stage",
    "Start",
    "StaticDynamic",
    "StoredFrames",
    "Synthetic",
    "SyntheticSettings",
]

REPRESENTATIONS = Family("synthetic", __name__, Synthetic)

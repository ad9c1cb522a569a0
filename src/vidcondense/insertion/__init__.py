"""Insertion of key frames: by which criterion, which candidates, and when (PRISM section 3.2 and 3.3).

Frames that stop paying are dropped again, where that is asked for (ours).
"""

from vidcondense.base.members import Family
from vidcondense.insertion.criteria import cosine_similarities
from vidcondense.insertion.dropping import DropEvent
from vidcondense.insertion.schedule import Insertion, InsertionEvent, InsertionSettings

__all__ = [
    "INSERTIONS",
    "DropEvent",
    "Insertion",
    "InsertionEvent",
    "InsertionSettings",
    "cosine_similarities",
]

INSERTIONS = Family("insertion", __name__, Insertion)

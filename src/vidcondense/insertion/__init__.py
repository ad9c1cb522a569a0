"""Insertion of key frames: by which criterion, which candidates, and when (PRISM section 3.2 and 3.3)."""

from vidcondense.insertion.criteria import cosine_similarities
from vidcondense.insertion.schedule import Insertion, InsertionEvent

__all__ = ["Insertion", "InsertionEvent", "cosine_similarities"]

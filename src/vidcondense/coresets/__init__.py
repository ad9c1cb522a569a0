"""Coresets: which real clips to keep. One per file."""

from vidcondense.base.members import Family
from vidcondense.coresets.selection import Coreset, CoresetSettings

__all__ = ["CORESETS", "Coreset", "CoresetSettings"]

CORESETS = Family("coreset", __name__, Coreset)

"""Objectives: how synthetic clips are compared with real ones. One per file."""

from vidcondense.base.members import Family
from vidcondense.objectives.base import Context, Objective, ObjectiveSettings, RealClipsSettings

__all__ = ["OBJECTIVES", "Context", "Objective", "ObjectiveSettings", "RealClipsSettings"]

OBJECTIVES = Family("objective", __name__, Objective)

"""Runs shown elsewhere while they last: in TensorBoard, trackio, Weights & Biases, or by a class of yours."""

from vidcondense.tracking.base import Track, Tracked, Tracker
from vidcondense.tracking.choice import KNOWN, chosen, several
from vidcondense.tracking.following import FOLDER, Audience, Tracking

__all__ = ["FOLDER", "KNOWN", "Audience", "Track", "Tracked", "Tracker", "Tracking", "chosen", "several"]

"""Condense a labelled video dataset into a few synthetic clips per class."""

__version__ = "0.1.0"

"""Condensed sets: the artifact of this package, one kind of content per file, and their file format."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vidcondense.condensed.base import CondensedVideos, to_pixels
    from vidcondense.condensed.displaced import DisplacedVideos
    from vidcondense.condensed.key_frames import KeyFrameVideos
    from vidcondense.condensed.merging import merge
    from vidcondense.condensed.static_dynamic import StaticDynamicVideos

_HOME = {
    "CondensedVideos": "base",
    "DisplacedVideos": "displaced",
    "KeyFrameVideos": "key_frames",
    "StaticDynamicVideos": "static_dynamic",
    "merge": "merging",
    "to_pixels": "base",
}
_KINDS = ("displaced", "key_frames", "static_dynamic")

__all__ = [
    "CondensedVideos",
    "DisplacedVideos",
    "KeyFrameVideos",
    "StaticDynamicVideos",
    "merge",
    "to_pixels",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for, and every kind of set with it: `show` need not wait for PyTorch."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    for kind in _KINDS:
        import_module(f"{__name__}.{kind}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)

"""Class-mean optical flow of real and condensed clips (PRISM Figure 3), and the error between them."""

from collections.abc import Iterator
from importlib import import_module
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vidcondense.base.errors import VidcondenseError
from vidcondense.condensed import CondensedVideos
from vidcondense.data.store import ClipStore

Flow = NDArray[np.float32]
"""(height, width, 2) or more dimensions before: pixels to the right and down, from one frame to the next."""

LUMA = (0.299, 0.587, 0.114)


def estimator() -> Any:
    """OpenCV's DIS estimator (Kroeger et al., ECCV 2016), medium preset.

    Raises:
        VidcondenseError: OpenCV is not installed; names the extra.
    """
    try:
        cv2: Any = import_module("cv2")
    except ImportError as error:
        raise VidcondenseError(
            f"optical flow needs OpenCV ({error}); install it with: pip install 'vidcondense[flow]'"
        ) from error
    return cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)


def mean_flow(clips: Iterator[Tensor]) -> Flow:
    """Mean flow over clips and over their pairs of consecutive frames.

    Args:
        clips: batches (video, time, 3, height, width) uint8, at least one clip of at least two frames.

    Returns:
        (height, width, 2) float32.

    Raises:
        VidcondenseError: OpenCV is not installed, or there is no pair of frames.
    """
    dis = estimator()
    total: NDArray[np.float64] = np.zeros(())
    pairs = 0
    for batch in clips:
        for clip in grey_frames(batch):
            for before, after in pairwise(clip):
                total = total + dis.calc(before, after, None).astype(np.float64)
                pairs += 1
    if not pairs:
        raise VidcondenseError("optical flow needs clips of at least two frames")
    return (total / pairs).astype(np.float32)


def grey_frames(clips: Tensor) -> NDArray[np.uint8]:
    """(video, time, 3, height, width) uint8 RGB to (video, time, height, width) uint8 luma (BT.601)."""
    pixels = clips.numpy().astype(np.float32)
    luma = sum(weight * pixels[:, :, channel] for channel, weight in enumerate(LUMA))
    return np.ascontiguousarray(np.rint(luma).astype(np.uint8))


def real_flow(store: ClipStore, label: int, most: int) -> Flow:
    """Mean flow of a class's training videos, the middle window of each.

    Args:
        store: the real videos.
        label: the class.
        most: read no more videos than this, evenly spread over the class.
    """
    videos = store.by_class("train")[label]
    if len(videos) > most:
        videos = videos[np.linspace(0, len(videos) - 1, most).round().astype(np.int64)]
    starts = store.even_starts(videos, 1).reshape(-1)
    return mean_flow(
        store.read(videos[first : first + 8], starts[first : first + 8]) for first in range(0, len(videos), 8)
    )


def condensed_flow(condensed: CondensedVideos, label: int) -> Flow:
    """Mean flow of a class's rendered clips."""
    videos = [index for index, other in enumerate(condensed.labels.tolist()) if other == label]
    return mean_flow(condensed.pixels([video]) for video in videos)


def end_point_error(ours: Flow, theirs: Flow) -> float:
    """Mean over pixels of the Euclidean distance between two flows, in pixels per frame."""
    return float(np.linalg.norm(ours.astype(np.float64) - theirs, axis=-1).mean())


def coloured(flow: Flow, longest: float) -> NDArray[np.uint8]:
    """A flow as RGB: hue is direction, brightness magnitude.

    Args:
        flow: (height, width, 2).
        longest: the magnitude that is fully bright; longer ones are as bright.

    Returns:
        (height, width, 3) uint8. Right is red, down yellow-green (90 degrees), left cyan, up violet.
    """
    from matplotlib.colors import hsv_to_rgb

    hue = np.mod(np.arctan2(flow[..., 1], flow[..., 0]) / (2 * np.pi), 1.0)
    value = np.clip(np.linalg.norm(flow, axis=-1) / max(longest, 1e-12), 0, 1)
    colours: NDArray[np.float64] = hsv_to_rgb(np.stack([hue, np.ones_like(hue), value], -1))
    return np.rint(colours * 255).astype(np.uint8)


def wheel(size: int) -> NDArray[np.uint8]:
    """The legend: (size, size, 3) uint8, the colour of the flow that points from the middle to each pixel."""
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    picture = coloured(np.stack([x, y], -1), 1.0)
    picture[x**2 + y**2 > 1] = 255
    return picture

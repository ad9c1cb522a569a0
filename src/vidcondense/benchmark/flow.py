"""Class-mean optical flow of real and condensed clips (PRISM Figure 3), and the error between them."""

from collections.abc import Iterator, Sequence
from importlib import import_module
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vidcondense.base.errors import VidcondenseError
from vidcondense.condensed import CondensedVideos
from vidcondense.data.store import ClipStore, Ints

Flow = NDArray[np.float32]
"""(height, width, 2) or more dimensions before: pixels to the right and down, from one frame to the next."""

LUMA = (0.299, 0.587, 0.114)
STILL = 0.5
"""Brightness of what does not move, 0..1."""


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


def mean_flow(clips: Iterator[tuple[Tensor, Sequence[int]]]) -> Flow:
    """Mean flow per frame, over clips and time.

    From one of a clip's frames to the next, which may lie several frames later: what moves meanwhile is
    shared out over these.

    Args:
        clips: batches (video, time, 3, height, width) uint8 with the times of their frames, ascending, at
            least one clip. A clip of one frame, over several times, stands still.

    Returns:
        (height, width, 2) float32.

    Raises:
        VidcondenseError: OpenCV is not installed, or no time passes.
    """
    dis = estimator()
    total: NDArray[np.float64] = np.zeros(())
    frames = 0
    for batch, times in clips:
        for clip in grey_frames(batch):
            total = total + np.zeros((*clip.shape[1:], 2))
            for before, after in pairwise(clip):
                total = total + dis.calc(before, after, None).astype(np.float64)
            frames += times[-1] - times[0]
    if not frames:
        raise VidcondenseError("optical flow needs clips of at least two frames")
    return (total / frames).astype(np.float32)


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
    videos = spread(store.by_class("train")[label], most)
    starts = store.even_starts(videos, 1).reshape(-1)
    return mean_flow(
        (store.read(videos[first : first + 8], starts[first : first + 8]), range(store.frames))
        for first in range(0, len(videos), 8)
    )


def spread(videos: Ints, most: int) -> Ints:
    """At most `most` of a class's videos, evenly spread over it."""
    if len(videos) <= most:
        return videos
    return videos[np.linspace(0, len(videos) - 1, most).round().astype(np.int64)]


def condensed_flow(condensed: CondensedVideos, label: int) -> Flow:
    """Mean flow of a class's clips from one stored frame to the next, as in PRISM's Figure 3.

    Frames that are interpolated fade from one stored frame into another: flow between them is not of motion.
    A single stored frame stands still for the whole clip.
    """
    stored = condensed.key_positions()
    return mean_flow(
        (
            condensed.pixels([video])[:, stored[video]],
            stored[video] if len(stored[video]) > 1 else range(condensed.frames),
        )
        for video, other in enumerate(condensed.labels.tolist())
        if other == label
    )


def end_point_error(ours: Flow, theirs: Flow) -> float:
    """Mean over pixels of the Euclidean distance between two flows, in pixels per frame."""
    return float(np.linalg.norm(ours.astype(np.float64) - theirs, axis=-1).mean())


def coloured(flow: Flow, longest: float) -> NDArray[np.uint8]:
    """A flow as RGB in the papers' colours (PRISM supplement C).

    Hue is direction; longer is brighter and more saturated; grey is no motion.

    Args:
        flow: (height, width, 2).
        longest: the magnitude that is fully bright and saturated; longer ones are as bright.

    Returns:
        (height, width, 3) uint8. Right is red, up yellow-green (90 degrees), left cyan, down violet.
    """
    from matplotlib.colors import hsv_to_rgb

    hue = np.mod(np.arctan2(-flow[..., 1], flow[..., 0]) / (2 * np.pi), 1.0)
    share = np.clip(np.linalg.norm(flow, axis=-1) / max(longest, 1e-12), 0, 1)
    colours: NDArray[np.float64] = hsv_to_rgb(np.stack([hue, share, STILL + (1 - STILL) * share], -1))
    return np.rint(colours * 255).astype(np.uint8)


def wheel(size: int) -> NDArray[np.uint8]:
    """The legend: (size, size, 3) uint8, the colour of the flow that points from the middle to each pixel."""
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    picture = coloured(np.stack([x, y], -1), 1.0)
    picture[x**2 + y**2 > 1] = 255
    return picture

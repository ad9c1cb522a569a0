"""A condensed set of key frames, interpolated when read (PRISM section 3.1); every frame may be one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, get_args

import torch
from torch import Tensor

from vidcondense.condensed.base import CondensedVideos
from vidcondense.condensed.interpolation import Interpolation, taps


@dataclass(frozen=True, kw_only=True)
class KeyFrameVideos(CondensedVideos):
    """Synthetic videos as key frames.

    Attributes:
        key_frames: (key frame, channel, height, width) float32, normalised; all videos after one another.
        positions: (key frame,) int64, the time of each key frame, ascending in each video.
        counts: (video,) int64, how many key frames each video has.
        interpolation: what makes the frames between: "linear", "nearest" or "smooth" (`interpolation.taps`).
        segments: the first time of each segment, 0 first; every video has a key frame in each, and
            interpolation never looks across their borders.
    """

    representation: ClassVar[str] = "key_frames"
    frame_tensors: ClassVar[tuple[str, ...]] = ("key_frames",)
    tensor_types: ClassVar[Mapping[str, tuple[str, torch.dtype]]] = {
        "key_frames": ("key_frames", torch.float32),
        "positions": ("positions", torch.int64),
        "counts": ("counts", torch.int64),
    }

    key_frames: Tensor
    positions: Tensor
    counts: Tensor
    interpolation: Interpolation = "linear"
    segments: tuple[int, ...] = (0,)

    def _content_problem(self) -> str | None:
        stored = key_frame_problem(self.key_frames, self.positions, self.counts, self.labels, self.frames)
        return stored or self._interpolation_problem() or self._segment_problem()

    def _interpolation_problem(self) -> str | None:
        known = get_args(Interpolation)
        if self.interpolation not in known:
            return f"interpolation must be one of {', '.join(known)}, not {self.interpolation!r}"
        starts = self.segments
        numbers = all(type(start) is int for start in starts)
        if not numbers or starts[:1] != (0,) or sorted({*starts}) != [*starts] or starts[-1] >= self.frames:
            return f"segments must ascend from 0 and stay below {self.frames}, not {list(starts)}"
        return None

    def _segment_problem(self) -> str | None:
        starts = torch.tensor(self.segments)
        for position in torch.split(self.positions, self.counts.tolist()):
            if len(torch.searchsorted(starts, position, right=True).unique()) != len(starts):
                return (
                    f"every segment needs a key frame; those that start at {list(self.segments)} have "
                    f"{position.tolist()}"
                )
        return None

    def content_header(self) -> dict[str, Any]:
        """Storage as the papers count it; interpolation and segments where they are not the usual ones."""
        header: dict[str, Any] = {"key_frame_bytes": self.key_frames.numel() * 4}
        if self.interpolation != "linear":
            header["interpolation"] = self.interpolation
        if self.segments != (0,):
            header["segments"] = list(self.segments)
        return header

    @classmethod
    def content_settings(cls, header: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "interpolation": header.get("interpolation", "linear"),
            "segments": tuple(header.get("segments", (0,))),
        }

    def rows_per_video(self) -> dict[str, Tensor]:
        return {
            "key_frames": self.counts,
            "positions": self.counts,
            "counts": torch.ones_like(self.counts),
        }

    def mixture(self, videos: list[int]) -> tuple[Tensor, Tensor]:
        """Which of its video's key frames each frame is made of.

        Returns:
            (video, time, tap) int64, counted within each video, and their weights, float32 of the same shape;
            see `interpolation.taps`.
        """
        positions = self.key_positions()
        is_key = torch.zeros(len(videos), self.frames, dtype=torch.bool)
        for row, video in enumerate(videos):
            is_key[row, positions[video]] = True
        times, weights = taps(is_key, self.interpolation, self.segments)
        place = is_key.cumsum(1) - 1
        return place[:, :, None].expand_as(times).gather(1, times), weights

    def render_stored(self, videos: list[int] | None = None) -> Tensor:
        """See CondensedVideos; interpolated between key frames (PRISM eq. 3 where it is linear)."""
        chosen = list(range(len(self))) if videos is None else videos
        keys = torch.split(self.key_frames, self.counts.tolist())
        index, weight = self.mixture(chosen)
        return torch.stack([_mix(keys[video], index[i], weight[i]) for i, video in enumerate(chosen)])

    def key_positions(self) -> list[list[int]]:
        return [part.tolist() for part in torch.split(self.positions, self.counts.tolist())]


def key_frame_problem(
    key_frames: Tensor, positions: Tensor, counts: Tensor, labels: Tensor, frames: int
) -> str | None:
    """What is wrong with stored key frames, as `CondensedVideos` that hold some name and shape them."""
    if key_frames.ndim != 4 or key_frames.shape[1] != 3:
        return f"key_frames must be (key frame, 3, height, width), not {tuple(key_frames.shape)}"
    if not key_frames.numel():
        return "key_frames hold no values"
    if labels.shape != counts.shape:
        return "labels and counts must hold one number per video"
    if positions.shape != (len(key_frames),) or int(counts.sum()) != len(key_frames):
        return "positions and counts do not match the number of key frames"
    if int(counts.min()) < 1:
        return "every video needs at least one key frame"
    if not bool(torch.isfinite(key_frames).all()):
        return "key_frames hold values that are not finite"
    for position in torch.split(positions, counts.tolist()):
        outside = int(position[0]) < 0 or int(position[-1]) >= frames
        if outside or bool((position.diff() <= 0).any()):
            return f"key positions must ascend within 0..{frames - 1}, not {position.tolist()}"
    return None


def _mix(key_frames: Tensor, index: Tensor, weight: Tensor) -> Tensor:
    """One clip (time, 3, height, width) from key frames, and (time, tap) indices and weights of them."""
    clip = torch.zeros(len(index), *key_frames.shape[1:])
    for tap in range(index.shape[1]):
        clip += weight[:, tap].view(-1, 1, 1, 1) * key_frames[index[:, tap]]
    return clip

"""A condensed set of key frames, interpolated when read (PRISM section 3.1); every frame may be one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from vidcondense.condensed.base import CondensedVideos, expect
from vidcondense.interpolation import interpolate


@dataclass(frozen=True, kw_only=True)
class KeyFrameVideos(CondensedVideos):
    """Synthetic videos as key frames.

    Attributes:
        key_frames: (key frame, channel, height, width) float32, normalised; all videos after one another.
        positions: (key frame,) int64, the time of each key frame, ascending from 0 to frames - 1.
        counts: (video,) int64, how many key frames each video has.
    """

    representation: ClassVar[str] = "key_frames"

    key_frames: Tensor
    positions: Tensor
    counts: Tensor

    def _content_problem(self) -> str | None:
        if self.key_frames.ndim != 4 or self.key_frames.shape[1] != 3:
            return f"key_frames must be (key frame, 3, height, width), not {tuple(self.key_frames.shape)}"
        if self.labels.shape != self.counts.shape:
            return "labels and counts must hold one number per video"
        if self.positions.shape != (len(self.key_frames),) or int(self.counts.sum()) != len(self.key_frames):
            return "positions and counts do not match the number of key frames"
        if int(self.counts.min()) < 1:
            return "every video needs at least one key frame"
        for position in torch.split(self.positions, self.counts.tolist()):
            ends = (int(position[0]), int(position[-1]))
            if ends != (0, self.frames - 1) or bool((position.diff() <= 0).any()):
                return f"key positions must ascend from 0 to {self.frames - 1}, not {position.tolist()}"
        if not bool(torch.isfinite(self.key_frames).all()):
            return "key_frames hold values that are not finite"
        return None

    def tensors(self) -> dict[str, Tensor]:
        """Key frames, positions and counts."""
        return {"key_frames": self.key_frames, "positions": self.positions, "counts": self.counts}

    def content_header(self) -> dict[str, Any]:
        """Storage as the papers count it."""
        return {"key_frame_bytes": self.key_frames.numel() * 4}

    @classmethod
    def content(cls, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> dict[str, Any]:
        """See CondensedVideos."""
        return {
            "key_frames": expect(tensors, "key_frames", torch.float32),
            "positions": expect(tensors, "positions", torch.int64),
            "counts": expect(tensors, "counts", torch.int64),
        }

    def render(self, videos: list[int] | None = None) -> Tensor:
        """See CondensedVideos; linear interpolation between key frames (PRISM eq. 3)."""
        keys = torch.split(self.key_frames, self.counts.tolist())
        times = torch.split(self.positions, self.counts.tolist())
        chosen = range(len(self)) if videos is None else videos
        return torch.stack([interpolate(keys[i], times[i], self.frames) for i in chosen])

    def key_positions(self) -> list[list[int]]:
        """The times of each video's key frames."""
        return [part.tolist() for part in torch.split(self.positions, self.counts.tolist())]

    @property
    def content_values(self) -> int:
        """The values of all key frames."""
        return self.key_frames.numel()

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return int(self.key_frames.shape[2]), int(self.key_frames.shape[3])

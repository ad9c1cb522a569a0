"""A condensed set of key frames and the displacement fields that make the other frames of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import torch
from torch import Tensor

from vidcondense.condensed.base import CondensedVideos
from vidcondense.condensed.displacement import displaced, parts
from vidcondense.condensed.key_frames import key_frame_problem


@dataclass(frozen=True, kw_only=True)
class DisplacedVideos(CondensedVideos):
    """Synthetic videos as key frames, and coarse fields that move their pixels to make the other frames.

    Attributes:
        key_frames: (key frame, 3, height, width) float32, normalised; all videos after one another.
        positions: (key frame,) int64, the time of each key frame, ascending in each video.
        counts: (video,) int64, how many key frames each video has.
        fields: (part, 2, rows, columns) float32, those of each video in the order of
            `displacement.parts`; see `displacement.warp`.
    """

    representation: ClassVar[str] = "displaced"
    frame_tensors: ClassVar[tuple[str, ...]] = ("key_frames", "fields")
    tensor_types: ClassVar[Mapping[str, tuple[str, torch.dtype]]] = {
        "key_frames": ("key_frames", torch.float32),
        "positions": ("positions", torch.int64),
        "counts": ("counts", torch.int64),
        "fields": ("fields", torch.float32),
    }

    key_frames: Tensor
    positions: Tensor
    counts: Tensor
    fields: Tensor

    def _content_problem(self) -> str | None:
        stored = key_frame_problem(self.key_frames, self.positions, self.counts, self.labels, self.frames)
        return stored or self._field_problem()

    def _field_problem(self) -> str | None:
        wanted = int(self._parts.sum())
        if self.fields.ndim != 4 or self.fields.shape[:2] != (wanted, 2) or min(self.fields.shape[2:]) < 2:
            return f"fields must be ({wanted}, 2, rows, columns) of 2 or more, not {tuple(self.fields.shape)}"
        if not bool(self.fields.isfinite().all()):
            return "fields hold values that are not finite"
        return None

    @cached_property
    def _parts(self) -> Tensor:
        """(video,) int64, how many fields each video has."""
        return torch.tensor([len(parts(keys, self.frames).times) for keys in self.key_positions()])

    def content_header(self) -> dict[str, Any]:
        """Storage as the papers count it."""
        return {"content_bytes": self.content_values * 4}

    def rows_per_video(self) -> dict[str, Tensor]:
        ones = torch.ones_like(self.counts)
        return {
            "key_frames": self.counts,
            "positions": self.counts,
            "counts": ones,
            "fields": self._parts,
        }

    @torch.no_grad()
    def render_stored(self, videos: list[int] | None = None) -> Tensor:
        """See CondensedVideos; each frame is made of warped key frames."""
        positions = self.key_positions()
        keys, fields = self.key_frames.split(self.counts.tolist()), self.fields.split(self._parts.tolist())
        chosen = range(len(self)) if videos is None else videos
        return torch.cat(
            [displaced(keys[v][None], fields[v][None], positions[v], self.frames) for v in chosen]
        )

    def key_positions(self) -> list[list[int]]:
        return [part.tolist() for part in self.positions.split(self.counts.tolist())]

    @property
    def holds(self) -> str:
        """See CondensedVideos; and the fields."""
        rows, columns = self.fields.shape[2:]
        return f"{super().holds} and {len(self.fields)} displacement fields of {rows} x {columns}"

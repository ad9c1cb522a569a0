"""A condensed set of static and dynamic memories, joined when read (Wang et al., 2024)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from vidcondense.condensed.base import CondensedVideos
from vidcondense.condensed.hallucinator import CHOICES, COMBINATIONS, SHAPE, hallucinate

# Clips per convolution: bounds the memory of its input and output.
CHUNK = 64


@dataclass(frozen=True, kw_only=True)
class StaticDynamicVideos(CondensedVideos):
    """Synthetic videos as images, motions and a hallucinator that joins them.

    A video has 2 static and 2 dynamic memories. Its clips are all 4 pairs of them: clip 4 v + 2 a + b of the
    set is static 2 v + a with dynamic 2 v + b. So `labels` has an entry per clip, 4 for each video.

    Attributes:
        static: (memory, 3, height, width) float32, normalised, 2 for each video.
        dynamic: (memory, time, 1, height, width) float32, 2 for each video.
        weight: (3, 4, 3, 3, 3) float32, the hallucinator's.
        bias: (3,) float32.
    """

    representation: ClassVar[str] = "static_dynamic"
    frame_tensors: ClassVar[tuple[str, ...]] = ("static", "dynamic")
    clips_per_video: ClassVar[int] = COMBINATIONS
    tensor_types: ClassVar[Mapping[str, tuple[str, torch.dtype]]] = {
        "static": ("static", torch.float32),
        "dynamic": ("dynamic", torch.float32),
        "hallucinator_weight": ("weight", torch.float32),
        "hallucinator_bias": ("bias", torch.float32),
    }

    shared_names: ClassVar[Mapping[str, str]] = {"weight": "the hallucinator", "bias": "the hallucinator"}

    static: Tensor
    dynamic: Tensor
    weight: Tensor
    bias: Tensor

    def _content_problem(self) -> str | None:
        if len(self.labels) % COMBINATIONS:
            return f"labels must hold {COMBINATIONS} numbers per video, not {len(self.labels)} in all"
        if bool((self.labels.view(-1, COMBINATIONS) != self.labels[::COMBINATIONS, None]).any()):
            return f"the {COMBINATIONS} clips of a video must have one label"
        memories = len(self.labels) // COMBINATIONS * CHOICES
        if self.static.ndim != 4 or self.static.shape[:2] != (memories, 3) or not self.static.numel():
            return f"static must be ({memories}, 3, height, width), not {tuple(self.static.shape)}"
        shape = (memories, self.frames, 1, *self.stored_size)
        if tuple(self.dynamic.shape) != shape or not self.dynamic.numel():
            return f"dynamic must be {shape}, not {tuple(self.dynamic.shape)}"
        if tuple(self.weight.shape) != SHAPE or tuple(self.bias.shape) != SHAPE[:1]:
            shapes = f"{tuple(self.weight.shape)} and {tuple(self.bias.shape)}"
            return f"the hallucinator's weight and bias must be {SHAPE} and {SHAPE[:1]}, not {shapes}"
        for name, tensor in self.tensors().items():
            if not bool(torch.isfinite(tensor).all()):
                return f"{name} holds values that are not finite"
        return None

    def content_header(self) -> dict[str, Any]:
        """Storage as the papers count it."""
        return {"memory_bytes": self.content_values * 4}

    def rows_per_video(self) -> dict[str, Tensor]:
        return dict.fromkeys(("static", "dynamic"), torch.full((self.videos,), CHOICES))

    @torch.no_grad()
    def render_stored(self, videos: list[int] | None = None) -> Tensor:
        """See CondensedVideos; `videos` are numbers of clips."""
        clips = torch.arange(len(self)) if videos is None else torch.tensor(videos, dtype=torch.int64)
        static, dynamic = pair(clips)
        parts = zip(static.split(CHUNK), dynamic.split(CHUNK), strict=True)
        return torch.cat(
            [hallucinate(self.static[a], self.dynamic[b], self.weight, self.bias) for a, b in parts]
        )

    def key_positions(self) -> list[list[int]]:
        """Every time of every clip: none is interpolated."""
        return [list(range(self.frames)) for _ in range(len(self))]

    @property
    def holds(self) -> str:
        return (
            f"{len(self.static)} static and {len(self.dynamic)} dynamic memories and a hallucinator of "
            f"{self.weight.numel() + self.bias.numel()} values, which render {COMBINATIONS} clips per video"
        )


def pair(clips: Tensor) -> tuple[Tensor, Tensor]:
    """Which static and which dynamic memory each clip is made of: int64 of the shape of `clips`."""
    video, combination = clips // COMBINATIONS, clips % COMBINATIONS
    return CHOICES * video + combination // CHOICES, CHOICES * video + combination % CHOICES

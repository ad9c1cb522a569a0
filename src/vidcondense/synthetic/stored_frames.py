"""Representations whose artifact is some of their frames."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from vidcondense.base.settings import Positive
from vidcondense.condensed import KeyFrameVideos
from vidcondense.synthetic.base import Synthetic, SyntheticSettings


@dataclass(frozen=True, kw_only=True)
class StoredFramesSettings(SyntheticSettings):
    """What representations read that start from whole clips."""

    learning: ClassVar[tuple[str, ...]] = ("init", "networks")
    init: Literal["noise", "real", "herding", "mean"] = "noise"
    """noise: N(0, 1) in normalised space; real: frames of randomly chosen training clips; herding: of clips
    whose features are nearest to the mean of their class."""
    networks: Positive = 1
    """Random networks by whose features, side by side, herding chooses."""

    def check(self) -> None:
        self.refuse(
            self.networks > 1 and self.init != "herding",
            f"synthetic.networks = {self.networks} are what herding chooses by: set synthetic.init = "
            '"herding"',
        )


class StoredFrames(Synthetic):
    """A synthetic set whose parameters are frames, some or all of which are stored.

    Attributes:
        values: (video, time, 3, height, width) float32, normalised: the parameter. Frames that are not stored
            have zero gradient.
        labels: (video,) int64, ascending.
        is_key: (video, time) bool, which frames are stored.
    """

    def __init__(self, values: Tensor, labels: Tensor, is_key: Tensor) -> None:
        self.values = values.requires_grad_()
        self.labels = labels
        self.is_key = is_key

    @property
    def parameters(self) -> dict[str, Tensor]:
        """The frames."""
        return {"frames": self.values}

    def condensed(self, **about: Any) -> KeyFrameVideos:
        """The frames that are stored, with their positions."""
        return KeyFrameVideos(
            key_frames=self.values.detach()[self.is_key].cpu(),
            positions=self.is_key.nonzero()[:, 1].cpu(),
            counts=self.is_key.sum(1).cpu(),
            **about,
        )

    @property
    def stored_values(self) -> int:
        """The values of all frames that are stored."""
        return self.key_frames * self.values[0, 0].numel()

    @property
    def most_values(self) -> int:
        """Those of every frame."""
        return self.values.numel()

    @property
    def key_frames(self) -> int:
        """The number of frames that are stored."""
        return int(self.is_key.sum())

    def state(self) -> dict[str, Tensor]:
        """See Synthetic; and which frames are stored."""
        return {**super().state(), "is_key": self.is_key}

    @torch.no_grad()
    def restore(self, state: Mapping[str, Tensor]) -> None:
        super().restore(state)
        self.is_key.copy_(state["is_key"])

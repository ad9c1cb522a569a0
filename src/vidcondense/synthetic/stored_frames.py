"""Representations whose artifact is some of their frames."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from vidcondense.base.settings import Count, NotNegative, Positive
from vidcondense.condensed import KeyFrameVideos
from vidcondense.synthetic import rate
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


@dataclass(frozen=True, kw_only=True)
class CodedFramesSettings(StoredFramesSettings):
    """What representations read whose parameters are the frames of the file, where that is coded video."""

    learning: ClassVar[tuple[str, ...]] = (*StoredFramesSettings.learning, "coded_every", "rate_weight")
    coded_every: Count = 0
    """Iterations after which the frames are coded anew as the file would be, so that learning sees what the
    file gives back; 0: it sees them as they are learned."""
    rate_weight: NotNegative = 0.0
    """λ: what a bit costs, in units of the loss (`rate.bits`)."""


class StoredFrames(Synthetic):
    """A synthetic set whose parameters are frames, some or all of which are stored.

    Attributes:
        values: (video, time, 3, height, width) float32, normalised: the parameter. Frames that are not stored
            have zero gradient.
        labels: (video,) int64, ascending.
        is_key: (video, time) bool, which frames are stored.
        lost: what coding changes of `values`, same shape, as far as is known: zero for frames that were not
            stored when it was last looked at; None where learning does not look.
        rate_weight: see `CodedFramesSettings`.
    """

    def __init__(
        self, values: Tensor, labels: Tensor, is_key: Tensor, coding: CodedFramesSettings | None = None
    ) -> None:
        self.values = values.requires_grad_()
        self.labels = labels
        self.is_key = is_key
        self.lost = torch.zeros_like(values, requires_grad=False) if coding and coding.coded_every else None
        self.rate_weight = coding.rate_weight if coding else 0.0

    @property
    def parameters(self) -> dict[str, Tensor]:
        """The frames."""
        return {"frames": self.values}

    @property
    def seen(self) -> Tensor:
        """What is rendered: `values`, or what the file gives back of them, gradients straight through."""
        values = self.values.detach()
        return values if self.lost is None else values + self.lost

    def look(self, decoded: Tensor) -> None:
        """Learn what coding makes of the stored frames.

        Args:
            decoded: (key frame, 3, height, width) float32, in the order of `condensed`.
        """
        self.lost = torch.zeros_like(self.values, requires_grad=False)
        self.lost[self.is_key] = decoded.to(self.lost) - self.values.detach()[self.is_key]

    def with_rate(self, gradient: Tensor) -> Tensor:
        """A gradient with respect to `values` with that of the bits which they cost."""
        if not self.rate_weight:
            return gradient
        return gradient + self.rate_weight * rate.gradient(self.values, self.is_key)

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
        """See Synthetic; which frames are stored, and what coding changes of them."""
        lost = {} if self.lost is None else {"lost": self.lost}
        return {**super().state(), "is_key": self.is_key, **lost}

    @torch.no_grad()
    def restore(self, state: Mapping[str, Tensor]) -> None:
        super().restore(state)
        self.is_key.copy_(state["is_key"])
        if self.lost is not None:
            self.lost.copy_(state["lost"])

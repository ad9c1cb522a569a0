"""What every condensed set offers, whatever it stores."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor
from torch.utils.data import Dataset

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.units import MEBIBYTE
from vidcondense.data.options import MOST_FRAMES

Storage = Literal["float32", "float16", "uint8"]
"""How a file holds frames (`condensed.storage`)."""


@dataclass(frozen=True, kw_only=True)
class CondensedVideos(Dataset[tuple[Tensor, int]], ABC):
    """Synthetic videos as what is stored of them; as a Dataset it yields rendered clips.

    `dataset[i]` is (clip, label): clip (time, channel, height, width) float32 in normalised space; it works
    with any `DataLoader`.

    Attributes:
        labels: (video,) int64, the class of each rendered clip: of each video, where a video has one.
        class_names: the name of each class.
        frames: T, the number of frames of a rendered clip, at most `MOST_FRAMES`.
        mean: per-channel mean that normalisation subtracted, in [0, 1] units.
        std: per-channel standard deviation that it divided by.
        provenance: how the file was made: recipe, seed, source fingerprint, library versions.
        targets: (video, class) float32, learned regression targets in place of labels; None for most.
        learning_rate: the learned step size of a network trained on this set; None for most.
        storage: how `save` writes frames: float32, float16 or uint8 (`condensed.storage`).
    """

    representation: ClassVar[str]
    """What the file's header calls this kind of content."""

    frame_tensors: ClassVar[tuple[str, ...]]
    """Which of `tensors` hold frames (..., channel, height, width), float32."""

    clips_per_video: ClassVar[int] = 1
    """Clips that a video renders to, one after another; a network in training sees one of them per epoch."""

    labels: Tensor
    class_names: tuple[str, ...]
    frames: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    provenance: Mapping[str, Any] = field(default_factory=dict)
    targets: Tensor | None = None
    learning_rate: float | None = None
    storage: Storage = "float32"

    def __post_init__(self) -> None:
        problem = self._problem() or self._content_problem()
        if problem:
            raise VidcondenseError(f"not a valid condensed set: {problem}")

    def _problem(self) -> str | None:
        if self.labels.ndim != 1 or not len(self.labels):
            return "labels must hold one number per video"
        if int(self.labels.min()) < 0 or int(self.labels.max()) >= len(self.class_names):
            return f"labels must lie in 0..{len(self.class_names) - 1}"
        if len(set(self.class_names)) < len(self.class_names):
            return "two classes have one name"
        if not 1 <= self.frames <= MOST_FRAMES:
            return f"frames must lie in 1..{MOST_FRAMES}, not {self.frames}"
        if not all(0 <= one <= 1 for one in self.mean) or not all(0 < one <= 1 for one in self.std):
            return f"mean must lie in [0, 1] and std in (0, 1], not {self.mean} and {self.std}"
        if self.targets is not None:
            shape = (len(self.labels), len(self.class_names))
            if tuple(self.targets.shape) != shape or not bool(torch.isfinite(self.targets).all()):
                return f"targets must be {shape} finite values"
        if self.learning_rate is not None and not 0 < self.learning_rate < float("inf"):
            return f"learning_rate must be above 0 and finite, not {self.learning_rate}"
        return None

    @abstractmethod
    def _content_problem(self) -> str | None:
        """What is wrong with the stored tensors, or None."""

    @abstractmethod
    def tensors(self) -> dict[str, Tensor]:
        """The stored content by name, as the file holds it; labels and targets are not among it."""

    @abstractmethod
    def content_header(self) -> dict[str, Any]:
        """Settings of the content that the file's header holds."""

    @classmethod
    @abstractmethod
    def content(cls, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> dict[str, Any]:
        """Constructor arguments from what `tensors` and `content_header` gave.

        Raises:
            KeyError: a tensor or field is missing.
            VidcondenseError: a tensor of the wrong type.
        """

    @abstractmethod
    def render(self, videos: list[int] | None = None) -> Tensor:
        """Clips (video, time, 3, height, width) float32, normalised; all videos unless some are named."""

    @abstractmethod
    def key_positions(self) -> list[list[int]]:
        """The times of each video's key frames; every time where a video does not consist of key frames."""

    @property
    @abstractmethod
    def content_values(self) -> int:
        """The number of float32 values that the stored content has, without targets."""

    @property
    def stored_values(self) -> int:
        """The number of float32 values that are stored: the content, and targets where they are learned."""
        return self.content_values + (0 if self.targets is None else self.targets.numel())

    @property
    def goals(self) -> Tensor:
        """What networks are trained towards: targets (video, class) float32, else labels (video,) int64."""
        return self.labels if self.targets is None else self.targets

    @property
    @abstractmethod
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""

    @property
    def holds(self) -> str:
        """What is stored, in words."""
        total = sum(self.key_counts)
        return f"{total} key frames ({total / len(self):.2f} per video)"

    @property
    def videos(self) -> int:
        """The number of videos."""
        return len(self.labels) // self.clips_per_video

    def __len__(self) -> int:
        """The number of rendered clips."""
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """Clip (time, 3, height, width) float32 and its label."""
        return self.render([range(len(self))[index]])[0], int(self.labels[index])

    def pixels(self, videos: list[int] | None = None) -> Tensor:
        """Clips (video, time, 3, height, width) uint8, normalisation undone and clamped to 0..255."""
        return to_pixels(self.render(videos), self.mean, self.std)

    @property
    def key_counts(self) -> list[int]:
        """How many key frames each video has."""
        return [len(keys) for keys in self.key_positions()]

    @property
    def vpc(self) -> int:
        """Videos per class, the largest over classes."""
        return int(torch.bincount(self.labels).max()) // self.clips_per_video

    @property
    def stored_mib(self) -> float:
        """MiB of float32 values, as the papers count storage (PRISM Table 2)."""
        return self.stored_values * 4 / MEBIBYTE

    def save(self, path: Path | str) -> int:
        """Write the file atomically; returns its size in bytes. The same content gives the same bytes."""
        from vidcondense.condensed import file  # it knows all kinds of content, and so this class

        return file.save(self, Path(path))

    @staticmethod
    def load(path: Path | str) -> "CondensedVideos":
        """Read a file written by `save`.

        Raises:
            VidcondenseError: the file is missing, cut short, of another format, or its shapes do not fit.
        """
        from vidcondense.condensed import file

        return file.load(Path(path))


def to_pixels(clips: Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    """Undo normalisation: float (..., 3, height, width) to uint8 of the same shape, clamped to 0..255."""
    scale = torch.tensor(std).view(3, 1, 1)
    shift = torch.tensor(mean).view(3, 1, 1)
    return ((clips * scale + shift) * 255).round().clamp(0, 255).to(torch.uint8)


def expect(tensors: Mapping[str, Tensor], name: str, dtype: torch.dtype) -> Tensor:
    """A tensor of a file, refused when it is not of the type that `save` writes.

    Raises:
        KeyError: there is none of this name.
        VidcondenseError: it is of another type.
    """
    if tensors[name].dtype != dtype:
        raise VidcondenseError(f"tensor {name!r} is {tensors[name].dtype}, not {dtype}")
    return tensors[name]

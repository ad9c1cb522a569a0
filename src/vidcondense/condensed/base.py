"""What every condensed set offers, whatever it stores."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Self, overload

import torch
from torch import Tensor
from torch.utils.data import Dataset

from vidcondense.base import files
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.units import MEBIBYTE
from vidcondense.condensed import file, look, merging, parts
from vidcondense.condensed.enlargement import SMALLEST, enlarged
from vidcondense.condensed.header import (
    BEST,
    QUALITY,
    QUALITY_STEP,
    TILES,
    WORST,
    Storage,
)
from vidcondense.condensed.storage import Known
from vidcondense.data.options import MOST_FRAMES

MOST_PIXELS = 4096
"""Of a side of what is shown, which a stranger's file may name."""
REPRESENTATIONS: dict[str, type["CondensedVideos"]] = {}
"""Every kind of content by its `representation`: those of this package, and yours once they are defined."""


@dataclass(frozen=True, kw_only=True)
class CondensedVideos(Dataset[tuple[Tensor, int]], ABC):
    """Synthetic videos as what is stored of them; as a Dataset it yields rendered clips.

    `dataset[i]` is (clip, label): clip (time, channel, height, width) float32 in normalised space; it works
    with any `DataLoader`. `dataset[2:4]` is a set of these videos. Two sets are equal (`==`) if they have
    the same content, however it is stored and made.

    Example:
        >>> condensed = CondensedVideos.load("runs/prism")
        >>> clip, label = condensed[0]
        >>> condensed.class_names[label], condensed[:2].save("two.safetensors")

    Attributes:
        labels: (video,) int64, the class of each rendered clip: of each video, where a video has one.
        class_names: the name of each class.
        frames: T, the number of frames of a rendered clip, at most `MOST_FRAMES`.
        mean: per-channel mean that normalisation subtracted, in [0, 1] units.
        std: per-channel standard deviation that it divided by.
        provenance: how it was made: recipe, seed, source fingerprint, library versions; see
            `condensed.provenance` for a set that was cut or merged.
        targets: (video, class) float32, learned regression targets in place of labels; None for most.
        soft_labels: (video, class) uint8, probabilities in place of labels, each as a share of its row's sum,
            which is above 0; None for most.
        learning_rate: the learned step size of a network trained on this set; None for most.
        shown: (height, width) of rendered clips, where frames are stored smaller; None: as they are stored.
        storage: how `save` writes frames: float32, float16, uint8 or av1 (`condensed.storage`).
        quality: of av1, 1 (best) to 70 (smallest), in quarters.
        finer: so many streams from the first on have a quality a step better, which fills a budget to the
            brim.
        tiles: videos side by side in a stream, at most; 1: a stream for each.
        known: how frames that were av1 were coded, so that `save` does not lose more of them.
        transform: what is done to each clip (time, 3, height, width) that `dataset[i]` gives, such as an
            augmentation; it is not in the file. `render` and `pixels` do without it.
    """

    representation: ClassVar[str]
    """What the file's header calls this kind of content; naming it enters the class in `REPRESENTATIONS`."""

    frame_tensors: ClassVar[tuple[str, ...]]
    """Which of `tensors` hold frames (..., channel, height, width), float32."""

    clips_per_video: ClassVar[int] = 1
    """Clips that a video renders to, one after another; a network in training sees one of them per epoch."""

    tensor_types: ClassVar[Mapping[str, tuple[str, torch.dtype]]]
    """The tensors of the file by name: the attribute that each one is, and its type."""

    shared_names: ClassVar[Mapping[str, str]] = {}
    """What messages call attributes that all videos share, where their names do not say it."""

    labels: Tensor
    class_names: tuple[str, ...]
    frames: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    provenance: Mapping[str, Any] = field(default_factory=dict)
    targets: Tensor | None = None
    soft_labels: Tensor | None = None
    learning_rate: float | None = None
    shown: tuple[int, int] | None = None
    storage: Storage = "float32"
    quality: float = QUALITY
    finer: int = 0
    tiles: int = TILES
    known: Known = field(default_factory=Known, repr=False, compare=False)
    transform: Callable[[Tensor], Tensor] | None = field(default=None, repr=False, compare=False)

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for name in ("__eq__", "__repr__"):  # `dataclass` would give each subclass others
            if name not in vars(cls):
                setattr(cls, name, getattr(CondensedVideos, name))
        if "representation" in vars(cls):
            REPRESENTATIONS[cls.representation] = cls

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
        if self.soft_labels is not None:
            shape = (len(self.labels), len(self.class_names))
            if tuple(self.soft_labels.shape) != shape or not bool(self.soft_labels.any(1).all()):
                return f"soft_labels must be {shape} values, and one of each row above 0"
            if self.targets is not None:
                return "it has both targets and soft_labels"
        if self.shown is not None and not all(SMALLEST <= side <= MOST_PIXELS for side in self.shown):
            return f"shown must be a height and a width of {SMALLEST} to {MOST_PIXELS}, not {self.shown}"
        if not BEST <= self.quality <= WORST or self.quality % QUALITY_STEP:
            return f"quality must lie in {BEST:g}..{WORST:g}, in quarters, not {self.quality}"
        if not 1 <= self.tiles <= TILES:
            return f"tiles must lie in 1..{TILES}, not {self.tiles}"
        if self.finer < 0:
            return f"finer must be a number of streams, not {self.finer}"
        if self.learning_rate is not None and not 0 < self.learning_rate < float("inf"):
            return f"learning_rate must be above 0 and finite, not {self.learning_rate}"
        return None

    @abstractmethod
    def _content_problem(self) -> str | None:
        """What is wrong with the stored tensors, or None."""

    def tensors(self) -> dict[str, Tensor]:
        """The stored content by name, as the file holds it; labels and targets are not among it."""
        return {name: getattr(self, attribute) for name, (attribute, _) in self.tensor_types.items()}

    @abstractmethod
    def content_header(self) -> dict[str, Any]:
        """What the file's header says of the content, beside `header.Header`."""

    @classmethod
    def content_settings(cls, header: Mapping[str, Any]) -> dict[str, Any]:
        """Constructor arguments that are read from what `content_header` gave; none for most."""
        return {}

    def rows_per_video(self) -> dict[str, Tensor]:
        """The attributes that hold rows of each video one after another, and how many: (video,) int64.

        All others are shared by all videos. Sets of a kind without this cannot be cut, merged
        or coded as video.
        """
        raise VidcondenseError(
            f"sets that store {self.representation} cannot be cut or merged: {type(self).__name__} has no "
            "rows_per_video (docs/extend.md), which coded video needs too"
        )

    def shared_content(self) -> dict[str, Any]:
        """The attributes of this kind that all videos share."""
        others = {one.name for one in fields(CondensedVideos)} | self.rows_per_video().keys()
        own = [one.name for one in fields(self) if one.name not in others]
        return {name: getattr(self, name) for name in own}

    def select(self, class_names: Sequence[str]) -> Self:
        """The videos of some classes, labelled anew: `class_names[label]` is a video's class.

        All classes in another order give the same videos with other labels. The content stays as it is, and
        of learned targets the values for the classes that are kept: what a network should give for one class
        does not depend on the others. So do soft labels, as shares of what is left of them.

        Args:
            class_names: names of classes of this set, each once.

        Raises:
            VidcondenseError: an unknown class, one named twice, or none.
        """
        return merging.select(self, class_names)

    def renamed(self, names: Mapping[str, str]) -> Self:
        """The same with other names of classes: by the name that a class has the one that it gets.

        Raises:
            VidcondenseError: an unknown class, or two classes would have one name.
        """
        return merging.rename(self, names)

    def render(self, videos: list[int] | None = None) -> Tensor:
        """Clips (video, time, 3, height, width) float32, normalised; all videos unless some are named."""
        return enlarged(self.render_stored(videos), *self.size)

    @abstractmethod
    def render_stored(self, videos: list[int] | None = None) -> Tensor:
        """The same of the size that frames are stored in."""

    @abstractmethod
    def key_positions(self) -> list[list[int]]:
        """The times of each video's key frames; every time where a video does not consist of key frames."""

    @property
    def content_values(self) -> int:
        """The number of float32 values that the stored content has, without targets."""
        return sum(value.numel() for value in self.tensors().values() if value.dtype == torch.float32)

    @property
    def stored_values(self) -> int:
        """The number of float32 values as the papers count them: the content, and targets or soft labels."""
        beside = [one.numel() for one in (self.targets, self.soft_labels) if one is not None]
        return self.content_values + sum(beside)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of rendered clips in pixels."""
        return self.shown or self.stored_size

    @property
    def stored_size(self) -> tuple[int, int]:
        """(height, width) of stored frames in pixels."""
        height, width = self.tensors()[self.frame_tensors[0]].shape[-2:]
        return height, width

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

    @overload
    def __getitem__(self, index: int) -> tuple[Tensor, int]: ...

    @overload
    def __getitem__(self, index: slice) -> Self: ...

    def __getitem__(self, index: int | slice) -> tuple[Tensor, int] | Self:
        """Clip (time, 3, height, width) float32 and its label; or of a slice of clips a set of their videos.

        Raises:
            IndexError: there is no such clip.
            VidcondenseError: a slice is empty, or has some clips of a video that renders to several.
        """
        if isinstance(index, slice):
            return merging.videos_of(self, range(len(self))[index])
        clip = self.render([range(len(self))[index]])[0]
        return clip if self.transform is None else self.transform(clip), int(self.labels[index])

    def __eq__(self, other: object) -> bool:
        """Whether both are of one kind, and have the same content, labels, classes and sizes.

        How files store them (`storage`, `quality`), where they come from (`provenance`) and `transform` do
        not matter.
        """
        return look.equal(self, other) if isinstance(other, CondensedVideos) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return look.line(self)

    def _repr_html_(self) -> str:
        """What notebooks show: the first clips, moving."""
        return look.page(self)

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
        try:
            data = self.packed()
        except VidcondenseError as error:
            raise VidcondenseError(f"cannot write {path}: {error}") from error
        files.write_bytes(Path(path), data)
        return len(data)

    def packed(self) -> bytes:
        """The bytes of the file."""
        return file.packed(*parts.apart(self))

    @staticmethod
    def load(path: Path | str, transform: Callable[[Tensor], Tensor] | None = None) -> "CondensedVideos":
        """Read a file written by `save`, or the result of a run.

        Args:
            path: a condensed file, or the folder of a finished run.
            transform: what is done to each clip that `dataset[i]` gives.

        Raises:
            VidcondenseError: the file is missing, cut short, of another format, its shapes do not fit, or
                the run is not finished.
        """
        made = file.read(file.located(Path(path)), partial(parts.together, REPRESENTATIONS))
        return made if transform is None else replace(made, transform=transform)


def to_pixels(clips: Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    """Undo normalisation: float (..., 3, height, width) to uint8 of the same shape, clamped to 0..255."""
    scale = torch.tensor(std).view(3, 1, 1)
    shift = torch.tensor(mean).view(3, 1, 1)
    return ((clips * scale + shift) * 255).round().clamp(0, 255).to(torch.uint8)

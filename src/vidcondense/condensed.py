"""CondensedVideos: the artifact that condensation makes, and its file format (docs/format.md)."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor
from torch.utils.data import Dataset

from vidcondense import files
from vidcondense.errors import VidcondenseError
from vidcondense.synthetic.interpolation import interpolate

FORMAT_VERSION = 1
MEBIBYTE = 2**20


@dataclass(frozen=True)
class CondensedVideos(Dataset[tuple[Tensor, int]]):
    """Synthetic videos as their stored key frames; as a Dataset it yields rendered clips.

    `dataset[i]` is (clip, label): clip (time, channel, height, width) float32 in normalised space, made from
    the key frames by linear interpolation; it works with any `DataLoader`.

    Attributes:
        key_frames: (key frame, channel, height, width) float32, normalised; all videos after one another.
        positions: (key frame,) int64, the time of each key frame, ascending from 0 to frames - 1.
        counts: (video,) int64, how many key frames each video has.
        labels: (video,) int64, the class of each video.
        class_names: the name of each class.
        frames: T, the number of frames of a rendered clip.
        mean: per-channel mean that normalisation subtracted, in [0, 1] units.
        std: per-channel standard deviation that it divided by.
        provenance: how the file was made: recipe, seed, source fingerprint, library versions.
    """

    key_frames: Tensor
    positions: Tensor
    counts: Tensor
    labels: Tensor
    class_names: tuple[str, ...]
    frames: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        problem = self._problem()
        if problem:
            raise VidcondenseError(f"not a valid condensed set: {problem}")

    def _problem(self) -> str | None:
        if self.key_frames.ndim != 4 or self.key_frames.shape[1] != 3:
            return f"key_frames must be (key frame, 3, height, width), not {tuple(self.key_frames.shape)}"
        if self.counts.ndim != 1 or self.labels.shape != self.counts.shape:
            return "labels and counts must hold one number per video"
        if self.positions.shape != (len(self.key_frames),) or int(self.counts.sum()) != len(self.key_frames):
            return "positions and counts do not match the number of key frames"
        if not len(self.counts) or int(self.counts.min()) < 1:
            return "every video needs at least one key frame"
        if int(self.labels.min()) < 0 or int(self.labels.max()) >= len(self.class_names):
            return f"labels must lie in 0..{len(self.class_names) - 1}"
        for position in torch.split(self.positions, self.counts.tolist()):
            ends = (int(position[0]), int(position[-1]))
            if ends != (0, self.frames - 1) or bool((position.diff() <= 0).any()):
                return f"key positions must ascend from 0 to {self.frames - 1}, not {position.tolist()}"
        if not bool(torch.isfinite(self.key_frames).all()):
            return "key_frames hold values that are not finite"
        return None

    def __len__(self) -> int:
        """The number of videos."""
        return len(self.counts)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """Clip (time, 3, height, width) float32 and its label."""
        return self.render([range(len(self))[index]])[0], int(self.labels[index])

    def render(self, videos: list[int] | None = None) -> Tensor:
        """Clips (video, time, 3, height, width) float32, normalised; all videos unless some are named."""
        keys = torch.split(self.key_frames, self.counts.tolist())
        times = torch.split(self.positions, self.counts.tolist())
        chosen = range(len(self)) if videos is None else videos
        return torch.stack([interpolate(keys[i], times[i], self.frames) for i in chosen])

    def pixels(self, videos: list[int] | None = None) -> Tensor:
        """Clips (video, time, 3, height, width) uint8, normalisation undone and clamped to 0..255."""
        return to_pixels(self.render(videos), self.mean, self.std)

    def key_positions(self) -> list[list[int]]:
        """The key positions of each video."""
        return [part.tolist() for part in torch.split(self.positions, self.counts.tolist())]

    @property
    def vpc(self) -> int:
        """Videos per class, the largest over classes."""
        return int(torch.bincount(self.labels).max())

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return int(self.key_frames.shape[2]), int(self.key_frames.shape[3])

    @property
    def stored_mib(self) -> float:
        """MiB of float32 frames, as the papers count storage (PRISM Table 2)."""
        return self.key_frames.numel() * 4 / MEBIBYTE

    def save(self, path: Path | str) -> int:
        """Write the file atomically; returns its size in bytes. The same content gives the same bytes."""
        header = {
            "format_version": FORMAT_VERSION,
            "class_names": self.class_names,
            "frames": self.frames,
            "mean": self.mean,
            "std": self.std,
            "key_frame_bytes": self.key_frames.numel() * 4,
            "provenance": self.provenance,
        }
        tensors = {
            "key_frames": self.key_frames.detach().to("cpu", torch.float32).contiguous(),
            "positions": self.positions.to("cpu", torch.int64).contiguous(),
            "counts": self.counts.to("cpu", torch.int64).contiguous(),
            "labels": self.labels.to("cpu", torch.int64).contiguous(),
        }
        # One metadata entry only: safetensors writes several in no fixed order, and the bytes must not vary.
        data = save(tensors, metadata={"vidcondense": json.dumps(header, sort_keys=True, ensure_ascii=False)})
        files.write_bytes(Path(path), data)
        return len(data)

    @staticmethod
    def load(path: Path | str) -> "CondensedVideos":
        """Read a file written by `save`.

        Raises:
            VidcondenseError: the file is missing, cut short, of another format, or its shapes do not fit.
        """
        path = Path(path)
        if not path.is_file():
            raise VidcondenseError(f"no condensed file at {path}")
        try:
            with safe_open(path, framework="pt") as file:
                metadata = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError) as error:
            raise VidcondenseError(f"{path} cannot be read ({error}); it is cut short or not ours") from error
        if "vidcondense" not in metadata:
            raise VidcondenseError(f"{path} is a safetensors file, but not one that vidcondense wrote")
        try:
            header = json.loads(metadata["vidcondense"])
            if header["format_version"] != FORMAT_VERSION:
                raise VidcondenseError(
                    f"format version {header['format_version']}; this vidcondense reads {FORMAT_VERSION}"
                )
            _check_types(tensors, header)
            return CondensedVideos(
                key_frames=tensors["key_frames"],
                positions=tensors["positions"],
                counts=tensors["counts"],
                labels=tensors["labels"],
                class_names=tuple(header["class_names"]),
                frames=int(header["frames"]),
                mean=tuple(header["mean"]),
                std=tuple(header["std"]),
                provenance=header["provenance"],
            )
        except (KeyError, ValueError, TypeError, RuntimeError, IndexError) as error:
            raise VidcondenseError(f"{path} has a damaged header or is missing a tensor ({error})") from error
        except VidcondenseError as error:
            raise VidcondenseError(f"{path}: {error}") from error


def _check_types(tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    """Refuse what `save` never writes and what no shape betrays."""
    for name in ("key_frames", "positions", "counts", "labels"):
        expected = torch.float32 if name == "key_frames" else torch.int64
        if tensors[name].dtype != expected:
            raise VidcondenseError(f"tensor {name!r} is {tensors[name].dtype}, not {expected}")
    for name in ("mean", "std"):
        if len(header[name]) != 3 or not all(math.isfinite(number) for number in header[name]):
            raise VidcondenseError(f"{name} must be three numbers, not {header[name]!r}")
    if not all(isinstance(name, str) for name in header["class_names"]):
        raise VidcondenseError("class_names must be texts")
    if not isinstance(header["provenance"], dict):
        raise VidcondenseError("provenance must be an object")


def to_pixels(clips: Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    """Undo normalisation: float (..., 3, height, width) to uint8 of the same shape, clamped to 0..255."""
    scale = torch.tensor(std).view(3, 1, 1)
    shift = torch.tensor(mean).view(3, 1, 1)
    return ((clips * scale + shift) * 255).round().clamp(0, 255).to(torch.uint8)

"""ClipStore: decoded videos on disk, from which clips are read as fast as memory allows."""

import copy
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from vidcondense.base import moving
from vidcondense.base.compute import Compute, choose, normalise
from vidcondense.base.errors import VidcondenseError
from vidcondense.data import sampling
from vidcondense.data.index import StoreIndex, read_index, read_paths, read_table
from vidcondense.data.layouts.listing import ROLES
from vidcondense.data.mirroring import keeps_class
from vidcondense.data.pixels import FilePixels, Pixels, near
from vidcondense.data.shards import CHANNELS, frame_bytes

Ints = NDArray[np.int64]
Transform = Callable[[Tensor], Tensor]


class ClipStore(Dataset[tuple[Tensor, int]]):
    """A prepared dataset under one of its splits.

    As a Dataset it yields its training videos, which any `DataLoader` takes: `store[i]` is (clip, label), the
    clip the middle one of the video, (time, 3, height, width) float32, normalised as networks are trained on
    it. `read` gives any clip of any video as pixels.

    Videos are numbered from 0 and sorted by class, then path. Pixels stay on disk and in the system's cache
    of files, which all processes share; opening reads the index only. A store can be pickled: the copy opens
    it again.

    Attributes:
        path: the store's folder.
        name: the dataset's name.
        class_names: a label is an index into it.
        split_names: the splits to choose from.
        split: the chosen one.
        frames: T, frames of a clip.
        stride: wanted distance between the frames of a clip.
        size: height and width in pixels.
        framing: how frames were made square, see `PrepareOptions`.
        mirror: whether a mirrored clip still shows its class (data/mirroring.py); if not, none is mirrored.
        fingerprint: SHA-256 (hex) over classes, splits, sampling, labels and pixels.
        decoder: versions of what decided the pixels.
        skipped: {"path", "reason"} of each source file that is not in the store.
        notes: {"path", "note"} of each source file that is in it otherwise than one might think.
        source_bytes: of the training videos' own files; None in a store of an earlier version.
        lengths: (video,) int64, frames of each video.
        labels: (video,) int64.
        part: the labels of the classes that `select` and `by_class` give: all unless `only` chose some.
        transform: what is done to each clip that `store[i]` gives, and to no other.

    Example:
        >>> store = ClipStore.open("store")
        >>> clip, label = store[0]
        >>> len(store), store.class_names[label], store.videos
    """

    def __init__(self, path: Path, index: StoreIndex, split: str, transform: Transform | None = None) -> None:
        """Use `ClipStore.open`."""
        if split not in index.split_names:
            known = ", ".join(repr(name) for name in index.split_names)
            raise VidcondenseError(f"{path} has no split '{split}'; it has {known}")
        self.path = path
        self.name = index.name
        self.class_names = index.class_names
        self.split_names = index.split_names
        self.split = split
        self.frames = index.frames
        self.stride = index.stride
        self.size = index.size
        self.framing = index.framing
        self.mirror = keeps_class(index.mirror, index.class_names)
        self.fingerprint = index.fingerprint
        self.decoder = dict(index.decoder)
        self.skipped = list(index.skipped)
        self.notes = list(index.notes)
        sums = index.source_bytes
        self.source_bytes = sums[index.split_names.index(split)] if sums else None
        table = read_table(path, index)
        self.lengths: Ints = table["frames"].astype(np.int64)
        self.labels: Ints = table["label"].astype(np.int64)
        self.part = range(len(index.class_names))
        self._roles = table["roles"][:, index.split_names.index(split)].copy()  # a view keeps the whole table
        self._first_rows: Ints = np.cumsum(self.lengths) - self.lengths
        self._files = FilePixels(path, index.shard_frames, index.size)
        self._pixels: Pixels = self._files
        self.transform = transform
        self._classes: dict[str, list[Ints]] = {}
        self._training: dict[range, Ints] = {}

    @staticmethod
    def open(path: Path | str, split: str = "1", transform: Transform | None = None) -> "ClipStore":
        """Open a finished store.

        Raises:
            VidcondenseError: not a store, an unfinished or damaged one, or no such split.
        """
        folder = Path(path)
        return ClipStore(folder, read_index(folder), split, transform)

    def __reduce__(self) -> tuple[object, tuple[Path, str, int, range, Transform | None]]:
        """Pickle the path, not the pixels."""
        return _reopened, (self.path, self.split, self.stride, self.part, self.transform)

    def __copy__(self) -> "ClipStore":
        """A view: unlike what pickling gives it shares the open files."""
        view = object.__new__(ClipStore)
        vars(view).update(vars(self))
        return view

    def stills(self) -> "ClipStore":
        """The same videos with clips that stand still: one frame, any of a video's, repeated T times."""
        view = copy.copy(self)
        view.stride = 0
        return view

    def only(self, part: range) -> "ClipStore":
        """A view of the classes with labels in `part`: all that it selects is of these.

        Numbers of videos, labels and `class_names` stay those of the whole store, since networks know all
        classes. What is drawn of a class must not depend on the view: `data/batches.py` draws from `whole`.
        """
        view = copy.copy(self)
        view.part = part
        return view

    @property
    def whole(self) -> "ClipStore":
        """The store with all its classes."""
        return self.only(range(len(self.class_names)))

    def near(self, compute: Compute) -> "ClipStore":
        """The same store with its frames on the GPU, where there is one and its memory has room for them."""
        pixels = near(self._files, compute)
        if pixels is self._pixels:
            return self
        view = copy.copy(self)
        view._pixels = pixels
        return view

    @property
    def videos(self) -> int:
        """The number of videos, whatever their role."""
        return len(self.lengths)

    def __len__(self) -> int:
        """The number of training videos."""
        return len(self._train())

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """The middle clip of a training video, (time, 3, height, width) float32, and its label."""
        from vidcondense.data.batches import IMAGENET_MEAN, IMAGENET_STD

        video = self._train()[range(len(self))[index], None]
        pixels = self.read(video, self.even_starts(video, 1)[:, 0])
        clip = normalise(pixels, IMAGENET_MEAN, IMAGENET_STD, choose("cpu", "float32"))[0]
        return clip if self.transform is None else self.transform(clip), int(self.labels[video[0]])

    def _train(self) -> Ints:
        """The training videos, looked up once: a DataLoader asks for each of them."""
        if self.part not in self._training:
            self._training[self.part] = self.select("train")
        return self._training[self.part]

    def __repr__(self) -> str:
        test = len(self.select("test"))
        return (
            f"ClipStore({str(self.path)!r}: {len(self.class_names)} classes, {len(self):,} training and "
            f"{test:,} test videos in split {self.split!r}, clips of {self.frames} frames of {self.size} x "
            f"{self.size})"
        )

    def _repr_html_(self) -> str:
        """What notebooks show: a training clip of each of the first classes, moving."""
        videos = [some[0] for some in self.by_class("train") if len(some)]
        shown = np.array(videos[: moving.MOST_CLIPS], dtype=np.int64)
        pixels = self.read(shown, self.even_starts(shown, 1)[:, 0]).permute(0, 1, 3, 4, 2).numpy()
        names = [self.class_names[label] for label in self.labels[shown]]
        return moving.page(repr(self), zip(pixels, names, strict=True), len(self) - len(shown))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Classes, frames and size: the shape of networks for these clips."""
        return len(self.class_names), self.frames, self.size

    @property
    def bytes(self) -> int:
        """Of the pixels of all videos."""
        return int(self.lengths.sum()) * frame_bytes(self.size)

    @property
    def bytes_read(self) -> int:
        """Of pixels, so far, by this store and its views."""
        return self._pixels.bytes_read

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """The file of each video, relative to the source."""
        return read_paths(self.path, self.videos)

    def select(self, role: str) -> Ints:
        """The videos with a role in this split ("train", "val", "test" or "unused"): int64, ascending."""
        return np.concatenate(self.by_class(role))

    def by_class(self, role: str) -> list[Ints]:
        """The videos with a role in this split, one int64 array per class of `part`, not to be written to.

        Looked up once: every iteration of matching asks for them.
        """
        if role not in self._classes:
            videos = np.flatnonzero(self._roles == _role_code(role)).astype(np.int64)
            videos.setflags(write=False)
            bounds = np.searchsorted(self.labels[videos], np.arange(1, len(self.class_names)))
            self._classes[role] = np.split(videos, bounds)
        return self._classes[role][self.part.start : self.part.stop]

    def random_flips(self, count: int, chance: float, generator: np.random.Generator) -> NDArray[np.bool_]:
        """Whether to mirror each of `count` clips: with probability `chance`, where `mirror` allows it."""
        drawn = generator.random(count) < chance
        return drawn & self.mirror

    def random_starts(self, videos: Ints, generator: np.random.Generator) -> Ints:
        """A random start for each of `videos`, as in training: int64 of their shape."""
        return sampling.random_starts(self.lengths[videos], self.frames, self.stride, generator)

    def even_starts(self, videos: Ints, windows: int) -> Ints:
        """Starts of evenly spread clips of each of `videos`, as in testing: int64 (video, windows)."""
        return sampling.even_starts(self.lengths[videos], self.frames, self.stride, windows)

    def read(self, videos: Ints, starts: Ints, out: Tensor | None = None) -> Tensor:
        """Read one clip of each video.

        Args:
            videos: (video,) int64, numbers of videos; one may come several times.
            starts: (video,) int64, first frame of each clip, in 0..length-1.
            out: memory to read into (for instance pinned): contiguous uint8 (video, time, height, width, 3).

        Returns:
            uint8 (video, time, 3, height, width) in 0..255, a permuted view of (video, time, height, width,
            3) memory, which is what channels-last 3D convolutions want.
        """
        videos, starts = np.asarray(videos, dtype=np.int64), np.asarray(starts, dtype=np.int64)
        lengths = self.lengths[videos]
        if videos.ndim != 1 or starts.shape != videos.shape or ((starts < 0) | (starts >= lengths)).any():
            raise ValueError("videos and starts must be two 1-D arrays, starts in 0..length-1 of each video")
        rows = sampling.frame_indices(lengths, starts, self.frames, self.stride)
        rows += self._first_rows[videos][:, None]
        shape = (len(videos), self.frames, self.size, self.size, CHANNELS)
        if out is not None and (out.shape != shape or out.dtype != torch.uint8 or not out.is_contiguous()):
            raise ValueError(f"out must be contiguous uint8 {shape}, not {out.dtype} {tuple(out.shape)}")
        return self._pixels.read(rows, out).permute(0, 1, 4, 2, 3)

    def read_all(self, role: str, windows: int = 1, batch: int = 64) -> Iterator[tuple[Tensor, Tensor]]:
        """Read every video with a role in evenly spread clips, in order, the clips of a video side by side.

        Args:
            role: "train", "val", "test" or "unused".
            windows: clips per video.
            batch: videos at a time.

        Yields:
            clips, uint8 (video * windows, time, 3, height, width) as `read` gives them, and labels, int64.
        """
        videos = self.select(role)
        for begin in range(0, len(videos), batch):
            chosen = videos[begin : begin + batch]
            clips = self.read(np.repeat(chosen, windows), self.even_starts(chosen, windows).reshape(-1))
            yield clips, torch.from_numpy(np.repeat(self.labels[chosen], windows))


def _reopened(path: Path, split: str, stride: int, part: range, transform: Transform | None) -> ClipStore:
    view = ClipStore.open(path, split, transform).only(part)
    view.stride = stride
    return view


def _role_code(role: str) -> int:
    if role not in ROLES:
        raise ValueError(f"role must be one of {', '.join(ROLES)}, not {role!r}")
    return ROLES.index(role)

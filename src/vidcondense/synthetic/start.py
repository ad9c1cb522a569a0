"""The clips that learning starts from, and what a coreset selects."""

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from vidcondense.base.compute import Compute, derive_seed, generator, normalise
from vidcondense.condensed.enlargement import reduced
from vidcondense.coresets.herding import Herding
from vidcondense.coresets.random import Random
from vidcondense.coresets.selection import Coreset, Embed, no_features, refuse_small_classes
from vidcondense.data.batches import IMAGENET_MEAN, IMAGENET_STD, RealBatch, windows_by_class
from vidcondense.data.store import ClipStore


@dataclass(frozen=True)
class Start:
    """What a synthetic set starts from.

    Attributes:
        store: the real videos.
        vpc: videos per class.
        seed: of noise and choices.
        compute: where the set goes.
        coreset: how real clips are selected, if they are to be kept as they are.
        embed: features of real clips, to select by.
        size: height and width of frames in pixels, at most the store's; 0: the store's.
    """

    store: ClipStore
    vpc: int
    seed: int
    compute: Compute
    coreset: Coreset | None = None
    embed: Embed = field(default=no_features)
    size: int = 0

    @property
    def side(self) -> int:
        """Height and width of frames in pixels."""
        return self.size or self.store.size

    def _reduced(self, clips: Tensor) -> Tensor:
        return reduced(clips, self.side, self.side)

    def clips(self, init: str) -> tuple[Tensor, Tensor]:
        """The coreset's clips if there is one, or else as `init` says.

        Args:
            init: "noise"; "real", clips at random; "herding", those nearest to the mean of their class;
                or "mean", that of a class in pixels, or of equal shares of a class for several videos.

        Returns:
            clips (video, time, 3, height, width) float32 normalised and labels (video,) int64 ascending, on
            the device.
        """
        if self.coreset is None and init == "noise":
            return self._noise()
        if self.coreset is None and init == "mean":
            return self._means()
        store, exact = self.store, self.compute.exact
        parts = list(self.windows(init).read(store, exact, exact.chunk(3 * store.frames * store.size**2)))
        clips = torch.cat([self._reduced(clips) for clips, _ in parts])
        return clips.contiguous(), torch.cat([labels for _, labels in parts])

    def windows(self, init: str) -> RealBatch:
        """The windows of real videos that `clips` reads: a coreset's, or of init "real" or "herding"."""
        coreset = self.coreset or (Herding if init == "herding" else Random).default()
        return coreset.select(self.store, self.vpc, self._choices(), self.embed)

    def labels(self) -> Tensor:
        """(video,) int64 ascending, on the device."""
        labels = torch.arange(len(self.store.class_names)).repeat_interleave(self.vpc)
        return labels.to(self.compute.device)

    def images(self, count: int, init: str, noise: torch.Generator) -> Tensor:
        """Single frames, (class x count, 3, height, width) float32 normalised, on the device.

        Args:
            count: frames per class; a video gives several where a class has fewer.
            init: "noise", or "real", random frames of random training videos.
            noise: source of the noise.
        """
        store = self.store
        if init == "noise":
            shape = (len(store.class_names) * count, 3, self.side, self.side)
            return torch.randn(shape, generator=noise).to(self.compute.device)
        rng = self._choices()
        chosen = [
            rng.choice(videos, count, replace=len(videos) < count) for videos in store.by_class("train")
        ]
        videos, stills = np.concatenate(chosen), store.stills()
        pixels = stills.read(videos, stills.random_starts(videos, rng))[:, 0]
        cpu = Compute(torch.device("cpu"), torch.float32)
        return self._reduced(normalise(pixels, IMAGENET_MEAN, IMAGENET_STD, cpu)).to(self.compute.device)

    def _choices(self) -> np.random.Generator:
        return np.random.default_rng(derive_seed(self.seed, "coreset"))

    def _means(self) -> tuple[Tensor, Tensor]:
        """One window of every training video, shared out at random among the videos of its class."""
        refuse_small_classes(self.store, self.vpc)
        exact = self.compute.exact
        chunk = exact.chunk(3 * self.store.frames * self.store.size**2)
        means = []
        for windows in windows_by_class(self.store, self._choices()):
            rng = np.random.default_rng(derive_seed(self.seed, "mean", int(windows.labels[0])))
            group = torch.from_numpy(rng.permutation(len(windows.videos)) % self.vpc)
            shape = (self.vpc, self.store.frames, 3, self.store.size, self.store.size)
            total = torch.zeros(shape, device=self.compute.device)
            parts = windows.read(self.store, exact, chunk)
            for number, (clips, _) in zip(group.split(chunk), parts, strict=True):
                total.index_add_(0, number.to(total.device), clips)
            means.append(self._reduced(total) / group.bincount().to(total.device)[:, None, None, None, None])
        part = slice(self.store.part.start * self.vpc, self.store.part.stop * self.vpc)
        return torch.cat(means), self.labels()[part]

    def _noise(self) -> tuple[Tensor, Tensor]:
        """N(0, 1) for all classes, of which a shard takes its own, so that shards together have the same."""
        store, labels = self.store, self.labels()
        shape = (len(labels), store.frames, 3, self.side, self.side)
        clips = torch.randn(shape, generator=generator(self.seed, "noise"))
        part = slice(store.part.start * self.vpc, store.part.stop * self.vpc)
        return clips[part].clone().to(self.compute.device), labels[part]

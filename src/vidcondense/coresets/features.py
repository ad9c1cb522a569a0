"""Features that coresets are selected by: embeddings of networks, random or trained on all real clips."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vidcondense import networks
from vidcondense.base.compute import Compute, derive_seed, generator
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.progress import Progress
from vidcondense.data.batches import RealBatch
from vidcondense.data.store import ClipStore
from vidcondense.evaluation.clips import StoreClips
from vidcondense.evaluation.protocols import Strict, diverged, train_network
from vidcondense.networks.base import VideoNetwork


class Features:
    """Embeds real clips in float32, in evaluation mode. A network is made when it is first needed.

    Args:
        store: the real videos; its training videos are what the network is trained on, if it is.
        kind: "random" or "trained": its weights.
        network: its name.
        flip: probability of mirroring a clip in training.
        seed: of weights and training.
        compute: device, and precision of training.
        show: whether to print progress.
        count: networks whose features stand side by side; one trained network, or any number of random ones.

    Attributes:
        record: where features came from, for provenance; empty as long as none were needed.
    """

    def __init__(
        self,
        store: ClipStore,
        kind: str,
        *,
        network: str,
        flip: float,
        seed: int,
        compute: Compute,
        show: bool = False,
        count: int = 1,
    ) -> None:
        self._store, self._kind, self._name, self._flip, self._seed = store.whole, kind, network, flip, seed
        self._compute, self._show, self._count = compute, show, count
        self.record: dict[str, Any] = {}

    def __call__(self, batches: Sequence[RealBatch]) -> Iterator[NDArray[np.float64]]:
        """Yield features (clip, feature) of each batch in turn, those of several networks side by side.

        Memory holds a few clips and, beside the first one, one network at a time.

        Raises:
            VidcondenseError: training diverged, or a feature is not finite.
        """
        first = self._network
        with Progress(len(batches), enabled=self._show) as progress, torch.no_grad():
            for batch in batches:
                features = [self._embedded(first, batch)]
                features += [self._embedded(self._random(i), batch) for i in range(1, self._count)]
                yield torch.cat(features, 1).double().numpy()
                progress.advance()

    def _embedded(self, network: VideoNetwork, batch: RealBatch) -> Tensor:
        """Features of one network, (clip, feature) float32 on the CPU."""
        chunk = network.chunk(self._compute.exact)
        clips = (part for part, _ in batch.read(self._store, self._compute.exact, chunk))
        features = torch.cat([network.embed(part).cpu() for part in clips])
        if not bool(features.isfinite().all()):
            raise VidcondenseError(f"{self._name} gave features that are not finite")
        return features

    @cached_property
    def _network(self) -> VideoNetwork:
        self.record = {"weights": self._kind, "network": self._name, "seed": self._seed}
        if self._count > 1:
            self.record["networks"] = self._count
        return self._random() if self._kind == "random" else self._trained().eval().requires_grad_(False)

    def _random(self, number: int = 0) -> VideoNetwork:
        """One of the random networks; the first is the same however many there are."""
        stream = ("weights", number) if number else ("weights",)
        rng = generator(derive_seed(self._seed, "features"), *stream)
        network = networks.draw(self._name, self._store.shape, rng, self._compute.device)
        return network.eval().requires_grad_(False)

    def _trained(self) -> VideoNetwork:
        rule, store = Strict(), self._store
        clips = StoreClips(store, self._flip, self._compute)
        with Progress(rule.length(len(clips)), enabled=self._show) as progress:
            progress.say(f"training {self._name} on all {len(clips)} training videos for features")
            network, loss = train_network(
                self._name,
                store,
                clips,
                rule,
                self._compute,
                derive_seed(self._seed, "features"),
                lambda loss: progress.advance(loss=loss),
            )
        if diverged(loss, clips, len(store.class_names)):
            raise VidcondenseError(
                f"the network for features did not learn (loss {loss:.3g}, guessing gives "
                f"{np.log(len(store.class_names)):.3g}); try another --seed, or --set coreset.features=random"
            )
        self.record |= {
            "protocol": rule.settings(),
            "training_videos": len(clips),
            "training_loss": loss,
            "training_accuracy": self._accuracy(network.eval()),
        }
        return network

    @torch.no_grad()
    def _accuracy(self, network: VideoNetwork) -> float:
        """Share of training videos of which the middle window is classified rightly."""
        store, exact = self._store, self._compute.exact
        videos = store.select("train")
        starts = store.even_starts(videos, 1).reshape(-1)
        parts = RealBatch.unflipped(store, videos, starts).read(store, exact, network.chunk(exact))
        return sum(int((network(clips).argmax(1) == labels).sum()) for clips, labels in parts) / len(videos)

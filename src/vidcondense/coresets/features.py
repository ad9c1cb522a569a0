"""Features that coresets are selected by: embeddings of one network, random or trained on all real clips."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vidcondense import networks
from vidcondense.base.compute import Compute, derive_seed, generator
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.progress import Progress
from vidcondense.data.batches import RealBatch
from vidcondense.data.store import ClipStore
from vidcondense.evaluation.clips import StoreClips
from vidcondense.evaluation.protocols import Strict, diverged, scored, train_network
from vidcondense.networks.base import VideoNetwork
from vidcondense.recipes.recipe import Recipe


class Features:
    """Embeds real clips in float32, in evaluation mode. The network is made when it is first needed.

    Args:
        store: the real videos; its training videos are what the network is trained on, if it is.
        recipe: `coreset.features` (random or trained), `network`, `flip` and `seed`.
        compute: device, and precision of training.
        show: whether to print progress.

    Attributes:
        record: where features came from, for provenance; empty as long as none were needed.
    """

    def __init__(self, store: ClipStore, recipe: Recipe, compute: Compute, show: bool) -> None:
        self._store, self._recipe, self._compute, self._show = store, recipe, compute, show
        self._exact = Compute(compute.device, torch.float32)
        self.record: dict[str, Any] = {}

    def __call__(self, batches: Sequence[RealBatch]) -> Iterator[NDArray[np.float64]]:
        """Yield features (clip, feature) of each batch in turn; memory holds a few clips at a time.

        Raises:
            VidcondenseError: training diverged, or a feature is not finite.
        """
        network = self._network
        chunk = network.chunk(self._exact)
        with Progress(len(batches), enabled=self._show) as progress, torch.no_grad():
            for batch in batches:
                clips = (part for part, _ in batch.read(self._store, self._exact, chunk))
                features = torch.cat([network.embed(part).cpu() for part in clips])
                if not bool(features.isfinite().all()):
                    raise VidcondenseError(f"{self._recipe.network} gave features that are not finite")
                yield features.double().numpy()
                progress.advance()

    @cached_property
    def _network(self) -> VideoNetwork:
        kind, name, seed = self._recipe.coreset.features, self._recipe.network, self._recipe.seed
        self.record = {"weights": kind, "network": name, "seed": seed}
        network = self._random() if kind == "random" else self._trained()
        return network.eval().requires_grad_(False)

    def _seed(self) -> int:
        return derive_seed(self._recipe.seed, "features")

    def _random(self) -> VideoNetwork:
        store = self._store
        network = networks.build(self._recipe.network, len(store.class_names), store.frames, store.size)
        networks.initialise(network, generator(self._seed(), "weights"))
        networks.channels_last(network.to(self._compute.device))
        return network

    def _trained(self) -> VideoNetwork:
        rule, store = Strict(), self._store
        clips = StoreClips(store, self._recipe.flip, self._compute)
        with Progress(rule.length(len(clips)), enabled=self._show) as progress:
            progress.say(f"training {self._recipe.network} on all {len(clips)} training videos for features")
            network, loss = train_network(
                self._recipe.network,
                store,
                clips,
                rule,
                self._compute,
                self._seed(),
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
            "training_accuracy": self._accuracy(network),
        }
        return network

    @torch.no_grad()
    def _accuracy(self, network: VideoNetwork) -> float:
        """Share of training videos of which the middle window is classified rightly."""
        store, videos = self._store, self._store.select("train")
        starts = store.even_starts(videos, 1).reshape(-1)
        batch = RealBatch(videos, starts, np.zeros(len(videos), dtype=np.bool_), store.labels[videos])
        right = 0
        for clips, labels in batch.read(store, self._exact, network.chunk(self._exact)):
            right += int((scored(network, clips, self._exact).argmax(1) == labels).sum())
        return right / len(videos)

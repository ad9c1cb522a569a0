"""The training of one expert, epoch by epoch."""

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from vidcondense import networks
from vidcondense.base.compute import Compute, derive_seed, generator
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.interrupt import Interrupted
from vidcondense.base.progress import Progress
from vidcondense.data.batches import RealBatch
from vidcondense.data.store import ClipStore
from vidcondense.experts.buffer import Experts
from vidcondense.networks.base import VideoNetwork
from vidcondense.networks.flat import flatten, load
from vidcondense.networks.passes import forward


def train_expert(
    experts: Experts,
    number: int,
    store: ClipStore,
    compute: Compute,
    progress: Progress,
    interrupted: Callable[[], bool],
) -> None:
    """Train one expert from where it is to its last epoch."""
    settings = experts.plan["settings"]
    record = experts.records[number]
    rng = generator(experts.root, "expert", number)
    module = networks.draw(experts.plan["network"], store.shape, rng, compute.device)
    if record:
        load(module, experts.weights(number, len(record) - 1))
    else:
        experts.append(number, flatten(module), None, None)
    while len(record) <= experts.epochs:
        epoch = len(record)
        try:
            # Dropout draws from the global generator: give it a seed of its own and leave the caller's alone.
            with torch.random.fork_rng():
                torch.manual_seed(derive_seed(experts.root, "dropout", number, epoch))
                order = np.random.default_rng(derive_seed(experts.root, "epoch", number, epoch))
                loss, accuracy = _epoch(module, store, settings, order, compute, interrupted)
        except Interrupted as stop:
            raise Interrupted(
                f"stopped in epoch {epoch} of {experts.epochs} of expert {number + 1} of {experts.count}; "
                f"whole epochs are saved, run the same command again to go on"
            ) from stop
        weights = flatten(module)
        if not math.isfinite(loss) or not bool(weights.isfinite().all()):
            raise VidcondenseError(
                f"expert {number + 1} diverged in epoch {epoch} (loss {loss}): the step size "
                f"{settings['learning_rate']:g} is too large; try a tenth of it in another folder"
            )
        experts.append(number, weights, loss, accuracy)
        progress.advance(expert=number + 1, epoch=epoch, loss=loss, accuracy=accuracy)


def _epoch(
    module: VideoNetwork,
    store: ClipStore,
    settings: dict[str, Any],
    rng: np.random.Generator,
    compute: Compute,
    interrupted: Callable[[], bool],
) -> tuple[float, float]:
    """Passes over the training videos; returns mean loss and accuracy on them as they were trained on."""
    module.train()
    optimiser = torch.optim.SGD(module.parameters(), settings["learning_rate"])
    chunk = module.chunk(compute)
    loss, right, seen = 0.0, 0, 0
    passes = passes_of(settings, len(store.select("train")))
    shown = (batches(store, settings["batch"], settings["flip"], rng) for _ in range(passes))
    for batch in itertools.chain.from_iterable(shown):
        optimiser.zero_grad(set_to_none=True)
        for clips, labels in batch.read(store, compute.exact, chunk):
            if interrupted():
                raise Interrupted
            scores = forward(module, clips, compute)
            total = F.cross_entropy(scores, labels, reduction="sum")
            (total / len(batch.videos)).backward()
            loss += total.item()
            right += int((scores.argmax(1) == labels).sum())
        optimiser.step()
        seen += len(batch.videos)
    return loss / seen, right / seen


def passes_of(settings: dict[str, Any], clips: int) -> int:
    """How often an epoch shows each clip: once, or until it has its least number of steps."""
    return max(1, math.ceil(int(settings["steps"]) / math.ceil(clips / int(settings["batch"]))))


def batches(store: ClipStore, size: int, flip: float, rng: np.random.Generator) -> Iterator[RealBatch]:
    """Every training video once, in random order, at a random start, mirrored with probability `flip`."""
    videos = rng.permutation(store.select("train"))
    starts = store.random_starts(videos, rng)
    flips = store.random_flips(len(videos), flip, rng)
    for first in range(0, len(videos), size):
        part = slice(first, first + size)
        yield RealBatch(videos[part], starts[part], flips[part], store.labels[videos[part]])

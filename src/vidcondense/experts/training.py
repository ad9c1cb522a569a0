"""Training expert networks on the real clips of a store, resumable at every epoch."""

import dataclasses
import math
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidcondense import networks
from vidcondense.base import files
from vidcondense.base.compute import Compute, choose, derive_seed, generator
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.interrupt import Interrupted, catch_interrupts
from vidcondense.base.progress import Progress
from vidcondense.base.settings import Count, Share, convert
from vidcondense.base.versions import versions
from vidcondense.data.batches import RealBatch
from vidcondense.data.store import ClipStore
from vidcondense.experts.buffer import Experts, start
from vidcondense.experts.settings import ExpertSettings
from vidcondense.networks.base import VideoNetwork
from vidcondense.networks.flat import flatten, load

GIGABYTE = 10**9
HEADER_BYTES = 256
"""About what a file of weights holds beside them."""


def train(
    store: ClipStore,
    out: Path | str,
    settings: ExpertSettings | None = None,
    *,
    network: str = "minic3d",
    flip: float = 0.5,
    seed: int = 0,
    compute: Compute | None = None,
    show: bool = True,
) -> Experts:
    """Train networks on real clips and keep their weights after every epoch (MTT; Cazenavette et al., 2022).

    Plain SGD without momentum, weight decay or schedule. Every epoch shows each training video once, in a
    fresh order, from a random start and mirrored with probability `flip`. Clips are read from the store as
    they are needed. The same arguments give the same bytes; call again after an interruption to go on, or
    with more experts or epochs to add some.

    Args:
        store: the real videos; its training videos under its split are used.
        out: new folder, or one that an earlier call left.
        settings: how many experts, and how they are trained; as published by default.
        network: name of the network.
        flip: probability of mirroring a clip.
        seed: of weights, order, starts, flips and dropout.
        compute: where and how precisely; weights are float32 always. None chooses as `condense` does.
        show: whether to print cost and progress.

    Raises:
        VidcondenseError: a number out of range, a folder with something else in it, a network that cannot
            serve, too little space, or an expert that diverged.
        Interrupted: Ctrl-C or SIGTERM; whole epochs are saved.
    """
    settings = settings or ExpertSettings()
    flip, seed = convert(flip, Share, "flip"), convert(seed, Count, "seed")
    compute = compute or choose()
    module = _network(network, store)
    plan = {
        "store": {"name": store.name, "fingerprint": store.fingerprint, "split": store.split},
        "clips": {"classes": len(store.class_names), "frames": store.frames, "size": store.size},
        "network": network,
        "settings": {**dataclasses.asdict(settings), "flip": flip, "seed": seed},
        "precision": compute.precision,
        "device": compute.device.type,
    }
    with files.lock_folder(files.make_folder(Path(out))):
        experts = start(Path(out), plan, module, versions())
        missing = [settings.epochs + 1 - len(record) for record in experts.records]
        _check_space(experts.path, sum(missing) * _file_bytes(module))
        experts.save()
        total = settings.count * settings.epochs
        done = total - sum(min(count, settings.epochs) for count in missing)
        with Progress(total, done, enabled=show) as progress:
            if show and done < total:
                progress.say(_cost(experts, store, compute, total - done, sum(missing) * _file_bytes(module)))
            with catch_interrupts() as interrupted:
                for number in range(settings.count):
                    _expert(experts, number, store, compute, progress, interrupted)
    return experts


def _network(name: str, store: ClipStore) -> VideoNetwork:
    module = networks.build(name, len(store.class_names), store.frames, store.size)
    if any(isinstance(layer, nn.modules.batchnorm._BatchNorm) for layer in module.modules()):
        raise VidcondenseError(
            f"{name} has batch normalisation, whose running statistics a trajectory of weights does not "
            f"hold; train experts of another network"
        )
    return module


def _expert(
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
    module = _network(experts.plan["network"], store)
    networks.initialise(module, generator(settings["seed"], "expert", number))
    if record:
        load(module, experts.weights(number, len(record) - 1))
    else:
        experts.append(number, flatten(module), None, None)
    networks.channels_last(module.to(compute.device))
    while len(record) <= experts.epochs:
        epoch = len(record)
        try:
            # Dropout draws from the global generator: give it a seed of its own and leave the caller's alone.
            with torch.random.fork_rng():
                torch.manual_seed(derive_seed(settings["seed"], "dropout", number, epoch))
                rng = np.random.default_rng(derive_seed(settings["seed"], "epoch", number, epoch))
                loss, accuracy = _epoch(module, store, settings, rng, compute, interrupted)
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
    """One pass over the training videos; returns mean loss and accuracy on them as they were trained on."""
    module.train()
    optimiser = torch.optim.SGD(module.parameters(), settings["learning_rate"])
    chunk = module.chunk(compute)
    loss, right, seen = 0.0, 0, 0
    for batch in _batches(store, settings["batch"], settings["flip"], rng):
        optimiser.zero_grad(set_to_none=True)
        for clips, labels in batch.read(store, Compute(compute.device, torch.float32), chunk):
            if interrupted():
                raise Interrupted
            scores = _scores(module, clips, compute)
            total = F.cross_entropy(scores, labels, reduction="sum")
            (total / len(batch.videos)).backward()
            loss += total.item()
            right += int((scores.argmax(1) == labels).sum())
        optimiser.step()
        seen += len(batch.videos)
    return loss / seen, right / seen


def _batches(store: ClipStore, size: int, flip: float, rng: np.random.Generator) -> Iterator[RealBatch]:
    """Every training video once, in random order, at a random start, mirrored with probability `flip`."""
    videos = rng.permutation(store.select("train"))
    starts = store.random_starts(videos, rng)
    flips = rng.random(len(videos)) < flip
    for first in range(0, len(videos), size):
        part = slice(first, first + size)
        yield RealBatch(videos[part], starts[part], flips[part], store.labels[videos[part]])


def _scores(module: VideoNetwork, clips: Tensor, compute: Compute) -> Tensor:
    with torch.autocast(compute.device.type, compute.dtype, enabled=compute.dtype != torch.float32):
        scores: Tensor = module(clips)
    return scores.float()


def _file_bytes(module: nn.Module) -> int:
    return sum(value.numel() for value in module.parameters()) * 4 + HEADER_BYTES


def _check_space(path: Path, needed: int) -> None:
    free = shutil.disk_usage(path).free
    if needed > free:
        raise VidcondenseError(
            f"the experts need {needed / GIGABYTE:.1f} GB more in {path}, where {free / GIGABYTE:.1f} GB are "
            f"free; choose another disk, or fewer experts or epochs"
        )


def _cost(experts: Experts, store: ClipStore, compute: Compute, epochs: int, needed: int) -> str:
    """What training will cost, with the time of a few clips measured here and now."""
    module = _network(experts.plan["network"], store)
    networks.initialise(module, generator(0))
    networks.channels_last(module.to(compute.device))
    clips = len(store.select("train"))
    few = {**experts.plan["settings"], "batch": module.chunk(compute)}
    batch = next(_batches(store, few["batch"], 0.0, np.random.default_rng(0)))
    seconds = 0.0
    for _ in range(2):  # the first turn only warms up
        began = time.perf_counter()
        for shown, labels in batch.read(store, Compute(compute.device, torch.float32), few["batch"]):
            F.cross_entropy(_scores(module, shown, compute), labels).backward()
        seconds = time.perf_counter() - began
    left = seconds / len(batch.videos) * clips * epochs
    return (
        f"{experts.count} experts of {experts.epochs} epochs in {experts.path}: {needed / GIGABYTE:.2f} GB "
        f"of disk to go; {epochs} epochs of {clips} clips, about {left / 60:.1f} min on {compute.device} in "
        f"{compute.precision}"
    )

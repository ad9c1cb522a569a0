"""Training expert networks on the real clips of a store, resumable at every epoch."""

import dataclasses
import itertools
import math
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from vidcondense import networks
from vidcondense.base import files
from vidcondense.base.compute import Compute, choose, derive_seed, generator
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.interrupt import Interrupted, catch_interrupts
from vidcondense.base.progress import Progress
from vidcondense.base.settings import Count, Share, convert
from vidcondense.base.units import duration
from vidcondense.base.versions import versions
from vidcondense.data.batches import RealBatch
from vidcondense.data.store import ClipStore
from vidcondense.experts.buffer import STREAMS, Experts, start, start_anew
from vidcondense.experts.settings import ExpertSettings
from vidcondense.networks.base import VideoNetwork
from vidcondense.networks.flat import flatten, load
from vidcondense.networks.measure import measure
from vidcondense.networks.passes import forward

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
    force: bool = False,
) -> Experts:
    """Train networks on real clips and keep their weights after every epoch (MTT; Cazenavette et al., 2022).

    Plain SGD without momentum, weight decay or schedule. Every epoch shows each training video once, or as
    often as `settings.steps` wants, in a fresh order, from a random start and mirrored with probability
    `flip`. Clips are read from the store as
    they are needed. The same arguments give the same bytes; call again after an interruption to go on, or
    with more experts or epochs to add some.

    Args:
        store: the real videos; its training videos under its split are used.
        out: new folder, or one that an earlier call left.
        settings: how many experts, and how they are trained; as published by default.
        network: name of the network.
        flip: probability of mirroring a clip.
        seed: of weights, order, starts, flips and dropout, on each split others.
        compute: where and how precisely; weights are float32 always. None chooses as `condense` does.
        show: whether to print cost and progress.
        force: start anew; the experts in the folder are removed first.

    Raises:
        VidcondenseError: a number out of range, a folder with something else in it, a network that cannot
            serve, too little space, or an expert that diverged.
        Interrupted: Ctrl-C or SIGTERM; whole epochs are saved.
    """
    settings = settings or ExpertSettings()
    flip, seed = convert(flip, Share, "flip"), convert(seed, Count, "seed")
    compute = compute or choose()
    outline = networks.outline(network, *store.shape)
    if any(isinstance(layer, nn.modules.batchnorm._BatchNorm) for layer in outline.modules()):
        raise VidcondenseError(
            f"{network} has batch normalisation, whose running statistics a trajectory of weights does not "
            f"hold; train experts of another network"
        )
    file_bytes = outline.weights * 4 + HEADER_BYTES
    plan = {
        "store": {"name": store.name, "fingerprint": store.fingerprint, "split": store.split},
        "clips": dict(zip(("classes", "frames", "size"), store.shape, strict=True)),
        "network": network,
        "settings": {**dataclasses.asdict(settings), "flip": flip, "seed": seed},
        "precision": compute.precision,
        "device": compute.device.type,
        "streams": STREAMS,
    }
    with files.lock_folder(files.make_folder(Path(out))):
        begin = start_anew if force else start
        experts = begin(Path(out), plan, outline, versions())
        missing = [settings.epochs + 1 - len(record) for record in experts.records]
        needed = sum(missing) * file_bytes
        _check_space(experts.path, needed)
        if needed:
            experts.save()
        total = settings.count * settings.epochs
        done = total - sum(min(count, settings.epochs) for count in missing)
        with Progress(total, done, enabled=show) as progress:
            if show and done < total:
                progress.say(_cost(experts, store, compute, total - done, needed))
            elif show:
                progress.say(f"{out} has these experts already: nothing to do")
            with catch_interrupts() as interrupted:
                for number in range(settings.count):
                    _expert(experts, number, store, compute, progress, interrupted)
        if doubt := experts.doubt():
            Progress(0, enabled=show).say(doubt)
    return experts


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
    passes = _passes(settings, len(store.select("train")))
    batches = (_batches(store, settings["batch"], settings["flip"], rng) for _ in range(passes))
    for batch in itertools.chain.from_iterable(batches):
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


def _passes(settings: dict[str, Any], clips: int) -> int:
    """How often an epoch shows each clip: once, or until it has its least number of steps."""
    return max(1, math.ceil(int(settings["steps"]) / math.ceil(clips / int(settings["batch"]))))


def _batches(store: ClipStore, size: int, flip: float, rng: np.random.Generator) -> Iterator[RealBatch]:
    """Every training video once, in random order, at a random start, mirrored with probability `flip`."""
    videos = rng.permutation(store.select("train"))
    starts = store.random_starts(videos, rng)
    flips = store.random_flips(len(videos), flip, rng)
    for first in range(0, len(videos), size):
        part = slice(first, first + size)
        yield RealBatch(videos[part], starts[part], flips[part], store.labels[videos[part]])


def _check_space(path: Path, needed: int) -> None:
    free = shutil.disk_usage(path).free
    if needed > free:
        raise VidcondenseError(
            f"the experts need {needed / GIGABYTE:.1f} GB more in {path}, where {free / GIGABYTE:.1f} GB are "
            f"free; choose another disk, or fewer experts or epochs"
        )


def _cost(experts: Experts, store: ClipStore, compute: Compute, epochs: int, needed: int) -> str:
    """What training will cost, with the time of a few clips measured here and now."""
    module = networks.draw(experts.plan["network"], store.shape, generator(0), compute.device)
    few = module.chunk(compute)
    batch = next(_batches(store, few, 0.0, np.random.default_rng(0)))

    def step() -> None:
        for clips, labels in batch.read(store, compute.exact, few):
            F.cross_entropy(forward(module, clips, compute), labels).backward()

    clips = len(store.select("train"))
    passes = _passes(experts.plan["settings"], clips)
    left = measure(step, store).seconds / len(batch.videos) * clips * passes * epochs
    often = f", {passes} times each" if passes > 1 else ""
    return (
        f"{experts.count} experts of {experts.epochs} epochs in {experts.path}: {needed / GIGABYTE:.2f} GB "
        f"of disk to go; {epochs} epochs of {clips} clips{often}, about {duration(left)} on {compute.device} "
        f"in {compute.precision}"
    )

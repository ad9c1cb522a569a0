"""Training expert networks on the real clips of a store, resumable at every epoch."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import torch.nn.functional as F
from torch import nn

from vidcondense import networks
from vidcondense.base import files
from vidcondense.base.compute import Compute, choose, generator
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.interrupt import catch_interrupts
from vidcondense.base.progress import Progress
from vidcondense.base.settings import Count, Share, convert
from vidcondense.base.units import duration
from vidcondense.base.versions import versions
from vidcondense.data.store import ClipStore
from vidcondense.experts.buffer import STREAMS, Experts, start, start_anew
from vidcondense.experts.epochs import batches, passes_of, train_expert
from vidcondense.experts.expert import gather, share
from vidcondense.experts.settings import ExpertSettings
from vidcondense.networks.measure import measure
from vidcondense.networks.passes import forward
from vidcondense.work.engines import HERE, check_on

GIGABYTE = 10**9
THERE = "has these experts already: nothing to do"
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
    jobs: int = 1,
    on: str = HERE,
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
        jobs: experts at a time on this machine: 1 trains them one after another in this process; others are
            processes with as many threads as OMP_NUM_THREADS says, else one.
        on: "here", "ray" or "ray://HOST:PORT": see docs/scale.md.
        show: whether to print cost and progress.
        force: start anew; the experts in the folder are removed first.

    Raises:
        UnitsFailed: experts that failed three times; the others are trained.
        VidcondenseError: a number out of range, a folder with something else in it, a network that cannot
            serve, too little space, an expert that diverged, or a cluster that cannot be worked with.
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
    check_on(on, jobs)
    with files.lock_folder(files.make_folder(Path(out))):
        begin = start_anew if force else start
        experts = begin(Path(out), plan, outline, versions())
        gather(experts)
        missing = [settings.epochs + 1 - len(record) for record in experts.records[: settings.count]]
        needed = sum(count for count in missing if count > 0) * file_bytes
        _check_space(experts.path, needed)
        if needed:
            experts.save()
        total = settings.count * settings.epochs
        left = sum(min(max(count, 0), settings.epochs) for count in missing)
        say = Progress(0, enabled=show).say
        if show:
            say(_cost(experts, store, compute, left, needed) if left else f"{out} {THERE}")
        if on == HERE and jobs == 1:
            _train(experts, store, compute, total, left, show)
        elif left:
            share(experts, store, compute, jobs, on, show)
        if doubt := experts.doubt():
            say(doubt)
    return experts


def _train(experts: Experts, store: ClipStore, compute: Compute, total: int, left: int, show: bool) -> None:
    """Train all experts in this process."""
    with Progress(total, total - left, enabled=show) as progress, catch_interrupts() as interrupted:
        for number in range(experts.count):
            train_expert(experts, number, store, compute, progress, interrupted)


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
    batch = next(batches(store, few, 0.0, np.random.default_rng(0)))

    def step() -> None:
        for clips, labels in batch.read(store, compute.exact, few):
            F.cross_entropy(forward(module, clips, compute), labels).backward()

    clips = len(store.select("train"))
    passes = passes_of(experts.plan["settings"], clips)
    left = measure(step, store).seconds / len(batch.videos) * clips * passes * epochs
    often = f", {passes} times each" if passes > 1 else ""
    return (
        f"{experts.count} experts of {experts.epochs} epochs in {experts.path}: {needed / GIGABYTE:.2f} GB "
        f"of disk to go; {epochs} epochs of {clips} clips{often}, about {duration(left)} on {compute.device} "
        f"in {compute.precision}"
    )

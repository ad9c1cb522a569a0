"""How far the fast path's gradients lie from those in float64, frame by frame, on real clips.

    python measurements/precision.py STORE [--networks 3] [--batch-real 8]

The exact side is `measurements/reference.py` in float64: plain layers, one class after another, clips of 64
pixels or more. Both sides get the same weights, real clips and synthetic clips (real ones with noise). For
every frame of every synthetic clip: the cosine between both gradients, and the ratio of their norms.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

import reference
from vidcondense import networks
from vidcondense.base.compute import Compute, choose, generator, normalise
from vidcondense.data.batches import IMAGENET_MEAN, IMAGENET_STD, sample
from vidcondense.data.store import ClipStore
from vidcondense.networks.base import VideoNetwork
from vidcondense.networks.optimiser import low_pass
from vidcondense.objectives.distribution_matching import distribution_matching

LAYERS = {"features.0": "conv1", "features.3": "conv2", "features.6": "conv3", "logit": "logit"}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path)
    parser.add_argument("--networks", type=int, default=3)
    parser.add_argument("--batch-real", type=int, default=8)
    options = parser.parse_args()
    store, device = ClipStore.open(options.store), choose("cpu").device
    shape = (len(store.class_names), store.frames, store.size)
    found: dict[str, list[torch.Tensor]] = {}
    for number in range(options.networks):
        drawn = networks.build("minic3d", *shape).requires_grad_(False)
        networks.initialise(drawn, generator(0, "network", number))
        batch = sample(store, options.batch_real, 0.0, np.random.default_rng(number))
        pixels = store.read(batch.videos, batch.starts)
        labels = torch.from_numpy(batch.labels)
        firsts = torch.searchsorted(labels, torch.arange(shape[0]))
        clips = normalise(pixels[firsts], IMAGENET_MEAN, IMAGENET_STD, Compute(device, torch.float32))
        clips = clips + 0.5 * torch.randn(clips.shape, generator=generator(1, number))
        exact = exact_gradient(drawn, pixels, labels, clips)
        for dtype in (torch.float32, torch.bfloat16):
            compute = Compute(device, dtype)
            gradient = fast_gradient(drawn, pixels, labels, clips, compute)
            for name, cutoff in ((compute.precision, 0.0), (f"{compute.precision}, low pass 4", 4.0)):
                a, b = (low_pass(g.float(), cutoff).flatten(2).double() for g in (gradient, exact))
                cosine = torch.nn.functional.cosine_similarity(a, b, dim=2)
                found.setdefault(name, []).append(torch.stack([cosine, a.norm(dim=2) / b.norm(dim=2)]))
    frames = options.networks * len(clips) * store.frames
    print(f"{options.networks} networks, {frames} frames of {store.size}x{store.size} from {store.name}")
    print("precision: cosine with float64 (worst, mean); norm over float64's (lowest, highest)")
    for name, parts in found.items():
        cosine, norm = torch.cat(parts, 1)
        print(f"{name}: {cosine.min():.5f}, {cosine.mean():.5f}; {norm.min():.4f}, {norm.max():.4f}")


def fast_gradient(
    drawn: VideoNetwork, pixels: torch.Tensor, labels: torch.Tensor, clips: torch.Tensor, compute: Compute
) -> torch.Tensor:
    """As `condense` computes it."""
    shape = (len(clips), clips.shape[1], clips.shape[-1])
    network = networks.build("minic3d", *shape).requires_grad_(False)
    network.load_state_dict(drawn.state_dict())
    networks.channels_last(network.to(compute.dtype))
    chunk = network.chunk(compute)
    real = (
        (normalise(part, IMAGENET_MEAN, IMAGENET_STD, compute), target)
        for part, target in zip(pixels.split(chunk), labels.split(chunk), strict=True)
    )
    return distribution_matching(network, real, clips, torch.arange(len(clips)), chunk)[1]


def exact_gradient(
    drawn: VideoNetwork, pixels: torch.Tensor, labels: torch.Tensor, clips: torch.Tensor
) -> torch.Tensor:
    """In float64, by plain layers."""
    plain = reference.ReferenceNetwork(len(clips), clips.shape[-1]).double().requires_grad_(False)
    weights = drawn.state_dict()
    plain.load_state_dict(
        {f"{a}.{p}": weights[f"{b}.{p}"] for a, b in LAYERS.items() for p in ("weight", "bias")}
    )
    mean, std = (torch.tensor(v, dtype=torch.float64).view(3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))
    gradients = []
    for c in range(len(clips)):
        with torch.no_grad():
            real = [plain.embed((p[None].double() / 255 - mean) / std) for p in pixels[labels == c]]
        leaf = clips[c : c + 1].double().requires_grad_()
        distance = (plain.embed(leaf)[0] - torch.cat(real).mean(0)).square().sum()
        gradients.append(torch.autograd.grad(distance, leaf)[0])
    return torch.cat(gradients)


if __name__ == "__main__":
    main()

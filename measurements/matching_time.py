"""Matching loss on networks that no run has seen, against the time that it took: which settings pay.

    python measurements/matching_time.py STORE RECIPE[:KEY=VALUE,...] ... [--networks 4] [--batch-real 32]

Each recipe is condensed in this process and thread, without mirrored clips; then its clips meet the same
networks and up to `--batch-real` training clips per class. No test video takes part.
"""

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vidcondense import networks
from vidcondense.base.compute import Compute, choose, generator
from vidcondense.data.batches import sample
from vidcondense.data.store import ClipStore
from vidcondense.networks.base import VideoNetwork
from vidcondense.objectives.distribution_matching import mean_features
from vidcondense.recipes import load as recipe
from vidcondense.run.state import State

UNSEEN = 999  # a seed of its own, so that no run drew these networks


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path)
    parser.add_argument("recipes", nargs="+", metavar="RECIPE[:KEY=VALUE,...]")
    parser.add_argument("--networks", type=int, default=4)
    parser.add_argument("--batch-real", type=int, default=32)
    options = parser.parse_args()
    torch.set_num_threads(1)
    store, compute = ClipStore.open(options.store), choose("cpu")
    unseen = [unseen_network(store, compute, n, options.batch_real) for n in range(options.networks)]
    for wanted in options.recipes:
        name, _, pairs = wanted.partition(":")
        overrides = recipe.parse_overrides([pair for pair in pairs.split(",") if pair])
        began = time.process_time()  # what learning starts from may have to be selected
        state = State.start(store, recipe.load(name, vpc=1, overrides={"flip": 0.0, **overrides}), compute)
        paused = time.process_time()
        before = loss(state, unseen, compute)
        began += time.process_time() - paused
        while state.iteration < state.recipe.iterations:
            state.iterate()
        seconds = time.process_time() - began
        after = loss(state, unseen, compute)
        keys = state.synthetic.key_frames
        print(f"{wanted}: {before:.3f} to {after:.3f} in {seconds:.1f} s, {keys} key frames", flush=True)


def unseen_network(
    store: ClipStore, compute: Compute, number: int, batch_real: int
) -> tuple[VideoNetwork, Tensor]:
    """A network and the mean features of real clips."""
    classes = len(store.class_names)
    network = networks.build("minic3d", classes, store.frames, store.size).requires_grad_(False)
    networks.initialise(network, generator(UNSEEN, number))
    networks.channels_last(network.to(compute.dtype))
    batch = sample(store, batch_real, 0.0, np.random.default_rng(number))
    return network, mean_features(network, batch.read(store, compute, network.chunk(compute)), classes)


@torch.no_grad()
def loss(state: State, unseen: list[tuple[VideoNetwork, Tensor]], compute: Compute) -> float:
    """The mean over networks of the squared distance of mean features, summed over classes."""
    clips, labels = state.synthetic.render().to(compute.dtype), state.synthetic.labels
    found = []
    for network, real in unseen:
        chunk = network.chunk(compute)
        parts = zip(clips.split(chunk), labels.split(chunk), strict=True)
        found.append((mean_features(network, parts, len(real)) - real).square().sum().item())
    return statistics.mean(found)


if __name__ == "__main__":
    main()

"""The matching loss of finished runs against many real clips and networks that no run has seen.

    python measurements/matching.py STORE RUN... [--networks 4] [--batch-real 32]

The loss in a run's log has the noise of a few real clips and one network in it. Here every condensed set
meets the same networks and up to `--batch-real` training clips per class. No test video takes part.
"""

import argparse
import statistics
from pathlib import Path

import numpy as np
import torch

from vidcondense import networks
from vidcondense.base.compute import choose, generator
from vidcondense.condensed import CondensedVideos
from vidcondense.data.batches import sample
from vidcondense.data.store import ClipStore
from vidcondense.objectives.distribution_matching import mean_features

UNSEEN = 999  # a seed of its own, so that no run drew these networks


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--networks", type=int, default=4)
    parser.add_argument("--batch-real", type=int, default=32)
    parser.add_argument("--flip", type=float, default=0.5)
    options = parser.parse_args()
    store, compute = ClipStore.open(options.store), choose()
    sets = [CondensedVideos.load(run / "condensed.safetensors") for run in options.runs]
    losses: list[list[float]] = [[] for _ in sets]
    classes = len(store.class_names)
    for number in range(options.networks):
        network = networks.build("minic3d", classes, store.frames, store.size).requires_grad_(False)
        networks.initialise(network, generator(UNSEEN, number))
        networks.channels_last(network.to(compute.dtype))
        chunk = network.chunk(compute)
        batch = sample(store, options.batch_real, options.flip, np.random.default_rng(number))
        real = mean_features(network, batch.read(store, compute, chunk), classes)
        for made, found in zip(sets, losses, strict=True):
            clips = made.render().to(compute.dtype)
            parts = zip(clips.split(chunk), made.labels.split(chunk), strict=True)
            found.append((mean_features(network, parts, classes) - real).square().sum().item())
    for run, made, found in zip(options.runs, sets, losses, strict=True):
        spread = statistics.stdev(found) if len(found) > 1 else 0.0
        print(f"{run.name}: {statistics.mean(found):.3f} ± {spread:.3f}, {made.holds}")


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    main()
